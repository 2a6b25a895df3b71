"""Traces questions through one State, in the words of the intent that it is of.

Rules: pure. Who asks and who is asked are the wanted ones, whatever state is walked: an address that somebody took away
is a finding, not another question. The answer is followed by what the question made of the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network

from weft.compiler.addressing import usable
from weft.compiler.qos.planted import Planted
from weft.model.intent import Intent, Path
from weft.reach import Talk, Verdict, Walk, World, endpoints
from weft.reach.outside import network_around
from weft.reach.routing import hops
from weft.reach.steps import Carried
from weft.state import HOST, Key, State, link_key
from weft.trace.ends import Ends
from weft.trace.filters import Filters
from weft.trace.hints import Hints
from weft.trace.legs import DEFAULTS, Teller, Told
from weft.trace.names import Names
from weft.trace.others import Met, Nobody, Others
from weft.trace.queues import Queues
from weft.trace.records import End, Fate, Hop, Leg, Sort, Trace
from weft.trace.sizes import Large
from weft.trace.ways_out import network_of, ways_out


class Tracer:
    """A State, ready for questions. `desired`, `paths`: what the intent compiles to; `state`: what is walked, the
    desired one unless another is given; `planted`: what queues where (compiler.planted); `others`: what is not weft's,
    asked where the way leads, None for nothing."""

    def __init__(
        self,
        intent: Intent,
        desired: State,
        paths: Mapping[Key, Path],
        state: State | None = None,
        planted: Sequence[Planted] = (),
        others: Others | None = None,
    ) -> None:
        found = endpoints(intent, desired, paths)
        self._intent, self._queues = intent, Queues(planted)
        self.world = World(desired if state is None else state)
        self._names = Names(paths, found, self.world)
        self._ends = Ends(intent, found, desired, paths, self.world)
        self._filters = Filters(intent, self._names)
        self._others = others or Nobody()

    def trace(
        self,
        source: str,
        target: str,
        talk: Talk,
        *,
        family: int | None = None,
        size: int | None = None,
        whole: bool = True,
    ) -> Trace:
        """Ask `target` from `source`. `size`: of the packet with its IP header, in bytes; `whole`: nobody may split it.

        Raises: IntentInvalid where a word means nobody, or several.
        """
        family = family or {"icmpv6": 6}.get(talk.protocol)
        asks, asked, family = self._ends.pair(source, target, family)
        return _Traced(self, asks, asked, talk, family, size, whole).trace()

    # what a question needs

    def teller(self, source: End, target: End, talk: Talk, size: int | None, *, whole: bool) -> Teller:
        inside = self._inside(source), self._inside(target)
        large = Large(self.world, self._names, size, whole=whole)
        met = Met(self._others, self.world, self._names, talk)
        return Teller(self.world, self._names, self._filters, talk, large, self._queues, met, inside)

    def _inside(self, end: End) -> Path:
        """The path of a port with that of its network behind it."""
        return (*end.path, *network_of(self._intent, end.path)) if end.is_port else ()

    def hints(self, source: End, target: End, talk: Talk, family: int) -> Hints:
        return Hints(self._intent, self._filters, source, target, talk, family)

    def name(self, key: Key) -> str:
        """A link as people call it."""
        return self._names.link(key)

    def place(self, netns: str) -> str:
        return self._names.place(netns)

    def outside_of(self, end: End) -> str:
        """The host's link that leads to the external network of an address there, or of a port's router, "" for
        none."""
        gateway = ways_out(self._intent, network_of(self._intent, end.path)) if end.is_port else None
        name = network_around(self._intent, end.address) or (gateway.network if gateway is not None else "")
        return self._intent.external_networks[name].link if name else ""

    def guest(self, stitch: Key, family: int) -> End:
        return self._ends.guest(stitch, family)

    def neighbour(self, guest: End, address: str) -> str:
        """Whom a guest sends to, as it would know from its subnets: the address itself, else their gateway; where they
        have none it can only ask for the address."""
        _, owner, _, name = network_of(self._intent, guest.path)
        network = self._intent.tenants[owner].networks[name]
        number = ip_address(address)
        nets = [(ip_network(subnet.cidr), subnet) for subnet in network.subnets]
        nets = [(net, subnet) for net, subnet in nets if net.version == number.version]
        if any(number in net for net, _ in nets):
            return address
        first = (str(ip_address(usable(net)[0])) if subnet.gateway is None else subnet.gateway for net, subnet in nets)
        return next(filter(None, first), address)


class _Traced:
    """One question on its way."""

    def __init__(
        self, tracer: Tracer, source: End, target: End, talk: Talk, family: int, size: int | None, whole: bool
    ) -> None:
        self._tracer, self._world = tracer, tracer.world
        if source.stitch is not None:
            source = replace(source, next_hop=tracer.neighbour(source, target.address))
        self._source, self._target, self._talk, self._family, self._size = source, target, talk, family, size
        self._whole = whole

    def trace(self) -> Trace:
        there, walk = self._there()
        comes_there = walk is not None and (walk.guest is not None or walk.verdict in (Verdict.ARRIVES, Verdict.LEAVES))
        back = self._back(walk) if walk is not None and comes_there and there.leg.fate is not Fate.STOPS else None
        legs = [there.leg, *([back.leg] if back else [])]
        fate = next((fate for fate in (Fate.STOPS, Fate.OPEN) for leg in legs if leg.fate is fate), Fate.PASSES)
        at, why = next(((leg, leg.why) for leg in legs if leg.fate is fate is not Fate.PASSES), (None, ""))
        least = min(((leg.mtu, leg.mtu_at) for leg in legs if leg.mtu), key=lambda pair: pair[0] or 0, default=None)
        hints = self._tracer.hints(self._source, self._target, self._talk, self._family)
        return Trace(
            source=self._source,
            target=self._target,
            talk=self._talk,
            family=self._family,
            size=self._size,
            whole=self._whole,
            there=there.leg,
            back=back.leg if back else None,
            fate=fate,
            why=f"of the answer: {why}" if back and at is back.leg and why else why,
            mtu=least[0] if least else None,
            mtu_at=self._tracer.name(least[1]) if least and least[1] else "",
            hints=tuple(hints.of(there, back)),
        )

    def _there(self) -> tuple[Told, Walk | None]:
        source, target = self._source, self._target
        teller = self._tracer.teller(source, target, self._talk, self._size, whole=self._whole)
        if source.stitch is not None:
            walk = self._world.walk_from(
                source.stitch, source.next_hop, source.address, target.address, self._talk, mac=source.mac
            )
        elif source.is_outside or source.netns is None:
            link = self._way_in(source, target)
            if link is None:
                return self._lost("the host", HOST, f"the host has no route to {source.address}"), None
            walk = self._world.walk_in(link, source.address, target.address, self._talk)
        elif not self._world.tables(source.netns).is_local(source.address, source.address):
            said = f"{source.name} has not its address {source.address} any more"
            return self._lost(self._tracer.place(source.netns), source.netns, said), None
        else:
            walk = self._world.walk(source.netns, source.address, target.address, self._talk)
        return self._ending(teller.tell(walk, answer=False, port=self._talk.port), walk, target), walk

    def _back(self, there: Walk) -> Told:
        """The answer, from where the question came to."""
        size = self._size if self._talk.protocol.startswith("icmp") else None
        teller = self._tracer.teller(
            self._source, self._target, self._talk, size, whole=False
        )  # the kernel's echoes may be split
        if there.guest is not None:
            guest = self._tracer.guest(there.guest, self._family)
            walk = self._world.answer_from(there, self._tracer.neighbour(guest, there.source), mac=guest.mac)
        else:
            walk = self._world.answer(there)
        told = teller.tell(walk, answer=True, port=there.port or self._talk.port)
        told = self._ending(told, walk, self._source)
        if told.leg.fate is Fate.PASSES and walk.source != self._target.address:
            why = f"it comes from {walk.source}, and {self._target.address} was asked"
            return replace(told, leg=replace(told.leg, fate=Fate.STOPS, why=why))
        return told

    def _ending(self, told: Told, walk: Walk, end: End) -> Told:
        """Whether what arrived somewhere is where it was to come to."""
        if told.leg.fate is not Fate.PASSES or self._is_at(walk, end):
            return told
        what = "is not where it should come to"
        if end.is_port:
            what = f"is not where {end.name} is"
        elif end.is_outside:
            what = f"is not where {end.name} asked from"
        why = f"{walk.why}, which {what}" if walk.verdict is Verdict.ARRIVES else walk.why
        near = self._near(end.address) if end.is_outside and walk.verdict is Verdict.LEAVES else None
        if near is not None:
            why = f"{end.address} is on {near.name}, and it leaves by {_left_by(walk)}"
        hop = Hop(
            place=self._tracer.place(walk.netns),
            netns=walk.netns,
            sort=Sort.ENDS,
            said=why if near is not None else f"this {what}",
            passes=False,
        )
        return replace(told, leg=replace(told.leg, hops=(*told.leg.hops, hop), fate=Fate.STOPS, why=why))

    def _is_at(self, walk: Walk, end: End) -> bool:
        if end.stitch is not None:
            return walk.guest == end.stitch
        if end.is_outside:
            near = self._near(end.address)
            return walk.verdict is Verdict.LEAVES and (near is None or _left_by(walk) in ("", near.name))
        if not end.is_port:
            return walk.verdict is Verdict.ARRIVES or walk.guest is not None
        return walk.verdict is Verdict.ARRIVES and walk.netns == end.netns

    def _way_in(self, source: End, target: End) -> Key | None:
        """The link by which somebody outside comes in: the one on whose network it is, else that of the target's
        external network, else the one by which the host sends there."""
        near, link = self._near(source.address), self._tracer.outside_of(target)
        if near is not None:
            return near
        if link:
            return link_key(HOST, link)
        route = self._world.tables(HOST).route(source.address, source.address)
        return link_key(HOST, route.ifname) if route is not None and route.ifname else None

    def _near(self, address: str) -> Key | None:
        """The host's link on whose network somebody outside is, None for who is further away."""
        route = self._world.tables(HOST).route(address, address)
        if route is None or route.type != "unicast" or route.dst in DEFAULTS:
            return None
        (way, *_) = hops(route)
        return None if way.via else link_key(HOST, way.ifname)

    def _lost(self, place: str, netns: str, said: str) -> Told:
        hop = Hop(place=place, netns=netns, sort=Sort.SENDS, said=said, passes=False)
        return Told(leg=Leg(hops=(hop,), fate=Fate.STOPS, why=said, source=self._source.address), judged=())


def _left_by(walk: Walk) -> str:
    """The host's link that what leaves was sent by, "" where it leaves from elsewhere."""
    last = walk.steps[-1] if walk.steps else None
    return last.out.name if isinstance(last, Carried) and last.out.netns == HOST else ""
