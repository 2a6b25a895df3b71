"""What can be measured of what is planted: for each class who sends, who receives, and packets that are of it.

Rules: pure. Who sends or receives is a port that reaches the carrier, one on its own network first, and at last another
machine, where one is named. Nobody is asked whose own limits are narrower than what is measured, or whose own line is
made bad on purpose. What is of a tree that several share is measured by what leaves the machine, for nothing else
passes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from ipaddress import ip_interface

from weft.check.qos.lanes import Direction, Lane, Place, Tree
from weft.check.qos.said import said_of
from weft.compiler.qos.branches import asked_in_order
from weft.compiler.qos.flow import SPEAKS, Classes, Flow
from weft.compiler.qos.numbers import UNLIMITED_BPS
from weft.compiler.qos.planted import Planted
from weft.compiler.qos.tree import Node
from weft.compiler.qos.tree import Tree as Built
from weft.kinds.ip.address import Address
from weft.kinds.link.common import Link
from weft.kinds.tc.qdisc import class_key
from weft.model.intent import Path
from weft.model.qos import QosDirection, QosPolicy
from weft.reach import FAMILIES, Endpoint, Expectation, Reach, Talk, World, expect
from weft.reach.guests import silent, unopened
from weft.records import dataclass
from weft.state import State, link_key

DEFAULT, REST = "(default)", "(rest)"
NOBODY = "no other port reaches it to send or receive; --peer names a machine that can"
OUTSIDE = "it is of what leaves the machine; --peer names one behind it that serves iperf3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From whom to whom, and what of it is known to those who look at MACs. `expected`: what filters on the way let
    through, None where nobody knows."""

    sender: Place
    receiver: Place
    source_mac: str = ""
    target_mac: str = ""
    expected: Expectation | None = None

    def flow(self, protocol: str) -> Flow:
        return Flow(
            protocol=protocol,
            source=self.sender.address,
            target=self.receiver.address,
            port=0,
            source_mac=self.source_mac,
            target_mac=self.target_mac,
        )

    def stops(self, flow: Flow) -> str:
        """Why a filter on the way keeps one from the other's port, "" where none does: before it sends anything else,
        iperf3 speaks by TCP to the same port."""
        if self.expected is None:
            return ""
        for protocol in dict.fromkeys(("tcp", flow.protocol)):
            talk = Talk(protocol=protocol, port=flow.port)
            asked = self.expected.asked(talk)
            if asked.reach is Reach.NO:
                return f"of {protocol}/{talk.port}, which it takes to measure, {asked.why}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that decides it. `state`: what is wanted; `observed`: what links of others have; `peer`: the address of
    another machine that serves iperf3, "" for none. `unopened`: names of taps that nobody has open."""

    planted: Sequence[Planted]
    endpoints: Sequence[Endpoint]
    state: State
    observed: State = field(default_factory=State)
    peer: str = ""
    unopened: frozenset[str] = frozenset()


def _nothing_stops(flow: Flow) -> str:
    return ""


class _Stage:
    """A scene, looked through once."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.world = World(scene.state)
        self.ends: Mapping[Path, Endpoint] = {end.path: end for end in scene.endpoints}
        own = (one for one in scene.planted if one.tree is not None and one.shaping)
        self.shaped: dict[tuple[Path, str], Planted] = {(one.path, one.direction): one for one in own}
        self.bad: set[Path] = {one.path for one in scene.planted if one.shaping and _is_bad(one.shaping.asked.policy)}
        held = (*scene.observed.values(), *scene.state.values())  # what is wanted counts where both say something
        addresses = {obj.key: obj for obj in held if isinstance(obj, Address)}
        self.places = [(obj.ifname, _place_of(obj), obj.cidr) for obj in addresses.values()]

    def mac(self, end: Endpoint) -> str:
        link = self.scene.state.get(link_key(end.netns, end.ifname))
        return (link.mac or "") if isinstance(link, Link) else ""


def trees_of(scene: Scene) -> Iterator[Tree]:
    """Every tree, with a lane for each of its leaves that stands for something in the file."""
    stage = _Stage(scene)
    for one in scene.planted:
        if one.tree is not None:
            yield _Drawing(stage, one, one.tree).tree()


