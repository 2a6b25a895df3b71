"""How all that an intent asks for is on the machine now: what `picture` draws.

Rules: what there should be is compiled, how it is is read from the kernel; nothing is remembered but the last counters,
from which rates come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from weft.backends.counters import Glance
from weft.compiler.qos.site import QOS
from weft.kinds.ip.address import Address
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import Link
from weft.kinds.link.macvtap import Macvtap
from weft.kinds.link.tap import Tap
from weft.kinds.netns import Namespace
from weft.model.intent import Intent, NamespaceConfig, Path, Port, Tenant
from weft.model.links import BoundTunnelLink, HostLink, LinkUpon
from weft.model.sharing import NetworkKey, PortKey, network_key
from weft.picture.view import (
    Condition,
    Flow,
    LinkView,
    NetworkView,
    PortView,
    RouterView,
    SpaceView,
    TenantView,
    Topology,
    Traffic,
)
from weft.plan.diverted import floating_in
from weft.plan.subject import Subjects
from weft.service.absent import whole_of
from weft.service.places import label_of
from weft.service.prepared import Prepared
from weft.service.topology_words import about, attachment, kind, segment, ways
from weft.state import HOST, KernelObject, Key, Mark, link_key, netns_key
from weft.wire.counters import Counters, CountersMessage

UPLINK = "uplink"
"""The router's end of its transit link."""


def places_of(prepared: Prepared) -> set[str]:
    """The namespaces in which something of the topology is."""
    return {HOST, *(link.netns for link in _links(prepared.desired.values()))}


def topology_of(prepared: Prepared, now: Glance, before: Glance | None = None) -> Topology:
    """The topology with what its links had carried by `now`, and rates since `before`."""
    assert prepared.loaded is not None
    intent = prepared.loaded.intent
    seen = _Seen(prepared, intent, now, before)
    return Topology(
        scope=prepared.scope,
        tenants=tuple(seen.tenant(name, tenant) for name, tenant in intent.tenants.items()),
        host=seen.space(HOST, intent.host or NamespaceConfig()),
        namespaces=tuple(
            seen.space(config.was or name, config) for name, config in intent.namespaces.items() if config.links
        ),
    )


