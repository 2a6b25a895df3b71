"""Follows a real packet along a traced way, and says where it does something else.

Rules: one packet, a few times where nothing comes back; nobody is watched longer than that. A packet is known by a
port, or an echo's identifier, that nobody else has. What a table of others, or weft's own, does to it is told by the
kernel's trace; where the kernel does not trace, counters tell how far it came.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from weft.backends.libnftables import Complaint
from weft.backends.nft_tracing import BRIDGE, INET, Hide, Spot
from weft.backends.outsider import CannotStand, Outsider
from weft.backends.visit import visiting
from weft.check.reach.guests import is_open
from weft.check.reach.spaces import Spaces
from weft.check.trace.probe import SPEAKS, Answered, Question
from weft.check.trace.stations import Station, stations_of
from weft.errors import WeftError
from weft.kinds.nft.table import TABLE_PREFIX
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces, entered
from weft.reach.guests import silent, unopened
from weft.records import dataclass
from weft.trace import Fate, Sort, Trace
from weft.wire.neighbour import NDA_DST, get_neighbours, read_neighbour
from weft.wire.nftrace import Traced

_SILENT = 0x01 | 0x20
"""NUD_INCOMPLETE, NUD_FAILED. Source: linux/neighbour.h."""
_COUNTER = re.compile(r"counter packets \d+ bytes \d+ ?")

SETTLE_S = 0.05
"""For what an answer leaves behind on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """`confirmed`: of each hop of the question and then the answer, whether it was as traced; None where nobody could
    see. `differs`: what was other, first of all, "" for nothing, and `hop` where, counted from 0 over both ways.
    `answered`: as the probe has it. `why`: it could not be sent."""

    confirmed: tuple[bool | None, ...] = ()
    differs: str = ""
    hop: int | None = None
    answered: Answered = Answered()
    why: str = ""


def follow(namespaces: Namespaces, trace: Trace) -> Live:
    """Send the question of a trace. Raises: NotPermitted, FeatureMissing."""
    why = unmeasurable(trace)
    if why:
        return Live(confirmed=(None,) * len(trace.hops), why=why)
    assert trace.source.netns is not None
    question = Question(trace.talk, trace.family, trace.source.address, trace.target.address, trace.size, trace.whole)
    stations = [("question", one) for one in stations_of(trace.there)]
    if trace.back is not None:
        stations += [("answer", one) for one in stations_of(trace.back, comes_in=trace.target.is_outside)]
    with ExitStack() as stack:
        hides = _hides(stack, namespaces, [one for _, one in stations], question)
        try:
            with _speaking(namespaces, trace, question):
                answered = question.ask(wanted=trace.fate is not Fate.STOPS)
        except (NamespaceGone, CannotStand) as failure:
            return Live(confirmed=(None,) * len(trace.hops), why=str(failure))
        time.sleep(SETTLE_S)
        seen = Sightings(hides, namespaces)
        return _judge(trace, stations, seen, answered)


@contextmanager
def _speaking(namespaces: Namespaces, trace: Trace, question: Question) -> Iterator[None]:
    """The calling thread where it asks: in a port's namespace, or as the guest of a tap, who goes on meanwhile.

    Raises: NamespaceGone, CannotStand, NotPermitted, FeatureMissing.
    """
    source = trace.source
    if source.stitch is None:
        assert source.netns is not None
        with visiting(namespaces, source.netns):
            yield
        return
    gateway = source.next_hop if source.next_hop != trace.target.address else ""
    answers = question.matches()["answer"]
    guest = Outsider(namespaces, source.ifname, source.mac, [source.address], gateway=gateway, answers=answers)
    with guest, entered(guest.netns_fd):
        yield


def unmeasurable(trace: Trace) -> str:
    """Why no packet can be sent for it, "" where one can."""
    if trace.source.stitch is not None and not trace.source.mac:
        return silent(trace.source.name)  # nothing says which MAC is its guest's
    if trace.source.stitch is not None and not is_open(trace.source.ifname):
        return unopened(trace.source.name)
    if trace.source.is_outside or trace.source.netns is None:
        return f"{trace.source.name} is outside of this machine"
    if trace.target.stitch is not None and not is_open(trace.target.ifname):
        return unopened(trace.target.name)
    if trace.talk.protocol not in SPEAKS:
        return f"only {', '.join(SPEAKS)} can be sent"
    return ""


class Sightings:
    """Where the packet was seen, and what dropped it."""

    def __init__(self, hides: Mapping[str, Hide], namespaces: Namespaces) -> None:
        self._hides, self._namespaces = hides, namespaces
        self._counted: dict[str, Mapping[tuple[Spot, str, str], int]] = {}
        for netns, hide in hides.items():
            with suppress(NamespaceGone):  # since it was watched
                self._counted[netns] = hide.counted()
        self._traced = {netns: hide.traced() for netns, hide in hides.items()}

    def seen(self, station: Station, way: str, hook: str) -> bool | None:
        """None where nobody watched."""
        counted = self._counted.get(station.netns)
        found = counted.get((station.spot, way, hook)) if counted is not None else None
        return None if found is None else found > 0

    def drop(self, station: Station, way: str) -> str:
        """What dropped it there, as people read it, "" where the kernel traced nothing of the sort."""
        hide, steps = self._hides[station.netns], self._traced[station.netns]
        is_bridge = station.spot.family == BRIDGE
        numbers = {one.number for one in steps if hide.is_of(one, station.spot, way)}
        mine = (one for one in steps if one.number in numbers and (one.family == BRIDGE) == is_bridge)
        dropped = [one for one in mine if one.verdict == "drop"]
        return self._words(station.netns, dropped[0]) if dropped else ""

    def traces(self, station: Station) -> bool:
        """Whether the kernel tells what drops packets there."""
        return self._hides[station.netns].traces

    def unanswered(self, netns: str) -> str:
        """The neighbours that the namespace asked for and that did not answer, "" for none."""
        with suppress(WeftError, OSError), Spaces(self._namespaces) as spaces:
            found = spaces.at(netns).rtnl.dump(get_neighbours(), read_neighbour)
            silent = {
                str(seen.attributes[NDA_DST]) for seen in found if seen.state & _SILENT and NDA_DST in seen.attributes
            }
            return " and ".join(sorted(silent))
        return ""

    def _words(self, netns: str, step: Traced) -> str:
        rule = self._hides[netns].rule(step) if step.handle else ""
        what = f"`{_COUNTER.sub('counter ', rule)}`" if rule else "the policy"
        whose = "" if step.table.startswith(TABLE_PREFIX) else ", which is not weft's"
        return f"{what} of chain {step.chain} in table {step.family} {step.table}{whose}"