def unmeasured(scene: Scene) -> Iterator[tuple[str, str]]:
    """Of whom nothing can be measured though something is asked for, and why."""
    for one in scene.planted:
        if one.tree is None and one.shaping is not None:
            yield f"{carrier_of(one.path)} {one.direction}", _without_tree(one)


def _without_tree(one: Planted) -> str:
    shaping = one.shaping
    if shaping is not None and shaping.limits is not None:
        return f"{shaping.limits.mechanism.name} keeps it, and no class counts"
    return "no rate is declared"


def carrier_of(path: Path) -> str:
    """`shop/web` of a port, `eth0` of a link."""
    match path:
        case ("tenants", tenant, "ports", port):
            return f"{tenant}/{port}"
        case ("host", "links", ifname):
            return ifname
        case ("namespaces", netns, "links", ifname):
            return f"{netns}/{ifname}"
        case ("tenants", tenant, "networks", network):
            return f"{tenant}/{network} (network)"
        case ("tenants", tenant):
            return f"{tenant} (tenant)"
    return " ".join(path)


def _place_of(obj: Address) -> Place:
    name = f"{obj.netns}/{obj.ifname}" if obj.netns else obj.ifname
    return Place(name=name, netns=obj.netns, address=obj.cidr.partition("/")[0])