class _Seen:
    """What is wanted, by whose it is, beside what was observed."""

    def __init__(self, prepared: Prepared, intent: Intent, now: Glance, before: Glance | None) -> None:
        self._on = _ports_by_network(intent)
        self._observed = prepared.observed
        self._facts = prepared.facts
        self._wanted = _links_by_mark(prepared.desired.values())
        self._spaces = _spaces_by_mark(prepared.desired.values())
        self._addresses = _addresses_by_link(prepared.observed.values())
        self._changed = _changed(prepared)
        self._standing_on_none = {whole_of(found.path) for found in prepared.left_out if found.missing}
        self._floating = _floating_by_port(intent, floating_in(prepared.observed.values()))
        self._now, self._before = now, before
        self._externals: dict[str, list[str]] = defaultdict(list)
        for name, network in prepared.loaded.intent.external_networks.items() if prepared.loaded else ():
            self._externals[network.link].append(name)

    def tenant(self, name: str, tenant: Tenant) -> TenantView:
        bridges = {network: self._bridge(name, network) for network in tenant.networks}
        netns = next((bridge.netns for bridge in bridges.values() if bridge), "")
        is_there = not netns or netns_key(netns) in self._observed
        return TenantView(
            name=name,
            condition=Condition.UP if is_there else Condition.MISSING,
            netns=netns,
            networks=tuple(self._network(name, tenant, network, bridge) for network, bridge in bridges.items()),
            routers=tuple(self._routers(name, tenant)),
        )

    def space(self, netns: str, config: NamespaceConfig) -> SpaceView:
        """The links that the file speaks of, and on the host those that lead out."""
        egress = self._facts.egress_links if self._facts and netns == HOST else ()
        externals = self._externals if netns == HOST else {}
        named = {link.was or name: link for name, link in config.links.items()}
        spoken_of = {name: named.get(name) for name in (*named, *egress, *externals)}
        return SpaceView(
            netns=netns,
            links=tuple(
                self._link(link_key(netns, name), link, name in egress, tuple(externals.get(name, ())))
                for name, link in spoken_of.items()
            ),
        )

    # tenants

    def _bridge(self, tenant: str, network: str) -> Bridge | None:
        """None of a network whose ports stand on a link of the host's."""
        links = self._wanted[f"tenants/{tenant}/networks/{network}"]
        return next((link for link in links if isinstance(link, Bridge)), None)

    def _network(self, of: str, tenant: Tenant, name: str, bridge: Bridge | None) -> NetworkView:
        network = tenant.networks[name]
        links = self._wanted[f"tenants/{of}/networks/{name}"]
        return NetworkView(
            name=name,
            condition=self._network_condition(links, ("tenants", of, "networks", name)),
            bridge=bridge.ifname if bridge else "",
            mtu=bridge.mtu if bridge else network.mtu,
            subnets=tuple(subnet.cidr for subnet in network.subnets),
            uplink=network.uplink.value if network.uplink else "",
            ports=tuple(self._port(*key, held, of) for key, held in self._on[of, name]),
            segment=segment(network.segment) if network.segment else "",
        )

    def _network_condition(self, links: Iterable[Link], path: Path) -> Condition:
        return Condition.MISSING if path in self._standing_on_none else self._condition(links, path, carrier=False)

    def _port(self, tenant: str, name: str, port: Port, owner: str) -> PortView:
        """`owner`: whose network it is on; a visitor's name has its tenant's before it."""
        called = name if tenant == owner else f"{tenant}/{name}"
        links = self._wanted[f"tenants/{tenant}/ports/{name}"]
        if not links:
            return _left_out(called, port)
        tap = next((link for link in links if isinstance(link, Tap | Macvtap)), None)
        end = tap or next(link for link in links if not link.master)
        now = self._observed.get(end.key, end)
        assert isinstance(now, Link)
        reserved = self._facts.held.get((tenant, name), port.addresses) if self._facts else port.addresses
        return PortView(
            name=called,
            condition=self._condition(links, ("tenants", tenant, "ports", name)),
            attach=attachment(port.attach),
            netns=end.netns,
            ifname=end.ifname,
            mac=port.mac or "" if tap else now.mac or "",
            mtu=now.mtu,
            addresses=tuple(reserved) if tap else self._addresses[end.key],
            floating=tuple(self._floating[tenant, name]),
            traffic=self._traffic(end.key, mirrored=isinstance(tap, Tap)),
        )

    def _routers(self, of: str, tenant: Tenant) -> Iterator[RouterView]:
        for name, network in tenant.networks.items():
            if network.uplink is not None:
                yield from self._router(
                    of, name, ("tenants", of, "networks", name), (name,), uplink=network.uplink.value
                )
        for name, router in tenant.routers.items():
            out, path = router.gateway.network if router.gateway else "", ("tenants", of, "routers", name)
            ports = [interface.port for interface in router.interfaces if interface.port]
            legs = [link for port in ports for link in self._wanted[f"tenants/{of}/ports/{port}"]]
            yield from self._router(of, name, path, tenant.joined(router), external=out, legs=legs)

    def _router(
        self,
        of: str,
        name: str,
        path: Path,
        networks: tuple[str, ...],
        *,
        uplink: str = "",
        external: str = "",
        legs: Sequence[Link] = (),
    ) -> Iterator[RouterView]:
        """Of a network's own router only what is in its namespace counts. `legs`: links of ports that end in it."""
        links = self._wanted[f"tenants/{of}/routers/{name}"]
        netns = self._spaces.get(f"tenants/{of}/routers/{name}")
        outside = next((link for link in links if link.ifname == UPLINK), None)
        transit = next((link for link in links if link.netns == HOST), None)
        if netns is None:
            return
        inside = [link.key for link in (*links, *legs) if link.netns == netns and link is not outside]
        yield RouterView(
            name=name,
            condition=self._condition(links, path, within=netns if path[2] == "networks" else None),
            netns=netns,
            networks=networks,
            uplink=uplink,
            external=external,
            transit=transit.ifname if transit else "",
            addresses=tuple(chain.from_iterable(self._addresses[key] for key in inside)),
            outside=tuple(a for a in self._addresses[outside.key] if not a.startswith("fe80:")) if outside else (),
            traffic=self._traffic(outside.key) if outside else None,
        )

    # links outside of tenants

    def _link(self, key: Key, link: HostLink | None, egress: bool, externals: tuple[str, ...]) -> LinkView:
        now = self._observed.get(key)
        is_there = isinstance(now, Link)
        return LinkView(
            name=key.name,
            condition=self._link_condition(key, link),
            kind=(link.kind if link else "") or (kind(now) if isinstance(now, Link) else ""),
            existing=link is None or link.existing,
            egress=egress,
            externals=externals,
            mac=(now.mac or "") if isinstance(now, Link) else "",
            mtu=now.mtu if isinstance(now, Link) else None,
            addresses=self._addresses[key],
            master=(now.master or "") if isinstance(now, Link) else "",
            below=(link.link or "") if isinstance(link, LinkUpon | BoundTunnelLink) else "",
            about=about(link),
            traffic=self._traffic(key) if is_there else None,
        )

    def _link_condition(self, key: Key, link: HostLink | None) -> Condition:
        now = self._observed.get(key)
        is_wanted_down = link is not None and link.up is False
        if isinstance(now, Link) and is_wanted_down and not now.up:
            return Condition.UP if self._path(key) not in self._changed else Condition.CHANGED
        return self._condition([Link(netns=key.netns, ifname=key.name)], self._path(key))

    @staticmethod
    def _path(key: Key) -> Path:
        space = ("namespaces", key.netns) if key.netns != HOST else ("host",)
        return (*space, "links", key.name)

    # what is common to all

    def _condition(
        self, wanted: Iterable[Link], path: Path, *, within: str | None = None, carrier: bool = True
    ) -> Condition:
        """`within`: only what differs in that namespace counts. `carrier`: whether it must have one."""
        keys = [link.key for link in wanted]
        links = [self._observed.get(key) for key in keys]
        if any(link is None for link in links):
            return Condition.MISSING
        if not all(getattr(link, "up", True) for link in links):
            return Condition.DOWN
        if any(within in (None, netns) for netns in self._changed.get(path, ())):
            return Condition.CHANGED
        seen = (self._now.links.get(key) for key in keys)
        if carrier and any(message is not None and not message.carrier for message in seen):
            return Condition.NO_CARRIER
        return Condition.UP

    def _traffic(self, key: Key, *, mirrored: bool = False) -> Traffic | None:
        """What a link has carried. `mirrored`: as the other side sees it, such as the guest that has the tap open."""
        now = self._now.links.get(key)
        if now is None:
            return None
        before = self._before.links.get(key) if self._before else None
        elapsed_s = self._now.at_s - self._before.at_s if self._before else 0.0
        received, sent = _flows(now, before, elapsed_s)
        return Traffic(received=sent, sent=received) if mirrored else Traffic(received=received, sent=sent)


