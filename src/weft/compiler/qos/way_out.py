"""The shared trees: one for what goes out by each link of the host's that leads out, one for what comes in by it.

Rules: a link leads out by a default route of the host's, to an external network that routers lead to, or because
networks stand on it (trunks.py). Its tree holds everybody who asks for a part of it, in one HTB: nested trees would
lose a guarantee. Its top is the link's capacity; what nobody asked for, the host's own traffic too, is one class that
has next to nothing for sure and all that is idle. A guarantee is a class below the aggregates that it is part of, and
no number of it follows from anybody else's. Where several links have default routes each has both trees, for nobody
knows which one a packet will take.
Source: tc-htb(8), docs/adr/0010-quality-of-service.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from weft.compiler.draft import Draft
from weft.compiler.joint import outer_end
from weft.compiler.naming import altnames, identity, mac, short_id
from weft.compiler.network import ETHERNET_MTU, NetworkPlace
from weft.compiler.place import PortPlace
from weft.compiler.qos.admission import admit
from weft.compiler.qos.bridging import Bridged, Macs, known_by, tell_apart, warn_of_likeness
from weft.compiler.qos.demand import (
    DIRECTIONS,
    Asking,
    Demand,
    Direction,
    Inside,
    Shares,
    collect,
    inside,
    tenant_place,
    within,
)
from weft.compiler.qos.leading import Leading
from weft.compiler.qos.marking import Marked, lead_through, mark
from weft.compiler.qos.planted import Planted
from weft.compiler.qos.site import WAYS_IN
from weft.compiler.qos.tree import REST, Branch, Ground, Tree, build_tree
from weft.compiler.qos.trunks import Trunk, trunks
from weft.compiler.qos.warding import Upon, Ward, upon_links, ward_off
from weft.compiler.router.place import RouterPlace
from weft.kinds.link.common import Link
from weft.kinds.link.ifb import Ifb
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.nftset import NftSet
from weft.kinds.setting.link import ROOT_QDISC, LinkSetting
from weft.model.intent import Path
from weft.model.sharing import PortKey
from weft.records import dataclass
from weft.state import HOST, KernelObject, link_key

IFB_PREFIX = "wi"


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """All that the trees are made from."""

    shares: Shares
    networks: Sequence[NetworkPlace]
    leading: Leading
    places: Mapping[PortKey, PortPlace]

    @property
    def routers(self) -> Sequence[RouterPlace]:
        """Those that lead out at all."""
        return [router for router in self.leading.routers if router.transit]


def compile_way_out(draft: Draft, out: WayOut) -> None:
    """Put the shared trees of all links that lead out, where anybody asks for a part of them."""
    asking = {way: Asking(collect(draft, out.shares, out.networks, out.places, out.leading, way)) for way in DIRECTIONS}
    demands = [demand for way in DIRECTIONS for demand in asking[way].demands]
    if not demands:
        return
    found = trunks(draft, out.shares, out.leading, Asking(demands))
    _need(draft, demands[0].path, come_in=bool(asking["ingress"].demands))
    macs = Macs(place for place in out.places.values() if place.network.footing is not None)
    trees = [
        _tree(draft, out, trunk, way, macs, mine)
        for trunk in found
        for way in DIRECTIONS
        if (mine := asking[way].by(trunk.names))
    ]
    upon, before = upon_links(draft.state), frozenset(draft.state if draft.planted is not None else ())
    for tree in trees:
        tree.put(draft, out, upon)
    if routed := [tree for tree in trees if tree.trunk.routed]:
        mark(draft, [tree.marked(out) for tree in routed], routed[0].path)
    if bridged := [tree for tree in trees if tree.trunk.bridged]:
        told_apart = [tree.bridged(draft, out) for tree in bridged]
        tell_apart(draft, told_apart)
        warn_of_likeness(draft, told_apart)
    _lead_in(draft, out, [tree for tree in trees if tree.way == "ingress"])
    if draft.planted is not None:
        new = [obj for key, obj in draft.state.items() if key not in before]
        beside = tuple(obj for obj in new if isinstance(obj, (Ifb, NftSet, NftElement, NftChain)))
        draft.planted += (tree.planted(out, beside) for tree in trees)


def _lead_in(draft: Draft, out: WayOut, trees: Sequence[_Shared]) -> None:
    """Lead what comes in through its tree's ifb, from each link that it goes on by."""
    by: dict[str, tuple[Path, dict[str, str]]] = {}
    for tree in trees:
        onward = [(router.transit, router.path) for router in out.routers if tree.trunk.routed]
        if tree.trunk.bridged:
            onward += [
                (outer_end(network).name, (*network.path, "segment"))
                for network, _ in out.leading.standing(tree.trunk.link)
            ]
        for device, path in onward:
            by.setdefault(device, (path, {}))[1][tree.major] = tree.built.ground.ifname
    for device, (path, ifbs) in by.items():
        lead_through(draft, device, ifbs, path, trees[0].path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """One direction of a link, and the tree built for it. `macs`: of the ports on networks that stand on links;
    `replaces`: whether a root of somebody else's gives way."""

    trunk: Trunk
    way: Direction
    macs: Macs
    demands: Sequence[Demand]
    built: Tree
    path: Path
    replaces: bool = False

    @property
    def major(self) -> str:
        return f"{self.built.ground.major:x}"

    def put(self, draft: Draft, out: WayOut, upon: Upon) -> None:
        """Its objects, each with whoever asks for it; an ifb for what comes in, a ward for what goes out."""
        link = self.trunk.link
        if self.way == "ingress":
            draft.link(_ifb(draft, link), self.path)
        else:
            ward_off(draft, self._ward(draft, out), upon, self.path)
        own = _own(draft, link)
        if self.replaces and (own is None or own.adopt):
            gives_way = LinkSetting(netns=HOST, ifname=link, attribute=ROOT_QDISC, value="")
            draft.share(gives_way, self.path)
        draft.put(self.built.root, self.path)
        for node, objects in self.built.by_node():
            for obj in objects:
                draft.put(obj, node.branch.origin or self.path)

    def _ward(self, draft: Draft, out: WayOut) -> Ward:
        trunk = self.trunk
        outlets = [outlet for _, outlet in out.leading.standing(trunk.link)] if trunk.bridged else []
        return Ward(
            link=trunk.link,
            mac=_mac(draft, trunk.link),
            default=self.built.default,
            outlets=outlets,
            is_port=trunk.front != trunk.link,
        )

    def marked(self, out: WayOut) -> Marked:
        """Who gets which class of what the host routes."""
        there = {demand.place for demand in self.demands}
        classids = self._classids()
        rest = [(router, _aggregate(router, there)) for router in out.routers]
        return Marked(
            link=self.trunk.front,
            is_bridge=self.trunk.front != self.trunk.link,
            way=self.way,
            default=self.built.default,
            rest=[
                (router, classids[over] if over else self.built.default)
                for router, over in rest
                if over or self.way == "ingress"
            ],
            ports=[
                (demand, classids[demand.place], tuple(out.leading.seen(demand.port)))
                for demand in self.demands
                if demand.port is not None
            ],
        )

    def bridged(self, draft: Draft, out: WayOut) -> Bridged:
        """Who gets which class of the frames that the host's bridges forward."""
        there, classids = {demand.place for demand in self.demands}, self._classids()
        standing = out.leading.standing(self.trunk.link)
        networks = {id(network): network for network, _ in standing}.values()
        rest = [(network, within(network, there)) for network in networks]
        trunk, bridge = self.trunk, _own(draft, self.trunk.front)
        return Bridged(
            link=trunk.link,
            way=self.way,
            default=self.built.default,
            outlets=list(dict.fromkeys(outlet.port for _, outlet in standing)),
            rest=[
                (network, classids[over] if over else self.built.default)
                for network, over in rest
                if over or self.way == "ingress"
            ],
            ports=[(place, classids[demand.place], demand.path[:-1]) for demand, place in self._standing_ports()],
            macs=self.macs,
            path=self.path,
            routes=trunk.routed and trunk.front != trunk.link,
            mac=(bridge.mac if bridge is not None else None) or "",
        )

    def _standing_ports(self) -> Iterator[tuple[Demand, PortPlace]]:
        for demand in self.demands:
            if demand.port is not None and self.trunk.link in demand.out.bridged:
                yield demand, demand.port

    def planted(self, out: WayOut, beside: Sequence[KernelObject]) -> Planted:
        classids = self._classids()
        at_bridge = {classids[one.place]: tuple(known_by(place, self.macs)) for one, place in self._standing_ports()}
        behind = self.marked(out).ports if self.trunk.routed else ()
        return Planted(
            path=self.path,
            direction=self.way,
            link=link_key(HOST, self.built.ground.ifname),
            tree=self.built,
            known_by={classid: tuple(map(str, seen)) for _, classid, seen in behind},
            known_at_bridge=at_bridge,
            beside=beside,
        )

    def _classids(self) -> dict[str, str]:
        """The leaf of each demand, by its place: its own class, or an aggregate's rest."""
        leaves = {node.branch.path: node.classid for node in self.built.nodes if node.queue is not None}
        paths = _paths(self.demands).items()
        return {place: leaves.get(path) or leaves[*path, REST] for place, path in paths if place}


def _aggregate(router: RouterPlace, there: set[str]) -> str:
    """The aggregate that a router's traffic is part of: of several networks their tenant's alone."""
    networks = router.networks
    if len(networks) == 1:
        return within(networks[0], there)
    return next((place for network in networks if (place := tenant_place(network)) in there), "")


def _need(draft: Draft, path: Path, *, come_in: bool) -> None:
    instead = "`ceil:` limits a port by itself"
    for feature in ("htb", "nft_inet", "nft_egress", *(("ifb", "nft_fwd") if come_in else ())):
        draft.need(feature, path, instead)


def _tree(draft: Draft, out: WayOut, trunk: Trunk, way: Direction, macs: Macs, demands: Sequence[Demand]) -> _Shared:
    link = trunk.link
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
    top = Branch(origin=path, ceil_bps=capacity_bps, branches=tuple(_branches(inside(demands), "", ())))
    replaces = own is not None and own.replace and way == "egress"
    return _Shared(
        trunk=trunk,
        way=way,
        macs=macs,
        demands=demands,
        built=build_tree(top, ground),
        path=path,
        replaces=replaces,
    )


def _branches(parts: Inside, over: str, at: tuple[str, ...]) -> Iterator[Branch]:
    """The classes of what is part of `over`."""
    for demand in parts.get(over, ()):
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
            branches=() if demand.port is not None else tuple(_branches(parts, demand.place, path)),
        )


def _paths(demands: Sequence[Demand]) -> dict[str, tuple[str, ...]]:
    """Each demand's path in the tree, by its place; they come after what they are part of."""
    found: dict[str, tuple[str, ...]] = {"": ()}
    for demand in demands:
        found[demand.place] = (*found[demand.within], demand.place)
    return found


def _ifb(draft: Draft, link: str) -> Ifb:
    """What comes in by a link passes through it."""
    place = f"{WAYS_IN}/{link}"
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
