"""Every policy of an intent where it is written, and where it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weft.compiler.qos.shares import port_use
from weft.model.intent import Intent, NamespaceConfig, Path, Tenant
from weft.model.links import HostLink
from weft.model.qos import QosClass, QosDirection, QosPolicy, QosUse
from weft.records import dataclass

WAYS = ("egress", "ingress")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """One direction of a policy, written at `path`."""

    path: Path
    direction: QosDirection

    def classes(self) -> Iterator[tuple[Path, str, QosClass]]:
        for name, held in self.direction.classes.items():
            yield (*self.path, "classes", name), name, held


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUse:
    """A link with a policy. `netns` "" of the host's own."""

    path: Path
    netns: str
    ifname: str
    link: HostLink
    directions: Mapping[str, Stated]


def directions(intent: Intent) -> Iterator[Stated]:
    """Each direction that is written somewhere, once."""
    for path, policy in _policies(intent):
        yield from _directions(path, policy).values()


def link_uses(intent: Intent) -> Iterator[LinkUse]:
    for netns, path, config in configs(intent):
        for ifname, link in config.links.items():
            if link.qos is not None:
                at = (*path, "links", ifname)
                found = _resolved(link.qos, (*at, "qos"), intent, None)
                yield LinkUse(path=at, netns=netns, ifname=ifname, link=link, directions=found)


def configs(intent: Intent) -> Iterator[tuple[str, Path, NamespaceConfig]]:
    if intent.host is not None:
        yield "", ("host",), intent.host
    for name, config in intent.namespaces.items():
        yield name, ("namespaces", name), config


def port_uses(intent: Intent) -> Iterator[tuple[Path, str, str, Mapping[str, Stated]]]:
    """Of each port with a policy, its own or a default: its path, tenant and name, and what holds for it."""
    for tenant_name, tenant in intent.tenants.items():
        for name, port in tenant.ports.items():
            at = ("tenants", tenant_name, "ports", name)
            use, whose = port_use(intent, tenant_name, port)
            if use is not None:
                yield at, tenant_name, name, _resolved(use, (*at, "qos"), intent, whose)


def _resolved(use: QosUse, path: Path, intent: Intent, tenant: Tenant | None) -> Mapping[str, Stated]:
    if use.policy is None:
        return _directions(path, use)
    policy = (tenant.qos_policies.get(use.policy) if tenant else None) or intent.qos_policies.get(use.policy)
    return _directions(path, policy) if policy else {}


def _directions(path: Path, policy: QosPolicy) -> dict[str, Stated]:
    stated = {way: getattr(policy, way) for way in WAYS}
    return {way: Stated(path=(*path, way), direction=held) for way, held in stated.items() if held is not None}


def _policies(intent: Intent) -> Iterator[tuple[Path, QosPolicy]]:
    for name, policy in intent.qos_policies.items():
        yield ("qos_policies", name), policy
    for tenant_name, tenant in intent.tenants.items():
        at: Path = ("tenants", tenant_name)
        yield from (((*at, "qos_policies", name), policy) for name, policy in tenant.qos_policies.items())
        yield from _in_place((*at, "qos"), tenant.qos)
        yield from _in_place((*at, "port_qos"), tenant.port_qos)
        for name, network in tenant.networks.items():
            yield from _in_place((*at, "networks", name, "qos"), network.qos)
            yield from _in_place((*at, "networks", name, "port_qos"), network.port_qos)
        for name, port in tenant.ports.items():
            yield from _in_place((*at, "ports", name, "qos"), port.qos)
    for _, path, config in configs(intent):
        for ifname, link in config.links.items():
            yield from _in_place((*path, "links", ifname, "qos"), link.qos)


def _in_place(path: Path, use: QosUse | None) -> Iterator[tuple[Path, QosPolicy]]:
    if use is not None and use.policy is None:
        yield path, use
