"""Tenants, networks and ports as the machine has them now, in the words of the intent.

Rules: what there should be is compiled, how it is is read from the kernel; nothing is remembered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from weft.kinds.ip.address import Address
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import Link
from weft.kinds.link.tap import Tap
from weft.model.intent import Attach, Path, Port, Tenant
from weft.service.prepared import Prepared
from weft.state import KernelObject, Key, State, netns_key


class Condition(StrEnum):
    """MISSING: at least one of its links is not there. DOWN: at least one is not up."""

    UP = "up"
    DOWN = "down"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortView:
    """`attach`: netns, tap, host or pidfile. `netns`: the label of the namespace it ends in, "" for the host's.
    `ifname`: its name there. `addresses` as the kernel has them; a tap's are those reserved for its guest."""

    name: str
    condition: Condition
    attach: str
    netns: str
    ifname: str
    mac: str
    mtu: int | None
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkView:
    """`bridge`: the ifname in the tenant's namespace. `uplink`: nat, routed, or "" for none."""

    name: str
    condition: Condition
    bridge: str
    mtu: int | None
    subnets: tuple[str, ...]
    uplink: str
    ports: tuple[PortView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantView:
    name: str
    condition: Condition
    netns: str
    networks: tuple[NetworkView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    scope: str
    tenants: tuple[TenantView, ...]


def topology_of(prepared: Prepared) -> Topology:
    """How all that was asked for is on the machine."""
    assert prepared.loaded is not None
    seen = _Seen(prepared)
    tenants = prepared.loaded.intent.tenants.items()
    return Topology(scope=prepared.scope, tenants=tuple(seen.tenant(name, tenant) for name, tenant in tenants))


class _Seen:
    """What is wanted, by its place in the intent, beside what was observed."""

    def __init__(self, prepared: Prepared) -> None:
        self._observed = prepared.observed
        self._reserved = prepared.facts.held if prepared.facts else {}
        self._wanted = _links_by_path(prepared.desired, prepared.paths)
        self._addresses = _addresses_by_link(prepared.observed)

    def tenant(self, name: str, tenant: Tenant) -> TenantView:
        bridges = {network: self._bridge(name, network) for network in tenant.networks}
        netns = next((bridge.netns for bridge in bridges.values()), "")
        is_there = not netns or netns_key(netns) in self._observed
        return TenantView(
            name=name,
            condition=Condition.UP if is_there else Condition.MISSING,
            netns=netns,
            networks=tuple(self._network(name, tenant, network, bridge) for network, bridge in bridges.items()),
        )

    def _bridge(self, tenant: str, network: str) -> Bridge:
        links = self._wanted["tenants", tenant, "networks", network]
        return next(link for link in links if isinstance(link, Bridge))

    def _network(self, of: str, tenant: Tenant, name: str, bridge: Bridge) -> NetworkView:
        network = tenant.networks[name]
        return NetworkView(
            name=name,
            condition=self._condition(self._wanted["tenants", of, "networks", name]),
            bridge=bridge.ifname,
            mtu=bridge.mtu,
            subnets=tuple(subnet.cidr for subnet in network.subnets),
            uplink=network.uplink.value if network.uplink else "",
            ports=tuple(self._port(of, port, held) for port, held in tenant.ports.items() if held.network == name),
        )

    def _port(self, tenant: str, name: str, port: Port) -> PortView:
        links = self._wanted["tenants", tenant, "ports", name]
        outer = next((link for link in links if isinstance(link, Tap)), None)
        end = outer or next(link for link in links if not link.master)
        now = self._observed.get(end.key, end)
        assert isinstance(now, Link)
        held = self._reserved.get((tenant, name), port.addresses)
        return PortView(
            name=name,
            condition=self._condition(links),
            attach=_attachment(port.attach),
            netns=end.netns,
            ifname=end.ifname,
            mac=port.mac or "" if outer else now.mac or "",
            mtu=now.mtu,
            addresses=tuple(held) if outer else tuple(self._addresses[end.netns, end.ifname]),
        )

    def _condition(self, wanted: Iterable[Link]) -> Condition:
        now = [self._observed.get(link.key) for link in wanted]
        if any(link is None for link in now):
            return Condition.MISSING
        return Condition.UP if all(getattr(link, "up", True) for link in now) else Condition.DOWN


def _attachment(attach: Attach) -> str:
    if attach.tap:
        return "tap"
    return "host" if attach.host else "pidfile" if attach.pidfile else "netns"


def _links_by_path(desired: State, paths: Mapping[Key, Path]) -> Mapping[Path, list[Link]]:
    found: dict[Path, list[Link]] = defaultdict(list)
    for link in _links(desired.values()):
        found[paths[link.key]].append(link)
    return found


def _links(objects: Iterable[KernelObject]) -> Iterator[Link]:
    return (obj for obj in objects if isinstance(obj, Link))


def _addresses_by_link(observed: State) -> Mapping[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for obj in observed.values():
        if isinstance(obj, Address):
            found[obj.netns, obj.ifname].append(obj.cidr)
    return found
