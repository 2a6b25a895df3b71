"""The shared trees: one for what goes out by each link of the host's that leads out, one for what comes in by it.

Rules: a link's tree holds everybody who asks for a part of it, in one HTB: nested trees would lose a guarantee. Its top
is the link's capacity; what nobody asked for, the host's own traffic too, is one class that has next to nothing for
sure and all that is idle. A guarantee is a class below the aggregates that it is part of, and no number of it follows
from anybody else's. Where several links lead out each has both trees, for nobody knows which one a packet will take.
Source: tc-htb(8), docs/adr/0010-quality-of-service.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from weft.compiler.draft import Draft
from weft.compiler.findings import Cause, dotted
from weft.compiler.naming import altnames, identity, mac, plain_ifname, short_id
from weft.compiler.network import ETHERNET_MTU, Segment
from weft.compiler.place import PortPlace
from weft.compiler.pools import TransitKey
from weft.compiler.qos.admission import admit, capacity_path, check_line, demand_capacity
from weft.compiler.qos.demand import DIRECTIONS, Demand, Direction, Shares, collect, within
from weft.compiler.qos.marking import Marked, lead_through, mark, ward_off
from weft.compiler.qos.planted import Planted
from weft.compiler.qos.tree import REST, Branch, Ground, Tree, build_tree
from weft.compiler.router.place import RouterPlace
from weft.compiler.tenant import PortKey
from weft.kinds.link.common import Link
from weft.kinds.link.ifb import Ifb
from weft.kinds.setting.link import ROOT_QDISC, LinkSetting
from weft.model.intent import Path, Uplink
from weft.records import dataclass
from weft.state import HOST, link_key

IFB_PREFIX = "wi"
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
"""What carries no Ethernet has none, and no macvlans either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """All that the trees are made from. `transit`: pool addresses of ports, by their own."""

    shares: Shares
    segments: Sequence[Segment]
    routers: Sequence[RouterPlace]
    places: Mapping[PortKey, PortPlace]
    transit: Mapping[TransitKey, str]

    @property
    def leading(self) -> Sequence[RouterPlace]:
        """The routers that lead out at all."""
        return [router for router in self.routers if router.transit]

    @property
    def uplinks(self) -> Sequence[RouterPlace]:
        """Those that lead out by the host's own way."""
        return [router for router in self.routers if router.uplink is not None]


