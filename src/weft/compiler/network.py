"""A network: a bridge in its tenant's namespace, its subnets and its MTU.

Rules: the MTU is the given one, else that of the path out where there is an uplink, else Ethernet's 1500; where the
path out is narrower than what is given, the router says so, and to TCP beforehand. A NetworkPlace is what its ports
and its routers know of a network, and all that one more port needs; what the file says of one is its `spec` beside it.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from weft.compiler.addressing import AUTONOMOUS, AddressPool, Span, nobodys, number_of, overlaps
from weft.compiler.draft import Draft
from weft.compiler.footing import Footing
from weft.compiler.naming import altnames, identity, mac, short_id
from weft.compiler.qos.policy import Asked, Policies
from weft.kinds.link.bridge import MAX_PORTS, Bridge
from weft.kinds.link.common import ChildLink
from weft.model.intent import Intent, Network, Path, Subnet, Uplink
from weft.records import dataclass

if TYPE_CHECKING:
    from weft.compiler.groups import Security

ETHERNET_MTU = 1500
MIN_IPV6_MTU = 1280
"""Bytes; below, the kernel takes IPv6 off the link. Source: RFC 8200 section 5."""
AUTONOMOUS_BITS = 64
"""Of an address that a host makes for itself. Source: RFC 4862 section 5.5.3 d, RFC 2464 section 4."""
MIN_MTU = 68
"""Bytes. Source: RFC 791."""


@dataclass(slots=True, kw_only=True)
class NetworkPlace:
    """One network as its ports see it. `former`: the name its id comes from. `macs`: who has which MAC on it.
    `out_mtu`: what its way out carries, at most `mtu`. `legs`: how many routers join it; `way_out`: a declared one
    that leads out of it. `footing`: what it stands on outside of its tenant. `qos` of all its ports together,
    `port_qos` of each that says none, where the network `says_port_qos` at all. `security`: its tenant's filter, None
    where frames are not filtered. `visitors`: the other tenants whose ports may be on it."""

    tenant: str
    name: str
    former: str
    former_tenant: str
    path: Path
    netns: str
    bridge: str
    mtu: int
    out_mtu: int
    uplink: Uplink | None
    legs: int = 0
    way_out: str = ""
    pools: tuple[AddressPool, ...] = ()
    macs: dict[str, str] = field(default_factory=dict)
    ports: int = 0
    id: str
    footing: Footing | None = None
    security: Security | None = None
    qos: Asked | None = None
    port_qos: Asked | None = None
    says_port_qos: bool = False
    visitors: frozenset[str] = frozenset()

    @property
    def shared(self) -> ChildLink | None:
        """What each port is, but for name and place, where there is no bridge for them."""
        return self.footing.shared if self.footing else None

    @property
    def has_ipv6(self) -> bool:
        return any(pool.family == 6 for pool in self.pools)

    @property
    def gateways(self) -> tuple[AddressPool, ...]:
        """The subnets that have a way out."""
        return tuple(pool for pool in self.pools if pool.gateway is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPlace:
    """A tenant as its networks and ports see it. `qos` of all its ports together, `port_qos` of each for which neither
    itself nor its network says one."""

    name: str
    former: str
    netns: str
    policies: Policies
    qos: Asked | None = None
    port_qos: Asked | None = None


@dataclass(slots=True, kw_only=True)
class Way:
    """What leads out of a network, as the intent alone tells. `is_routed`: a router is its gateway. `mtu`: the least
    that its ways out carry, in bytes; None where there is none. `named`: addresses that routers name there."""

    is_routed: bool = False
    mtu: int | None = None
    named: list[str] = field(default_factory=list)

    def gateway(self, subnet: Subnet) -> str | None:
        """The one address that routers name in a subnet."""
        span = Span.of(subnet.cidr)
        found = [address for address in self.named if span.covers(*number_of(address))]
        return found[0] if len(found) == 1 else None

    def narrow(self, mtu: int | None) -> None:
        """Note one more way out, of an MTU in bytes."""
        self.mtu = min(filter(None, (self.mtu, mtu)), default=None)


def egress_mtu(intent: Intent, draft: Draft) -> int | None:
    """The least MTU of the links that the host's default routes leave by, as it will be; None where there is none."""
    declared = intent.host.links if intent.host else {}
    found = []
    for ifname in draft.facts.egress_links:
        wanted = declared[ifname].mtu if ifname in declared else None
        link = draft.facts.links.get(ifname)
        if wanted or link:
            found.append(wanted or link.mtu)  # type: ignore[union-attr]
    return min(found, default=None)