def _flows(now: CountersMessage, before: CountersMessage | None, elapsed_s: float) -> tuple[Flow, Flow]:
    """Received and sent, with rates where the link has only counted on since `before`."""
    new, old = now.counters, before.counters if before else None
    if old is not None and any(n < o for n, o in zip(new, old, strict=True)):
        old = None  # made anew meanwhile

    def flow(was: Counters | None, direction: str) -> Flow:
        count, size = getattr(new, f"{direction}_packets"), getattr(new, f"{direction}_bytes")
        is_timed = was is not None and elapsed_s > 0
        return Flow(
            bytes=size,
            packets=count,
            lost=getattr(new, f"{direction}_errors") + getattr(new, f"{direction}_dropped"),
            rate_bps=8 * (size - getattr(was, f"{direction}_bytes")) / elapsed_s if is_timed else None,
            rate_pps=(count - getattr(was, f"{direction}_packets")) / elapsed_s if is_timed else None,
        )

    return flow(old, "rx"), flow(old, "tx")


def _left_out(name: str, port: Port) -> PortView:
    """A port of which nothing is wanted now, for its process does not run."""
    return PortView(
        name=name,
        condition=Condition.MISSING,
        attach=attachment(port.attach),
        netns=label_of(port.attach),
        ifname=port.attach.ifname or "",
        mac=port.mac or "",
        mtu=None,
        addresses=port.addresses,
        traffic=None,
    )