def compile_way_out(draft: Draft, out: WayOut) -> None:
    """Put the shared trees of all links that lead out, where anybody asks for a part of them."""
    demands = {way: collect(draft, out.shares, out.segments, out.places, way) for way in DIRECTIONS}
    asking = [*demands["egress"], *demands["ingress"]]
    if not asking:
        return
    links = _links(draft, out.shares, asking)
    _need(draft, asking[0].path, come_in=bool(demands["ingress"]))
    trees = [tree for link in links for way in DIRECTIONS if (tree := _tree(draft, out, link, way, demands[way]))]
    for tree in trees:
        tree.put(draft)
    if trees:
        mark(draft, [tree.marked(out) for tree in trees], trees[0].path)
    ifbs = {tree.major: tree.built.ground.ifname for tree in trees if tree.way == "ingress"}
    if ifbs:
        lead_through(draft, out.leading, ifbs, trees[0].path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """One direction of a link, and the tree built for it. `replaces`: whether a root of somebody else's gives way."""

    link: str
    way: Direction
    demands: Sequence[Demand]
    built: Tree
    path: Path
    replaces: bool = False

    @property
    def major(self) -> str:
        return f"{self.built.ground.major:x}"

    def put(self, draft: Draft) -> None:
        """Its objects, each with whoever asks for it; an ifb for what comes in, a guard for what goes out."""
        if self.way == "ingress":
            draft.link(_ifb(draft, self.link), self.path)
        elif _MAC.fullmatch(mac_ := _mac(draft, self.link)):
            ward_off(draft, self.link, mac_, self.built.default, self.path)
        root = link_key(HOST, self.built.ground.ifname)
        draft.plant(Planted(path=self.path, direction=self.way, link=root, tree=self.built))
        own = _own(draft, self.link)
        if self.replaces and (own is None or own.adopt):
            gives_way = LinkSetting(netns=HOST, ifname=self.link, attribute=ROOT_QDISC, value="")
            draft.share(gives_way, self.path)
        origins = {node.classid: node.branch.origin for node in self.built.nodes}
        for obj in self.built.objects():
            classid = getattr(obj, "below", "") or obj.key.name.rpartition(" ")[2]
            draft.put(obj, origins.get(classid) or self.path)

    def marked(self, out: WayOut) -> Marked:
        """Who gets which class."""
        there = {demand.place for demand in self.demands}
        classids = self._classids()
        by_segment = {id(segment): router for router in out.uplinks for segment in router.segments}
        rest = [(router, _aggregate(router, there)) for router in out.leading]
        return Marked(
            link=self.link,
            way=self.way,
            default=self.built.default,
            rest=[
                (router, classids[over] if over else self.built.default)
                for router, over in rest
                if over or self.way == "ingress"
            ],
            ports=[
                (demand, classids[demand.place], router, _seen(out, demand.port))
                for demand in self.demands
                if demand.port is not None and (router := by_segment.get(id(demand.port.segment)))
            ],
        )

    def _classids(self) -> dict[str, str]:
        """The leaf of each demand, by its place: its own class, or an aggregate's rest."""
        leaves = {node.branch.path: node.classid for node in self.built.nodes if node.queue is not None}
        paths = _paths(self.demands).items()
        return {place: leaves.get(path) or leaves[*path, REST] for place, path in paths if place}


def _aggregate(router: RouterPlace, there: set[str]) -> str:
    """The aggregate that a router's traffic is part of; a declared router's is nobody's."""
    return within(router.segments[0], there) if router.uplink is not None else ""


def _links(draft: Draft, shares: Shares, asking: Sequence[Demand]) -> Sequence[str]:
    """The links that lead out: those of the default routes, else those whose capacity the file says."""
    found = draft.facts.egress_links or tuple(shares.capacity_bps)
    if not found:
        what = "the host has no default route, so nobody knows which of its links this is a part of"
        fix = "`host: links: LINK: {existing: true, capacity: 1gbit}` for the one that leads out"
        for demand in asking:
            draft.error(demand.path, what, fix, Cause.MACHINE)
    return [link for link in found if _fits(draft, shares, link, asking)]


def _fits(draft: Draft, shares: Shares, link: str, asking: Sequence[Demand]) -> bool:
    """Find what keeps a link from having the trees."""
    own = shares.links.get(link)
    if link not in shares.capacity_bps:
        demand_capacity(draft, link, asking)
    elif own is not None and own.egress is not None and any(demand.way == "egress" for demand in asking):
        what = f"{link} has one root, and {dotted(asking[0].path[:-1])} asks for a part of what leads out by it"
        draft.error(("host", "links", link, "qos", "egress"), what, "`capacity:` limits it as a whole; leave this out")
    elif not plain_ifname(link):
        what = f"{link!r} is no name that weft writes into a chain"
        draft.error(capacity_path(link), what, "rename the link: `ip link set LINK name NAME`")
    else:
        check_line(draft, link, shares.capacity_bps[link])
        return True
    return False


def _need(draft: Draft, path: Path, *, come_in: bool) -> None:
    instead = "`ceil:` limits a port by itself"
    for feature in ("htb", "nft_inet", "nft_egress", *(("ifb", "nft_fwd") if come_in else ())):
        draft.need(feature, path, instead)


def _tree(draft: Draft, out: WayOut, link: str, way: Direction, demands: Sequence[Demand]) -> _Shared | None:
    if not demands:
        return None
    capacity_bps = out.shares.capacity_bps[link]
    admit(draft, link, capacity_bps, way, demands)
    path = ("host", "links", link)
    own = out.shares.links.get(link)
    ground = Ground(
        scope=draft.names.scope,
        netns=HOST,
        ifname=link if way == "egress" else _ifb(draft, link).ifname,
        mtu=_mtu(draft, link),
        features=draft.facts.features,
    )
    top = Branch(origin=path, ceil_bps=capacity_bps, branches=tuple(_branches(demands, "", ())))
    replaces = own is not None and own.replace and way == "egress"
    return _Shared(link=link, way=way, demands=demands, built=build_tree(top, ground), path=path, replaces=replaces)


def _branches(demands: Sequence[Demand], over: str, at: tuple[str, ...]) -> Iterator[Branch]:
    """The classes of what is part of `over`."""
    for demand in demands:
        if demand.within == over:
            path, want = (*at, demand.place), demand.want
            yield Branch(
                path=path,
                origin=demand.path[:-1],
                rate_bps=demand.rate_bps or None,
                ceil_bps=demand.ceil_bps,
                burst_bytes=want.burst,
                priority=want.priority,
                latency_us=want.latency,
                leaf=want.leaf,
                receives=demand.port is None,
                branches=() if demand.port is not None else tuple(_branches(demands, demand.place, path)),
            )


def _paths(demands: Sequence[Demand]) -> dict[str, tuple[str, ...]]:
    """Each demand's path in the tree, by its place; they come after what they are part of."""
    found: dict[str, tuple[str, ...]] = {"": ()}
    for demand in demands:
        found[demand.place] = (*found[demand.within], demand.place)
    return found


def _seen(out: WayOut, place: PortPlace) -> list[str]:
    """The port's addresses as the host sees them: its own, or those it is translated to."""
    segment = place.segment
    families = {pool.family for pool in segment.gateways}
    own = [one.address for one in place.addresses if one.pool.family in families]
    if segment.uplink is Uplink.ROUTED:
        return own
    keys = ((segment.tenant, segment.name, address) for address in own)
    return [out.transit[key] for key in keys if key in out.transit]


def _ifb(draft: Draft, link: str) -> Ifb:
    """What comes in by a link passes through it."""
    place = f"host/ways-in/{link}"
    own_id = identity(draft.names.scope, place)
    return Ifb(
        netns=HOST,
        ifname=f"{IFB_PREFIX}{short_id(own_id)}",
        alias=draft.names.mark(place),
        mac=mac(own_id, "ifb"),
        mtu=_mtu(draft, link),
        up=True,
        addr_gen_mode=draft.silence(_mtu(draft, link)),
        altnames=altnames(f"{draft.names.scope}.{link}.in"),
    )


def _own(draft: Draft, link: str) -> Link | None:
    """The link where it is the file's."""
    found = draft.state.get(link_key(HOST, link))
    return found if isinstance(found, Link) else None


def _mac(draft: Draft, link: str) -> str:
    own, line = _own(draft, link), draft.facts.lines.get(link)
    return (own.mac if own else None) or (line.mac if line else "")


def _mtu(draft: Draft, link: str) -> int:
    own, foreign = _own(draft, link), draft.facts.links.get(link)
    return (own.mtu if own else None) or (foreign.mtu if foreign else ETHERNET_MTU)