def network_id(scope: str, tenant: str, name: str, network: Network) -> str:
    """A network's id. `tenant`: the name that the tenant's comes from."""
    return identity(scope, f"tenants/{tenant}/networks/{network.was or name}", network.id)


def compile_network(
    draft: Draft, tenant: TenantPlace, name: str, spec: Network, way: Way, footing: Footing | None
) -> NetworkPlace | None:
    """Put the network's bridge; None where its id is another's. `way`: what leads out of it; `footing`: what it stands
    on outside of the tenant."""
    path = ("tenants", tenant.name, "networks", name)
    former = spec.was or name
    own_id = network_id(draft.names.scope, tenant.former, name, spec)
    if not draft.identify(own_id, path):
        return None
    mtu = _mtu(draft, spec, path, way.mtu, footing)
    network = NetworkPlace(
        tenant=tenant.name,
        name=name,
        former=former,
        former_tenant=tenant.former,
        path=path,
        netns=tenant.netns,
        bridge=f"wb{short_id(own_id)}",
        mtu=mtu,
        out_mtu=min(mtu, way.mtu or mtu),
        uplink=spec.uplink,
        pools=_pools(draft, spec, way, path),
        id=own_id,
        footing=footing,
        qos=tenant.policies.find(draft, spec.qos, (*path, "qos"), tenant.name),
        port_qos=tenant.policies.find(draft, spec.port_qos, (*path, "port_qos"), tenant.name),
        says_port_qos=spec.port_qos is not None,
    )
    check_mtu(draft, network.mtu, (*path, "mtu"), network.has_ipv6)
    if network.out_mtu < network.mtu:
        check_mtu(draft, network.out_mtu, (*path, "uplink") if spec.uplink else path, network.has_ipv6)
    if network.shared is not None:
        _check_no_router(draft, network)
        return network
    _bridge(draft, network)
    return network


def _bridge(draft: Draft, network: NetworkPlace) -> None:
    draft.need("bridge", network.path, "load the kernel's bridge module")
    draft.link(
        Bridge(
            netns=network.netns,
            ifname=network.bridge,
            alias=draft.names.mark("/".join(network.path)),
            mac=mac(network.id, "bridge"),
            mtu=network.mtu,
            up=True,
            altnames=altnames(network.name),
            stp=False,
            forward_delay=0,
        ),
        network.path,
    )


def _check_no_router(draft: Draft, network: NetworkPlace) -> None:
    if network.uplink is not None:
        what = "a router stands on a bridge, and with `mode` the ports stand on the link themselves"
        draft.error((*network.path, "uplink"), what, "a segment without `mode`, or the router of that link's network")


def check_mtu(draft: Draft, mtu: int, path: Path, has_ipv6: bool) -> None:
    """Find an MTU that no link takes, or that would take IPv6 away."""
    if mtu < MIN_MTU:
        draft.error(path, f"an MTU of {mtu} is below the {MIN_MTU} bytes that IPv4 needs", f"at least {MIN_MTU}")
    elif has_ipv6 and mtu < MIN_IPV6_MTU:
        draft.error(
            path,
            f"an MTU of {mtu} is below the {MIN_IPV6_MTU} bytes that IPv6 needs",
            f"at least {MIN_IPV6_MTU}, or no IPv6 subnet",
        )


def check_bridge_room(draft: Draft, network: NetworkPlace) -> None:
    """Find more links than a bridge takes: its ports, its routers' legs, and what leads to its segment."""
    if network.shared is not None:
        return
    links = network.ports + network.legs + (network.footing is not None)
    if links > MAX_PORTS:
        draft.error(
            network.path,
            f"{links} links on one network, its ports and its routers; a Linux bridge takes {MAX_PORTS}",
            "spread the ports over several networks",
        )


