"""What is asked of the way out: guarantees of ports, aggregates of networks and tenants, of one direction.

Rules: a port's `rate` is a guarantee of what leads out and is shared there, with all who ask for one; its `ceil` is the
port's own affair. An aggregate's `rate` is guaranteed to all of its ports together, its `ceil` limits them together.
Where nothing leads out nothing is shared, so nobody guarantees anything there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import field
from typing import Any, Literal

from weft.compiler.draft import Draft
from weft.compiler.findings import Cause
from weft.compiler.footing import Footing
from weft.compiler.network import NetworkPlace
from weft.compiler.place import PortPlace
from weft.compiler.qos.leading import Leading, Out
from weft.compiler.qos.mechanisms import lacked_leaf
from weft.compiler.qos.numbers import counting, frame_bytes, too_slow
from weft.model.intent import Path
from weft.model.qos import QosDirection, QosPolicy, QosUse
from weft.model.sharing import NetworkKey, PortKey
from weft.records import dataclass

Direction = Literal["egress", "ingress"]
DIRECTIONS: tuple[Direction, Direction] = ("egress", "ingress")
"""As the carrier of a policy sees it: egress goes out by the host's link, ingress comes in by it."""


_NONE: Mapping[Any, Any] = {}
_NAMED = 8
CELL, CELL_CARRIES = 53, 48
"""Bytes. Source: ITU-T I.361."""

