"""One way of a packet as hops: the steps of a walk and the rulings of the filters between them, told in order.

Rules: what stops it ends the leg, whatever the walk would have come to behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from weft.kinds.ip.route import Route
from weft.kinds.link.veth import Veth
from weft.model.intent import Path
from weft.reach import Talk, Verdict, Walk, World
from weft.reach.crossing import Crossing
from weft.reach.steps import Carried, Delivered, Forwarded, Routed, Step, Translated
from weft.reach.visits import visits
from weft.records import dataclass
from weft.state import HOST, Key, link_key
from weft.trace.filter_words import hop_of
from weft.trace.filters import Filters, Judged
from weft.trace.names import Names, port_name
from weft.trace.others import Met
from weft.trace.queues import Passage, Queues
from weft.trace.records import Fate, Hop, Leg, Sort
from weft.trace.sizes import Large

_FATES = {
    Verdict.ARRIVES: Fate.PASSES,
    Verdict.LEAVES: Fate.PASSES,
    Verdict.STOPS: Fate.STOPS,
    Verdict.UNKNOWN: Fate.OPEN,
}
DEFAULTS = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A leg, and the rulings that it was told from."""

    leg: Leg
    judged: tuple[Judged, ...]


class Teller:
    """Tells the walks of one question in one world."""

    def __init__(
        self,
        world: World,
        names: Names,
        filters: Filters,
        talk: Talk,
        large: Large,
        queues: Queues,
        met: Met,
        inside: tuple[Path, Path],
    ) -> None:
        """`inside`: paths of the ports that ask and are asked."""
        self._world, self._names, self._filters, self._met = world, names, filters, met
        self._talk, self._large, self._queues, self._inside = talk, large, queues, inside

    def tell(self, walk: Walk, *, answer: bool, port: int) -> Told:
        """`port`: that is asked, where the way begins."""
        hops, judged = list[Hop](), list[Judged]()
        mtu, mtu_at = None, None
        visited = visits(walk.steps, port)
        for at, step in enumerate(walk.steps):
            met = self._met.at(visited[at], answer=answer) if at in visited else ()
            for hop in chain(met, self._step(step, walk, answer, judged)):
                hops.append(hop)
                if hop.passes is False:
                    return _ended(hops, judged, hop.said, walk)
            least = self._least(step)
            if least is not None and (mtu is None or least[0] < mtu):
                mtu, mtu_at = least
        fate = Fate.PASSES if walk.guest is not None else _FATES[walk.verdict]
        perhaps = next((hop for hop in hops if hop.passes is None), None)
        is_open = fate is Fate.PASSES and perhaps is not None
        leg = Leg(
            hops=tuple(hops),
            fate=Fate.OPEN if is_open else fate,
            why=perhaps.said if is_open and perhaps is not None else walk.why,
            source=walk.source,
            mtu=mtu,
            mtu_at=mtu_at,
            keys=walk.passed,
        )
        return Told(leg=leg, judged=tuple(judged))

    def _step(self, step: Step, walk: Walk, answer: bool, judged: list[Judged]) -> Iterator[Hop]:
        match step:
            case Forwarded():
                yield from self._forwarded(step)
            case Routed():
                yield self._routed(step, walk)
            case Translated():
                yield self._translated(step)
            case Delivered():
                what = self._names.path(step.key) if step.key is not None else ()
                owner = f" by {step.key.name}" if step.key is not None else ""
                said = f"{step.target} is here{owner}"
                keys = (step.key,) if step.key is not None else ()
                hop = self._hop(step.netns, Sort.ENDS, said, path=what, keys=keys)
                yield replace(hop, mtu=self._mtu(step.key) if step.key is not None else None)
            case Carried():
                yield from self._carried(step, walk, answer, judged)

    def _forwarded(self, step: Forwarded) -> Iterator[Hop]:
        if step.allowed:
            return
        said = "does not forward" if step.allowed is False else "may forward or not: the file does not say"
        passes = None if step.allowed is None else False
        path = self._names.path(step.key)
        yield self._hop(step.netns, Sort.ROUTE, said, passes=passes, path=path, keys=(step.key,))

    def _routed(self, step: Routed, walk: Walk) -> Hop:
        if step.route is None or step.way is None:
            return self._lost(step, walk)
        route, ifname = step.route, step.way.ifname
        link = link_key(step.netns, ifname)
        path = self._names.path(route.key) or self._names.path(link)
        hop = self._hop(step.netns, Sort.ROUTE, _route_words(route, step), path=path, keys=(route.key, link))
        return replace(hop, mtu=self._mtu(link))

    def _lost(self, step: Routed, walk: Walk) -> Hop:
        if step.route is None:
            return self._hop(step.netns, Sort.ROUTE, walk.why, passes=False)
        key, said = step.route.key, f"{step.target} leads nowhere: a route of type {step.route.type}"
        return self._hop(step.netns, Sort.ROUTE, said, passes=False, path=self._names.path(key), keys=(key,))

    def _translated(self, step: Translated) -> Hop:
        what = "target" if step.is_target else "source"
        undone = "" if step.keys else ", as the question's was translated"
        port = f", port {step.port}" if step.port else ""
        path = self._names.path(step.keys[-1]) if step.keys else ()
        said = f"{what} {step.before} becomes {step.after}{port}{undone}"
        return self._hop(step.netns, Sort.NAT, said, path=path, keys=step.keys)

    def _carried(self, step: Carried, walk: Walk, answer: bool, judged: list[Judged]) -> Iterator[Hop]:
        if step.at is None:
            yield self._nobody(step)
            return
        yield from self._large.at(step)
        crossings = {link_key(one.netns, one.oifname): one for one in step.crossings}
        for passage in self._passages(step, answer):
            if passage.link in crossings:
                yield from self._crossed(crossings[passage.link], step, answer, judged)
            for said, path in self._queues.met(passage):
                yield replace(
                    self._hop(passage.link.netns, Sort.QOS, said, path=path), place=self._beside(passage.link)
                )
        yield from self._gone(step, walk)

    def _crossed(self, crossing: Crossing, step: Carried, answer: bool, judged: list[Judged]) -> Iterator[Hop]:
        """Over a bridge, through its filter."""
        for found in self._filters.judged(crossing, self._talk, answer=answer):
            judged.append(found)
            hop = hop_of(found, self._filters, self._names)
            if hop is not None:
                yield hop
        yield from self._met.over(crossing, answer=answer)
        near, far = (self._names.end(link_key(crossing.netns, name)) for name in (crossing.iifname, crossing.oifname))
        bridge = link_key(crossing.netns, crossing.bridge)
        place, keys = self._names.network(crossing.netns, crossing.bridge), (bridge, *step.passed)
        hop = self._hop(crossing.netns, Sort.BRIDGE, f"from {near} to {far}", path=self._names.path(bridge), keys=keys)
        over = (crossing.iifname, crossing.oifname)
        mtus = [mtu for name in over if (mtu := self._mtu(link_key(crossing.netns, name))) is not None]
        yield replace(hop, place=place, over=over, mtu=min(mtus, default=None))

    def _beside(self, key: Key) -> str:
        """The network of a bridge's port, else the place of the namespace."""
        link = self._world.fabric.link(key)
        if link is not None and link.master:
            return self._names.network(key.netns, link.master)
        return self._names.place(key.netns)

    def _gone(self, step: Carried, walk: Walk) -> Iterator[Hop]:
        """Out of what is known: of the machine, or to a guest."""
        assert step.at is not None
        if walk.verdict is Verdict.LEAVES and step is walk.steps[-1]:
            said = f"leaves by {step.at.name}: what is beyond is not weft's"
            yield self._hop(step.at.netns, Sort.ENDS, said, path=self._names.path(step.at), keys=step.passed)
        elif walk.guest == step.at:
            said = f"handed to the guest that has {step.next_hop}"
            path = self._names.path(step.at)
            hop = self._hop(step.at.netns, Sort.GUEST, said, path=path, keys=step.passed)
            yield replace(hop, place=f"port {port_name(path)}" if path else str(step.at))

    def _nobody(self, step: Carried) -> Hop:
        down = [self._names.end(key) for key in step.down]
        said = f"nobody has {step.next_hop} where {step.out.name} leads to"
        if down:
            said = f"{' and '.join(down)} {'is' if len(down) == 1 else 'are'} down"
        path = self._names.path(step.down[0]) if step.down else ()
        return self._hop(step.out.netns, Sort.BRIDGE, said, passes=False, path=path, keys=(*step.passed, *step.down))

    def _mtu(self, key: Key) -> int | None:
        link = self._world.fabric.link(key)
        return link.mtu if link is not None else None

    def _least(self, step: Step) -> tuple[int, Key] | None:
        if not isinstance(step, Carried) or step.at is None:
            return None
        links = [link for link in map(self._world.fabric.link, step.passed) if link is not None and link.mtu]
        return min(((link.mtu or 0, link.key) for link in links), key=lambda pair: pair[0], default=None)

    def _passages(self, step: Carried, answer: bool) -> Iterator[Passage]:
        """Each link as the packet passes it: out of one end of a pair, in at the other."""
        before: Key | None = None
        asks, asked = self._inside
        inside = (asked, asks) if answer else (asks, asked)
        for at, key in enumerate(step.passed):
            link = self._world.fabric.link(key)
            if link is not None:
                comes_in = isinstance(link, Veth) and link.peer == before
                yield Passage(
                    link=key,
                    sends=not comes_in,
                    source=step.source,
                    target=step.target,
                    came_by=step.came_by,
                    before=tuple(one.name for one in step.passed[:at] if one.netns == HOST),
                    after=tuple(one.name for one in step.passed[at + 1 :] if one.netns == HOST),
                    inside=inside,
                    talk=self._talk,
                    answer=answer,
                )
                before = key

    def _hop(
        self,
        netns: str,
        sort: Sort,
        said: str,
        *,
        passes: bool | None = True,
        path: Path = (),
        keys: tuple[Key, ...] = (),
    ) -> Hop:
        return Hop(
            place=self._names.place(netns), netns=netns, sort=sort, said=said, passes=passes, path=path, keys=keys
        )


def _ended(hops: Sequence[Hop], judged: Sequence[Judged], why: str, walk: Walk) -> Told:
    leg = Leg(hops=tuple(hops), fate=Fate.STOPS, why=why, source=walk.source, keys=walk.passed)
    return Told(leg=leg, judged=tuple(judged))


def _route_words(route: Route, step: Routed) -> str:
    """`10.10.0.0/24 is on web`, `default route via 10.10.0.1 by web`."""
    assert step.way is not None
    if not step.way.via:
        return f"{route.dst} is on {step.way.ifname}"
    what = "default route" if route.dst in DEFAULTS else f"route to {route.dst}"
    table = "" if route.table == 254 else f" of table {route.table}"
    return f"{what}{table} via {step.way.via} by {step.way.ifname}"