def _mtu(draft: Draft, network: Network, path: Path, path_mtu: int | None, footing: Footing | None) -> int:
    if footing is not None and footing.mtu is not None:
        return _mtu_on(draft, network, path, footing, footing.mtu)
    return network.mtu or path_mtu or ETHERNET_MTU


def _mtu_on(draft: Draft, network: Network, path: Path, footing: Footing, most: int) -> int:
    """That of what the network stands on, and no more: the router of an uplink splits, or says what fits."""
    if network.mtu is not None and network.mtu > most:
        what = f"an MTU of {network.mtu}"
        if footing.added:
            what += f" and {footing.added} come to {network.mtu + footing.added.total_bytes}, and"
            what += f" {footing.below} carries {footing.below_mtu}"
        else:
            what += f" is above the {most} bytes of {footing.below}, in whose frames it travels"
        draft.error((*path, "mtu"), what, f"at most {most}, or a larger MTU on {footing.below}")
    return network.mtu or most


def _pools(draft: Draft, network: Network, way: Way, path: Path) -> tuple[AddressPool, ...]:
    spans = [Span.of(subnet.cidr, _subnet_path(path, at)) for at, subnet in enumerate(network.subnets)]
    for wide, narrow in overlaps(spans):
        later = max(wide, narrow, key=lambda span: int(span.path[-1]))
        earlier = narrow if later is wide else wide
        draft.error(later.path, f"{later.cidr} overlaps {earlier.cidr} of the same network", "subnets must be apart")
    for span in spans:
        if wrong := nobodys(span):
            fix = "a unique local one: fd00:...::/64" if span.family == 6 else "a private one, such as 10.0.0.0/24"
            draft.error(span.path, wrong, fix)
    return tuple(
        _pool(draft, subnet, _gateway(draft, subnet, way, span.path), span.path)
        for subnet, span in zip(network.subnets, spans, strict=True)
    )


def _pool(draft: Draft, subnet: Subnet, gateway: int | None, path: Path) -> AddressPool:
    pool = AddressPool.of(subnet.cidr, gateway)
    mode = subnet.ra if subnet.ra not in (None, "off") else ""
    if mode and _can_advertise(draft, pool, mode, (*path, "ra")):
        pool.ra, pool.dns = mode, subnet.dns
    for at, server in enumerate(subnet.dns):
        if number_of(server)[0] == 4:
            draft.error((*path, "dns", str(at)), f"{server} is no IPv6 address", "advertisements name no other servers")
    if subnet.dns and not mode:
        draft.error((*path, "dns"), "nothing tells these servers to anybody", "`ra: slaac` beside it, or take it out")
    return pool


def _can_advertise(draft: Draft, pool: AddressPool, mode: str, path: Path) -> bool:
    """Whether router advertisements can say that of a subnet; an error where not."""
    left = pool.network.max_prefixlen - pool.network.prefixlen
    if pool.family == 4:
        draft.error(path, "router advertisements are IPv6's", "take `ra` out, or move it to an IPv6 subnet")
    elif mode in AUTONOMOUS and left != AUTONOMOUS_BITS:
        what = f"hosts choose {AUTONOMOUS_BITS} bits of such an address themselves, and {pool.cidr} leaves {left}"
        draft.error(path, what, "a /64, or `ra: stateful`")
    else:
        return True
    return False


def _subnet_path(path: Path, at: int) -> Path:
    return (*path, "subnets", str(at))


def _gateway(draft: Draft, subnet: Subnet, way: Way, path: Path) -> int | None:
    """The gateway's number: the given one, else the first address where a router is the network's gateway, else the one
    that a router names, else none."""
    if subnet.gateway == "":
        return None
    pool = AddressPool.of(subnet.cidr)
    if subnet.gateway is None:
        named = way.gateway(subnet)
        return pool.first if way.is_routed else number_of(named)[1] if named else None
    if wrong := pool.misplaced(subnet.gateway):
        draft.error((*path, "gateway"), *wrong)
        return None
    return number_of(subnet.gateway)[1]
