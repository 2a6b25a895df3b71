"""The namespaces that ports end in, and what `host:` and `namespaces:` ask of each.

Rules: a namespace that somebody else made is ground to stand on, never weft's unless it is adopted; any other is made
and marked. Those of
tenants and routers are weft's alone: nobody attaches to them or configures them.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_interface
from typing import TypeAlias

from weft.compiler.addressing import Span, number_of
from weft.compiler.draft import Draft, Space
from weft.compiler.links import compile_links
from weft.compiler.links.declared import Declared
from weft.compiler.routing import compile_neighbour, compile_route, compile_rule
from weft.compiler.settings import compile_sysctls, compile_tcp
from weft.kinds.ip.address import Address
from weft.kinds.netns import Namespace
from weft.model.intent import Intent, NamespaceConfig, Path
from weft.state import HOST

OWN_PREFIX = "weft."

Configs: TypeAlias = dict[str, tuple[NamespaceConfig, Path]]


def stand_on(draft: Draft, netns: str, path: Path, said: Path | None = None) -> str:
    """The namespace, put if weft is to make it. `said`: where in the intent it is named, if not at `path`."""
    if netns.startswith(OWN_PREFIX):
        draft.error(
            said or path, f"{netns}: such names are those of weft's own namespaces", "a name without `weft.` before it"
        )
        return netns
    space = draft.spaces.get(netns, Space(netns))
    if space.adopt or netns not in draft.facts.namespaces:
        mark = draft.names.mark(f"namespaces/{space.name}")
        draft.share(Namespace(name=netns, alias=mark, adopt=space.adopt), path)
    return netns


def configs_of(intent: Intent) -> Configs:
    """What `host:` and `namespaces:` say, by namespace, each with its path."""
    configs: Configs = {HOST: (intent.host, ("host",))} if intent.host else {}
    return configs | {config.was or name: (config, ("namespaces", name)) for name, config in intent.namespaces.items()}


def spaces_of(intent: Intent) -> dict[str, Space]:
    """What is said of each namespace itself, by its name in the kernel."""
    return {config.was or name: Space(name, config.adopt) for name, config in intent.namespaces.items()}


def compile_namespaces(draft: Draft, configs: Configs, declared: Declared) -> None:
    """All of `host:` and `namespaces:`. Last of all, for a route may leave by a port."""
    for netns, (_, path) in configs.items():
        if netns != HOST:
            stand_on(draft, netns, path)
    compile_links(draft, declared)
    for netns, (config, path) in configs.items():
        _compile_config(draft, netns, config, path)


def _compile_config(draft: Draft, netns: str, config: NamespaceConfig, path: Path) -> None:
    compile_sysctls(draft, netns, config.sysctls, (*path, "sysctls"))
    if config.tcp is not None:
        compile_tcp(draft, netns, config.tcp, (*path, "tcp"))
    towards = _link_towards(draft, netns)
    for at, route in enumerate(config.routes):
        compile_route(draft, netns, route, (*path, "routes", str(at)), towards)
    for at, rule in enumerate(config.rules):
        compile_rule(draft, netns, rule, (*path, "rules", str(at)))
    for at, neighbour in enumerate(config.neighbours):
        compile_neighbour(draft, netns, neighbour, (*path, "neighbours", str(at)))


def _link_towards(draft: Draft, netns: str) -> Callable[[str | None], str | None]:
    """Which link of the namespace has a next hop on one of its subnets, the narrowest first."""
    known: list[tuple[Span, str]] = []

    def towards(via: str | None) -> str | None:
        if via is None:
            return None
        if not known:
            known.extend(_subnets(draft, netns))
        family, number = number_of(via)
        fits = [(span.high - span.low, ifname) for span, ifname in known if span.covers(family, number)]
        return min(fits)[1] if fits else None

    return towards


def _subnets(draft: Draft, netns: str) -> list[tuple[Span, str]]:
    found = [
        (Span.of(str(ip_interface(obj.cidr).network)), obj.ifname)
        for obj in draft.state.values()
        if isinstance(obj, Address) and obj.netns == netns
    ]
    if netns == HOST:
        for link in draft.facts.links.values():
            found += [(Span.of(str(ip_interface(cidr).network)), link.ifname) for cidr in link.addresses]
    return found