def _hides(
    stack: ExitStack, namespaces: Namespaces, stations: Iterable[Station], question: Question
) -> Mapping[str, Hide]:
    spots: dict[str, dict[Spot, None]] = {}
    for station in stations:
        spots.setdefault(station.netns, {})[station.spot] = None
    made: dict[str, Hide] = {}
    for netns, of in spots.items():
        try:
            made[netns] = Hide(namespaces, netns, tuple(of), question.matches())
            stack.callback(made[netns].close)
        except (NamespaceGone, Complaint):
            continue  # nobody is watched there
    return made


def _judge(trace: Trace, stations: list[tuple[str, Station]], seen: Sightings, answered: Answered) -> Live:
    confirmed: list[bool | None] = [None] * len(trace.hops)
    if trace.there.hops[-1].sort is Sort.GUEST and answered.how:
        confirmed[len(trace.there.hops) - 1] = True  # nobody else could have answered
    if trace.back is not None and trace.back.hops[-1].sort is Sort.GUEST and answered.how:
        confirmed[-1] = True
    before: Station | None = None
    for way, station in stations:
        is_first_answer = way == "answer" and station.hops[0] == 0
        if is_first_answer and _is_free(trace, station, seen):
            break
        first = len(trace.there.hops) if way == "answer" else 0
        told = _difference(station, way, seen, before, answered)
        if told and answered.how and _leads_elsewhere(trace, way, station):
            break  # it got to where others led it, and that is not on the way that was thought of
        for at in station.hops:
            confirmed[first + at] = told == "" if told is not None else None
        if told:
            return Live(confirmed=tuple(confirmed), differs=told, hop=first + station.hops[-1], answered=answered)
        before = station
    return Live(confirmed=tuple(confirmed), differs=_ending(trace, answered), answered=answered)


def _leads_elsewhere(trace: Trace, way: str, station: Station) -> bool:
    """Whether somebody else's translation may have led it away there."""
    hops = trace.there.hops if way == "question" else ()
    return any(hops[at].passes is None and hops[at].sort is Sort.FIREWALL for at in station.hops if at < len(hops))


def _is_free(trace: Trace, station: Station, seen: Sightings) -> bool:
    """Whether an answer that is not seen to begin was nobody's duty: of UDP, of a guest, of somebody outside."""
    is_free = trace.talk.protocol == "udp" or trace.target.is_outside or trace.target.stitch is not None
    return is_free and not seen.seen(station, "answer", station.enters)


def _difference(station: Station, way: str, seen: Sightings, before: Station | None, answered: Answered) -> str | None:
    """What was other than traced at a station, "" for nothing, None where nobody could see."""
    came, went = seen.seen(station, way, station.enters), seen.seen(station, way, station.leaves)
    if came is None:
        return None
    if not came:
        return _not_come(station, way, seen, before, answered)
    if station.goes_on is None:
        return ""
    if not station.goes_on:
        return f"the {way} goes on from {station.place}, and should not" if went else ""
    if went:
        return ""
    dropped = seen.drop(station, way)
    if dropped:
        return f"at {station.place} the {way} is dropped by {dropped}"
    where = "is not taken"
    if station.leaves == "postrouting":
        by = f" by {station.spot.oifname}" if station.spot.family == INET and station.spot.oifname else ""
        where = f"is not sent on{by}"
    why = "no rule of nftables dropped it there" if seen.traces(station) else "this kernel does not trace by what"
    return f"the {way} came to {station.place} and {where}: {why}"


def _not_come(station: Station, way: str, seen: Sightings, before: Station | None, answered: Answered) -> str:
    if before is not None:
        silent = seen.unanswered(before.netns) if before.spot.family != BRIDGE else ""
        why = f": nobody answers for {silent}" if silent else ""
        return f"the {way} left {before.place} and never came to {station.place}{why}"
    if station.goes_on is not True and answered.fault:
        return ""
    return f"the kernel sends nothing: {answered.fault}" if answered.fault else f"no {way} leaves {station.place}"


def _ending(trace: Trace, answered: Answered) -> str:
    """Of a way on which nothing was other."""
    is_free = trace.talk.protocol == "udp" or trace.target.is_outside or trace.target.stitch is not None
    if trace.fate is Fate.PASSES and not answered.how and not is_free:
        return "every hop was passed, and yet no answer came"
    may_try_smaller = trace.hops[-1].sort is Sort.MTU and not trace.whole
    if trace.fate is Fate.STOPS and answered.how and trace.hops[-1].sort is not Sort.ENDS and not may_try_smaller:
        return f"it is {answered.how}, and should have stopped"
    return ""