def _changed(prepared: Prepared) -> Mapping[Path, set[str]]:
    """The paths that something differs at, with the namespaces of what does."""
    subjects = Subjects(prepared.plan.changes, prepared.paths)
    found: dict[Path, set[str]] = defaultdict(set)
    for change in prepared.plan.changes.values():
        path = subjects.of(change)
        found[_told_of(path)].add(change.key.netns)
    for path in (*prepared.fallen, *(whole_of(one.path) for one in prepared.left_out if one.missing)):
        found[_told_of(path)].add(HOST)
    return found


def _told_of(path: Path) -> Path:
    """What a path is a part of: a link's queues are the link's, an interface is its router's."""
    if path[2:3] == ("routers",):
        return path[:4]
    return path[:-1] if path[-1:] == (QOS,) else path


def _ports_by_network(intent: Intent) -> Mapping[NetworkKey, list[tuple[PortKey, Port]]]:
    """Of each network, the ports on it, its own tenant's first."""
    found: dict[NetworkKey, list[tuple[PortKey, Port]]] = defaultdict(list)
    for name, tenant in intent.tenants.items():
        for port, held in tenant.ports.items():
            found[network_key(name, held)].append(((name, port), held))
    for (owner, _), ports in found.items():
        ports.sort(key=lambda one: one[0][0] != owner)
    return found


def _floating_by_port(intent: Intent, leading: Container[str]) -> Mapping[PortKey, list[str]]:
    """How floating IPs lead to each port. `leading`: those that lead anywhere now."""
    found: dict[PortKey, list[str]] = defaultdict(list)
    for name, tenant in intent.tenants.items():
        for address, held in tenant.floating_ips.items():
            for port, way in ways(address, held) if address in leading else ():
                found[name, port].append(way)
    return found


def _links_by_mark(desired: Iterable[KernelObject]) -> Mapping[str, list[Link]]:
    """Weft's links by the object that their marks name."""
    found: dict[str, list[Link]] = defaultdict(list)
    for link in _links(desired):
        if mark := Mark.parse(link.alias):
            found[mark.object].append(link)
    return found


def _spaces_by_mark(desired: Iterable[KernelObject]) -> Mapping[str, str]:
    """Weft's namespaces by the object that their marks name."""
    spaces = (obj for obj in desired if isinstance(obj, Namespace))
    return {mark.object: space.name for space in spaces if (mark := Mark.parse(space.alias))}


def _links(objects: Iterable[KernelObject]) -> Iterator[Link]:
    return (obj for obj in objects if isinstance(obj, Link))


def _addresses_by_link(observed: Iterable[KernelObject]) -> Mapping[Key, tuple[str, ...]]:
    found: dict[Key, list[str]] = {}
    for obj in observed:
        if isinstance(obj, Address):
            found.setdefault(link_key(obj.netns, obj.ifname), []).append(obj.cidr)
    return defaultdict(tuple, {key: tuple(held) for key, held in found.items()})