_OF_PORTS_ONLY = ("classes", "default", "dscp_mark", "packets_per_second", "impairment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Policies as they hold, by who carries them, and what each link of the host's carries, in bit/s. `links`: the
    host's own."""

    capacity_bps: Mapping[str, int] = field(default_factory=lambda: _NONE)
    ports: Mapping[PortKey, QosPolicy] = field(default_factory=lambda: _NONE)
    networks: Mapping[NetworkKey, QosPolicy] = field(default_factory=lambda: _NONE)
    tenants: Mapping[str, QosPolicy] = field(default_factory=lambda: _NONE)
    links: Mapping[str, QosUse] = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One carrier's, its rates in frames of full size. `place`: where it stands by its former names, which its class's
    number comes from. `within`: the place of the aggregate that it is part of, "" for none. `rate_bps` 0: nothing is
    guaranteed; `ceil_bps` None: there is no limit. `out`: the links that it leads out by. `port` None: an aggregate."""

    place: str
    path: Path
    way: Direction
    within: str
    want: QosDirection
    rate_bps: int
    ceil_bps: int | None
    out: Out
    port: PortPlace | None = None

    @property
    def by(self) -> frozenset[str]:
        return self.out.links


class Asking:
    """Demands, and who of them leads out by which links, as these are called in demands."""

    __slots__ = ("_at", "demands")

    def __init__(self, demands: Sequence[Demand]) -> None:
        self.demands = demands
        self._at: dict[str, list[int]] = {}
        for at, demand in enumerate(demands):
            for name in demand.by:
                self._at.setdefault(name, []).append(at)

    @property
    def names(self) -> Set[str]:
        return self._at.keys()

    def by(self, names: Iterable[str]) -> list[Demand]:
        """Those that lead out by any of these, in their order."""
        return [self.demands[at] for at in sorted({at for name in names for at in self._at.get(name, ())})]


Inside = Mapping[str, Sequence[Demand]]
"""Demands by the place that they are part of, "" for what is part of no other."""


def inside(demands: Iterable[Demand]) -> Inside:
    found: dict[str, list[Demand]] = {}
    for demand in demands:
        found.setdefault(demand.within, []).append(demand)
    return found


def collect(
    draft: Draft,
    shares: Shares,
    networks: Sequence[NetworkPlace],
    places: Mapping[PortKey, PortPlace],
    leading: Leading,
    way: Direction,
) -> list[Demand]:
    """The demands of one direction, each after the one that it is part of. `networks`: all networks."""
    _check_visitors(draft, shares, places.values(), leading, way)
    demands = [*_tenants(draft, shares, networks, leading, way)]
    demands += _networks(draft, shares, networks, leading, way, {demand.place for demand in demands})
    there = {demand.place for demand in demands}
    for key, policy in shares.ports.items():
        place, want = places.get(key), getattr(policy, way)
        if place is None or want is None or want.rate is None:
            continue
        out = leading.of_port(place)
        if not out.links:
            _nothing_shared(draft, place, want)
        else:
            over = within(place.network, there)
            path = (*place.path, "qos")
            demands.append(_demand(draft, place.network, port_place(place), path, way, over, want, out, place))
    return demands


def guaranteed(shares: Shares) -> list[PortKey]:
    """The ports that ask for a guarantee in any direction."""
    return [key for key, policy in shares.ports.items() if guarantees(policy)]


def guarantees(policy: QosPolicy) -> bool:
    return any(want is not None and want.rate for want in (policy.egress, policy.ingress))


def within(network: NetworkPlace, there: set[str]) -> str:
    """The place of the innermost aggregate of `there` that the network's traffic is part of, "" for none."""
    return next((place for place in (network_place(network), tenant_place(network)) if place in there), "")


def port_place(place: PortPlace) -> str:
    return f"tenants/{place.tenant.former}/ports/{place.former}"


def network_place(network: NetworkPlace) -> str:
    return f"tenants/{network.former_tenant}/networks/{network.former}"


def tenant_place(network: NetworkPlace) -> str:
    return f"tenants/{network.former_tenant}"


def _check_visitors(
    draft: Draft, shares: Shares, places: Iterable[PortPlace], leading: Leading, way: Direction
) -> None:
    """What leads out by a network is part of its owner's aggregates: no other tenant's holds it."""
    away: dict[str, list[PortPlace]] = {}
    for place in places:
        own = shares.tenants.get(place.tenant.name)
        if place.is_visitor and own is not None and getattr(own, way) is not None and leading.of_port(place).links:
            away.setdefault(place.tenant.name, []).append(place)
    for tenant, there in away.items():
        said = ", ".join(f"{one.name} by {one.network.tenant}/{one.network.name}" for one in there[:_NAMED])
        more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
        what = f"of all its ports together these lead out with another tenant's: {said}{more}"
        draft.error(("tenants", tenant, "qos", way), what, "a `ceil` for each of them, or no port of it there")


def _tenants(
    draft: Draft, shares: Shares, networks: Sequence[NetworkPlace], leading: Leading, way: Direction
) -> Iterator[Demand]:
    by_tenant = {network.tenant: network for network in networks if leading.of_network(network).links}
    for tenant, policy in shares.tenants.items():
        path, want = ("tenants", tenant, "qos"), getattr(policy, way)
        if want is None:
            continue
        if tenant not in by_tenant:
            draft.error(path, "none of the tenant's networks leads out, so nothing is shared there", _UPLINK)
        elif _is_aggregate(draft, path, way, want):
            network = by_tenant[tenant]
            yield _demand(draft, network, tenant_place(network), path, way, "", want, leading.of_tenant(tenant))


def _networks(
    draft: Draft, shares: Shares, networks: Sequence[NetworkPlace], leading: Leading, way: Direction, there: set[str]
) -> Iterator[Demand]:
    by_key = {(network.tenant, network.name): network for network in networks}
    for key, policy in shares.networks.items():
        network, want = by_key.get(key), getattr(policy, way)
        if network is None or want is None:
            continue
        path = (*network.path, "qos")
        out = leading.of_network(network)
        if network.uplink is None and (router := leading.crowded(network)) is not None:
            what = f"router {router.name} leads other networks out too, and outside nobody tells one from another"
            fix = "`qos:` of the tenant, `rate` of each port, or a router for this network alone"
            draft.error(path, what, fix)
        elif not out.links and network.footing is not None:
            draft.error(path, *_unfit(network, network.footing))
        elif not out.links:
            draft.error(path, "the network leads nowhere, so its ports share nothing that could be divided", _UPLINK)
        elif _is_aggregate(draft, path, way, want):
            yield _demand(draft, network, network_place(network), path, way, within(network, there), want, out)


_UPLINK = "`uplink: nat` or `routed`, a router with `gateway:`, a `segment:`, or `port_qos:` for each port by itself"


def _is_aggregate(draft: Draft, path: Path, way: Direction, want: QosDirection) -> bool:
    """Find what only a port can have; whether there is anything left to divide."""
    for word in _OF_PORTS_ONLY:
        if getattr(want, word):
            what = f"{word} is each port's own; all of them together have `rate`, `ceil` and `priority`"
            draft.error((*path, way, word), what, "`port_qos:` of the network, or `qos:` of a port")
    if want.rate is None and want.ceil is None:
        draft.error((*path, way), "neither a rate nor a ceil, so there is nothing to divide", "`ceil: 100mbit`")
        return False
    if want.leaf is not None and (lacked := lacked_leaf(want.leaf, draft.facts.features)):
        draft.warn((*path, way, "leaf"), *lacked, Cause.FEATURE)
    return True


def _demand(
    draft: Draft,
    network: NetworkPlace,
    place: str,
    path: Path,
    way: Direction,
    over: str,
    want: QosDirection,
    out: Out,
    port: PortPlace | None = None,
) -> Demand:
    for key in ("rate", "ceil") if port is None else ("rate",):  # a port keeps its ceil itself
        if wrong := too_slow(getattr(want, key), frame_bytes(network.out_mtu)):
            draft.error((*path, way, key), *wrong)
    ceil = want.ceil if want.ceil is not None else want.rate
    return Demand(
        place=place,
        path=path,
        way=way,
        within=over,
        want=want,
        rate_bps=_in_frames(want, want.rate or 0, network.out_mtu),
        ceil_bps=None if ceil is None else _in_frames(want, ceil, network.out_mtu),
        out=out,
        port=port,
    )


def _in_frames(want: QosDirection, rate_bps: int, mtu: int) -> int:
    """The rate that a class needs which stands beside others that count otherwise: right for frames of full size."""
    frame = frame_bytes(mtu)
    count = counting(want.layer, want.overhead, frame)
    on_the_line = frame + count.overhead_bytes
    if count.cells:
        on_the_line = -(-on_the_line // CELL_CARRIES) * CELL
    return count.frames(rate_bps) * frame // on_the_line


def _nothing_shared(draft: Draft, place: PortPlace, want: QosDirection) -> None:
    path, network = (*place.path, "qos"), place.network
    if network.way_out:
        what = f"no address of port {place.name} leads out by router {network.way_out} alone, so nobody knows its share"
        draft.error(path, what, "one router that has the gateway of the port's subnet, of a family that leads out")
        return
    if network.footing is not None:
        draft.error(path, *_unfit(network, network.footing))
        return
    then = "it has no effect beside its `ceil`" if want.ceil is not None else "it is a limit and no more"
    what = f"network {network.name} leads nowhere, so there is nothing to share and `rate` guarantees nothing: {then}"
    draft.warn(path, what, "`ceil:` for a limit, or an uplink of the network")


def _unfit(network: NetworkPlace, footing: Footing) -> tuple[str, str]:
    """Why nothing is shared of what a network stands on, and what would do."""
    of = f"network {network.name} stands on {footing.below}"
    if footing.shared is not None:
        what = f"with `mode` the ports of {network.name} are links upon {footing.below}, where each may send as another"
        return what, "a segment without `mode`; `ceil:` limits a port by itself"
    if footing.added is not None:
        what = f"{of} in tunnels: what comes in is a port's only once it is the tenant's, where nothing is shared"
        return what, "`ceil:` limits a port by itself; guarantees need a link, a VLAN of it, or a router"
    what = f"{of}, a bridge, and nobody says which of its ports leads out and what that carries"
    return what, "`host: links: PORT: {existing: true, capacity: 1gbit}` for the one that does"
