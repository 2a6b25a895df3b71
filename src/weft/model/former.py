"""References to what was renamed, by the name that the kernel has: `was:` of links and namespaces keeps that.

Rules: only references change, the keys of the intent stay the file's: what is told of an object has its new name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from weft.model.intent import Intent, NamespaceConfig, Port, Tenant
from weft.model.links import HostLink
from weft.state import HOST

Names = Mapping[str, str]
"""New name to former."""

HOST_WORD = "host"
_BESIDE = ("master", "primary", "peer")
T = TypeVar("T")


def as_named(intent: Intent) -> Intent:
    """The intent with every reference to a link or a namespace as the kernel knows it."""
    configs = {HOST: intent.host or NamespaceConfig(), **intent.namespaces}
    links = {name: _formers(config.links) for name, config in configs.items()}
    spaces = _formers(intent.namespaces)
    if not spaces and not any(links.values()):
        return intent
    named = {name: _config(config, name, links, spaces) for name, config in configs.items()}
    return replace(
        intent,
        external_networks={
            name: _said(network, ("link",), links[HOST]) for name, network in intent.external_networks.items()
        },
        tenants={name: _tenant(tenant, links, spaces) for name, tenant in intent.tenants.items()},
        host=named.pop(HOST) if intent.host else None,
        namespaces={name: named[name] for name in intent.namespaces},
    )


def _formers(named: Mapping[str, Any]) -> Names:
    return {name: held.was for name, held in named.items() if held.was}


def _tenant(tenant: Tenant, links: Mapping[str, Names], spaces: Names) -> Tenant:
    networks = {
        name: replace(network, segment=_said(network.segment, ("link",), links[HOST])) if network.segment else network
        for name, network in tenant.networks.items()
    }
    ports = {name: _port(port, links, spaces) for name, port in tenant.ports.items()}
    return replace(tenant, networks=networks, ports=ports)


def _port(port: Port, links: Mapping[str, Names], spaces: Names) -> Port:
    own = links.get(port.attach.netns or HOST, {})
    return replace(port, attach=_said(port.attach, ("netns",), spaces), routes=_routes(port.routes, own))


def _routes(routes: tuple[Any, ...], links: Names) -> tuple[Any, ...]:
    dev = ("dev",)
    hops = [tuple(_said(hop, dev, links) for hop in route.nexthops) for route in routes]
    return tuple(replace(_said(route, dev, links), nexthops=some) for route, some in zip(routes, hops, strict=True))


def _config(config: NamespaceConfig, netns: str, links: Mapping[str, Names], spaces: Names) -> NamespaceConfig:
    own = links[netns]
    return replace(
        config,
        sysctls={_sysctl(name, own): value for name, value in config.sysctls.items()},
        links={name: _link(spec, own, links, spaces) for name, spec in config.links.items()},
        routes=_routes(config.routes, own),
        rules=tuple(_said(rule, ("iif", "oif"), own) for rule in config.rules),
        neighbours=tuple(_said(neighbour, ("dev",), own) for neighbour in config.neighbours),
    )


def _sysctl(name: str, links: Names) -> str:
    """`net/ipv4/conf/LINK/...` and `net/ipv6/neigh/LINK/...`."""
    words = name.split("/")
    if len(words) > 4 and words[0] == "net" and words[2] in ("conf", "neigh"):
        words[3] = links.get(words[3], words[3])
    return "/".join(words)


def _link(spec: HostLink, own: Names, links: Mapping[str, Names], spaces: Names) -> Any:
    where = getattr(spec, "link_netns", None)
    below = own if where is None else links.get(HOST if where == HOST_WORD else where, {})
    said = _said(_said(_said(spec, _BESIDE, own), ("link",), below), ("link_netns",), spaces)
    members = getattr(said, "members", ())
    return replace(said, members=tuple(own.get(one, one) for one in members)) if members else said  # type: ignore[call-arg]


def _said(held: T, keys: tuple[str, ...], names: Names) -> T:
    """The record with what the keys of it name; it may have none of them."""
    known = {field.name for field in fields(held)}  # type: ignore[arg-type]
    changed = {key: names[getattr(held, key)] for key in keys if key in known and getattr(held, key) in names}
    return replace(held, **changed) if changed else held  # type: ignore[type-var]