class _Drawing:
    """One tree in the making. `_taken`: ports that its lanes use, so that all can be sent at once."""

    def __init__(self, stage: _Stage, planted: Planted, built: Built) -> None:
        self._stage, self._planted, self._built = stage, planted, built
        self._direction = Direction(planted.direction)
        self._taken: set[int] = set()
        self._numbered = {node.classid: node for node in built.nodes}

    def tree(self) -> Tree:
        leaves = [node for node in self._built.nodes if node.queue is not None]
        top = self._built.nodes[0]
        lanes = [self._lane(node) for node in leaves if self._stands_for_something(node)]
        ground = self._built.ground
        return Tree(
            netns=ground.netns,
            ifname=ground.ifname,
            ceil_bps=ground.counting.declared(top.figures.limit_bps),
            lanes=tuple(lanes),
            leaves={class_key(ground.netns, ground.ifname, node.classid): self._told(node) for node in leaves},
        )

    def _stands_for_something(self, node: Node) -> bool:
        """In a shared tree, what nobody asked for is not measured: it is everybody else's."""
        return self._planted.shaping is not None or node.branch.rate_bps is not None

    def _told(self, node: Node) -> str:
        return f"{self._carrier(node)} {self._direction} {self._name(node)}".rstrip()

    def _carrier(self, node: Node) -> str:
        own = self._planted.shaping is not None or node.classid == self._built.default
        return carrier_of(self._planted.path if own else node.branch.origin)

    def _name(self, node: Node) -> str:
        path = node.branch.path
        if path == ("",):
            return DEFAULT if len(self._built.nodes) > 2 else ""
        if self._planted.shaping is None:
            return f"by {carrier_of(self._planted.path)}"
        return path[-1] or f"{path[-2]} {REST}"

    def _lane(self, node: Node) -> Lane:
        ground = self._built.ground
        said = said_of(node, ground, self._share(node))
        above = [held.figures for held in self._above(node)]
        bare = Lane(
            carrier=self._carrier(node),
            direction=self._direction,
            name=self._name(node),
            key=class_key(ground.netns, ground.ifname, node.classid),
            rate_bps=said.rate_bps,
            ceil_bps=said.ceil_bps,
            latency_us=node.branch.latency_us,
            overhead_bytes=said.overhead_bytes,
            cells=said.cells,
            frame_bytes=ground.frame,
            burst_bytes=max(held.cburst.value for held in above if held.ceil.value == node.figures.limit_bps),
            answers_us=_bad_way_us(self._said_back),
        )
        why = self._hindrance(node)
        return replace(bare, why=why) if why else self._with_flows(bare, node)

    def _share(self, node: Node) -> QosDirection | None:
        """What a port asks for of a shared tree."""
        own = self._stage.shaped.get((node.branch.origin, self._planted.direction))
        if self._planted.shaping is not None or own is None or own.shaping is None:
            return None
        found: QosDirection | None = getattr(own.shaping.asked.policy, self._direction)
        return found

    def _above(self, node: Node) -> Iterator[Node]:
        """A class, and all that it is a part of."""
        over: Node | None = node
        while over is not None:
            yield over
            over = self._numbered.get(over.parent)

    def _hindrance(self, node: Node) -> str:
        """What keeps the figure of the class from being reached, whoever sends."""
        if node.figures.limit_bps >= UNLIMITED_BPS:
            return "nothing limits it, so there is nothing to reach"
        if node.branch.impairment is not None:
            return "its line is made bad on purpose"
        said = self._said
        frames = said.packets_per_second if said is not None else None
        if frames is not None and frames * self._built.ground.frame * 8 < node.figures.limit_bps:
            return f"{frames} packets a second are fewer than its rate has room for"
        return ""

    @property
    def _said(self) -> QosDirection | None:
        """The policy, of one carrier's own tree."""
        return self._policy_of(self._planted.direction)

    @property
    def _said_back(self) -> QosDirection | None:
        """The same of the other direction."""
        return self._policy_of("ingress" if self._planted.direction == "egress" else "egress")

    def _policy_of(self, direction: str) -> QosDirection | None:
        shaping = self._planted.shaping
        found: QosDirection | None = getattr(shaping.asked.policy, direction) if shaping is not None else None
        return found

    def _classes(self, node: Node) -> Classes:
        """Of a shared tree, who a packet is from decides, and not what it is."""
        said = self._said
        if said is None:
            return Classes(asked=(), default=node.classid)
        return Classes(asked=asked_in_order(said, self._built), default=self._built.default)

    def _with_flows(self, lane: Lane, node: Node) -> Lane:
        """The lane with what can be sent for it, by whoever can send most kinds of it."""
        classes, best, stops = self._classes(node), lane, _nothing_stops
        whys: dict[str, None] = {}
        for way in self._ways(node):
            if isinstance(way, str):
                whys[way] = None
                continue
            found = {
                protocol: classes.flow_into(node.classid, way.flow(protocol), self._taken, way.stops)
                for protocol in SPEAKS
            }
            flows = {protocol: flow for protocol, flow in found.items() if not isinstance(flow, str)}
            whys |= dict.fromkeys(why for why in found.values() if isinstance(why, str))
            narrow = [self._narrower(way, flow, node.figures.limit_bps) for flow in flows.values()]
            whys |= dict.fromkeys(why for why in narrow if why)
            if not any(narrow) and len(flows) > len(best.flows):
                best, stops = replace(lane, flows=flows, sender=way.sender, receiver=way.receiver), way.stops
            if len(best.flows) == len(SPEAKS):
                break
        if not best.flows:
            return replace(lane, why="; ".join(whys) or NOBODY)
        self._taken |= {flow.port for flow in best.flows.values()}
        return replace(best, beside=dict(self._beside(classes, node.classid, best, stops)))

    def _beside(
        self, classes: Classes, classid: str, lane: Lane, stops: Callable[[Flow], str]
    ) -> Iterator[tuple[str, Flow]]:
        """Small packets go by UDP: beside TCP by the same port, beside UDP by another one."""
        if lane.sender is None or lane.receiver is None or None in (lane.sender.netns, lane.receiver.netns):
            return
        for protocol, flow in lane.flows.items():
            beside = replace(flow, protocol="udp")
            found = classes.flow_into(classid, beside, self._taken if protocol == "udp" else (), stops)
            if not isinstance(found, str) and (protocol == "tcp" or found.port != flow.port):
                self._taken.add(found.port)
                yield protocol, found

    # who sends and receives

    def _ways(self, node: Node) -> Iterator[Way | str]:
        """From and to the carrier; else why not."""
        own_path = self._planted.path if self._planted.shaping is not None else node.branch.origin
        own = self._stage.ends.get(own_path)
        if own is None:
            yield from self._ways_of_link(own_path)
        elif own.is_guest:
            yield unopened(own.name) if own.name in self._stage.scene.unopened else silent(own.name)
        else:
            if self._planted.shaping is not None:
                yield from self._ways_of_port(own)
            yield from self._ways_outside([_place(own, family) for family in FAMILIES if own.address(family)])

    def _ways_of_port(self, own: Endpoint) -> Iterator[Way]:
        others = [end for end in self._stage.scene.endpoints if end is not own and not end.is_guest]
        for other in sorted(others, key=lambda end: end.at != own.at):
            sender, receiver = self._in_order(own, other)
            for family in FAMILIES:
                expected = expect(self._stage.world, sender, receiver, family)
                if expected.reach is Reach.YES:
                    near = own.at == other.at
                    macs = [self._stage.mac(end) if near else "" for end in (sender, receiver)]
                    yield Way(
                        sender=_place(sender, family),
                        receiver=_place(receiver, family),
                        source_mac=macs[0],
                        target_mac=macs[1],
                        expected=expected,
                    )

    def _in_order(self, own: Endpoint, other: Endpoint) -> tuple[Endpoint, Endpoint]:
        return (own, other) if self._direction is Direction.EGRESS else (other, own)

    def _ways_of_link(self, path: Path) -> Iterator[Way | str]:
        """To and from addresses of the link's own network that other namespaces here have."""
        link = (path[1] if path[0] == "namespaces" else "", path[-1])
        own = [(place, cidr) for ifname, place, cidr in self._stage.places if (place.netns, ifname) == link]
        if path[-2:-1] != ("links",):
            yield OUTSIDE
            return
        for place, cidr in own:
            for other in _neighbours(place, cidr, self._stage.places):
                yield self._way(place, other)
        yield from self._ways_outside([place for place, _ in own])
        if not own:
            yield f"{carrier_of(path)} has no address to send from"

    def _ways_outside(self, own: Iterable[Place]) -> Iterator[Way | str]:
        if not self._stage.scene.peer:
            yield OUTSIDE if self._planted.shaping is None else NOBODY
            return
        peer = Place(name=self._stage.scene.peer, netns=None, address=self._stage.scene.peer)
        yield from (self._way(place, peer) for place in own if (":" in place.address) == (":" in peer.address))

    def _way(self, own: Place, other: Place) -> Way:
        sender, receiver = (own, other) if self._direction is Direction.EGRESS else (other, own)
        return Way(sender=sender, receiver=receiver)

    def _narrower(self, way: Way, flow: Flow, wanted_bps: int) -> str:
        """Why the other end is not fit to measure so much, "" where it is."""
        other = way.receiver if self._direction is Direction.EGRESS else way.sender
        theirs = "ingress" if self._direction is Direction.EGRESS else "egress"
        end = next((end for end in self._stage.scene.endpoints if end.name == other.name), None)
        if end is not None and end.path in self._stage.bad:
            return f"{other.name}'s own line is made bad on purpose"
        one = self._stage.shaped.get((end.path, theirs)) if end is not None else None
        if one is None or one.tree is None:
            return ""
        drawing = _Drawing(self._stage, one, one.tree)
        classid = drawing._classes(one.tree.nodes[0]).of(flow)
        limit_bps = next(node.figures.limit_bps for node in one.tree.nodes if node.classid == classid)
        return "" if limit_bps >= wanted_bps else f"{other.name}'s own {theirs} is narrower"


def _is_bad(policy: QosPolicy) -> bool:
    """Whether either way has an impairment: who sends waits for what comes back."""
    return any(_bad_way_us(direction) is not None for direction in (policy.egress, policy.ingress))


def _bad_way_us(direction: QosDirection | None) -> int | None:
    """How long the worst line of a direction takes by its impairment, None where nothing is impaired."""
    held = (direction, *direction.classes.values()) if direction is not None else ()
    lines = [shape.impairment for shape in held if shape.impairment is not None]
    return max(((line.delay or 0) + (line.jitter or 0) for line in lines), default=None)


def _place(end: Endpoint, family: int) -> Place:
    return Place(name=end.name, netns=end.netns, address=end.address(family))


def _neighbours(place: Place, cidr: str, places: Sequence[tuple[str, Place, str]]) -> Iterator[Place]:
    net = ip_interface(cidr).network
    for _, other, theirs in places:
        if other.netns != place.netns and ip_interface(theirs).ip in net and ip_interface(theirs).network == net:
            yield other
