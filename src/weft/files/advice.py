"""A policy for a link from what must be protected on it, with the reason for every line.

Rules: pure. What is not said has a default that does no harm: a tenth of the line is nobody's guarantee, who may mark
packets as urgent cannot take the line with it, and whatever is not named shares what is left. Rates in bit/s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from weft.compiler.qos.numbers import frame_bytes, too_slow
from weft.errors import IntentInvalid, Problem
from weft.files import edit
from weft.files.qos_file import Direction, scope_of
from weft.files.traffic import Traffic, as_match
from weft.lint.qos.packets import Box, Space, Taken
from weft.model.intent import Path
from weft.model.qos_words import rate_text
from weft.records import dataclass

HEADROOM = 0.95
"""Of what a line carries: packets must wait here, not in the modem behind it, whose queue knows no classes."""
GUARANTEED = 0.9
"""The most of it that is promised to somebody."""
CALL_BPS = 100_000
"""One call of G.711 in Ethernet frames, each way: 50 packets a second of 218 bytes. Source: RFC 3551."""
USUAL_MTU = 1500
_LATENCY_US = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """`up_bps`, `down_bps`: what the line carries, None where that way is nobody's trouble. `bulk`: what may wait for
    all others. `waits_little`: whether a packet must not wait long even while the line is full."""

    ifname: str
    up_bps: int | None
    down_bps: int | None = None
    protect: tuple[Traffic, ...] = ()
    bulk: tuple[Traffic, ...] = ()
    waits_little: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """`text`: the file. `why`: path in it to the reason for what stands there."""

    text: str
    why: Mapping[Path, str]


def advise(situation: Situation) -> Advice:
    """Raises: IntentInvalid where more is promised than the line carries, or nothing is left for something."""
    _demand_no_rates(situation)
    _demand_frames(situation)
    order = _in_order(situation)
    why: dict[Path, str] = {}
    link: Path = ("host", "links", situation.ifname)
    qos: dict[str, Any] = {}
    ways = [_Way(situation, order, *line, why) for line in _lines(situation)]
    _demand_room(situation, ways)
    for way in ways:
        qos[way.name] = way.direction()
    _explain_ways(link, situation, why)
    document = {
        "weft": 1,
        "name": scope_of(situation.ifname),
        "host": {"links": {situation.ifname: {"existing": True, "qos": qos}}},
    }
    return Advice(text="\n".join(edit.block(document, 0, _once(why))) + "\n", why=why)


# inside


def _lines(situation: Situation) -> list[tuple[Direction, int]]:
    """The directions that somebody cares for, and what the line carries."""
    lines: tuple[tuple[Direction, int | None], ...] = (("egress", situation.up_bps), ("ingress", situation.down_bps))
    return [(direction, line_bps) for direction, line_bps in lines if line_bps]


class _Way:
    """One direction of the link. `order`: names, as classes are asked; reasons go to `why`."""

    def __init__(
        self, situation: Situation, order: Sequence[str], name: Direction, line_bps: int, why: dict[Path, str]
    ) -> None:
        self.name, self.flag = name, "--up" if name == "egress" else "--down"
        self._of, self._order, self._line_bps, self._why = situation, order, line_bps, why
        self._at: Path = ("host", "links", situation.ifname, "qos", name)
        self._ceil_bps = _round(line_bps * HEADROOM) if situation.waits_little else line_bps

    def __str__(self) -> str:
        return f"{self.flag} {rate_text(self._line_bps)}"

    def direction(self) -> dict[str, Any]:
        rates = self.rates()
        classes = {held.name: self._protected(held, rate) for held, rate in zip(self._of.protect, rates, strict=True)}
        left_bps = self._ceil_bps - sum(rates)
        bulk_bps = _round(left_bps / 10 / max(1, len(self._of.bulk)))
        rest_bps = _round(left_bps - bulk_bps * len(self._of.bulk))
        self._demand_parts(sum(rates) + rest_bps + bulk_bps * len(self._of.bulk), len(classes) + 1 + len(self._of.bulk))
        classes["rest"] = self._rest(rest_bps)
        classes |= {held.name: self._bulk(held, bulk_bps) for held in self._of.bulk}
        ordered = {name: classes[name] for name in self._order}
        return {"ceil": self._say(("ceil",), self._ceil_bps, self._why_ceil()), "default": "rest", "classes": ordered}

    def _why_ceil(self) -> str:
        if not self._of.waits_little:
            return f"All that the line carries: {rate_text(self._line_bps)}."
        where = "the modem or switch behind" if self.name == "egress" else "the provider's end"
        return (
            f"{HEADROOM:.0%} of the {rate_text(self._line_bps)} that the line carries: so packets wait here, where "
            f"classes are known, not at {where}, where all wait behind each other."
        )

    def rates(self) -> list[int]:
        """What each is promised: as asked, else what is usual, and no more than an equal share."""
        share_bps = self._ceil_bps * GUARANTEED / max(1, len(self._of.protect))
        usual_bps = {"voice": 10 * CALL_BPS, "ssh": 512_000, "dns": 128_000}
        return [
            held.rate_bps or _round(min(share_bps, usual_bps.get(held.name, share_bps / 2)))
            for held in self._of.protect
        ]

    @property
    def most_bps(self) -> int:
        """So much of it can be promised."""
        return _round(self._ceil_bps * GUARANTEED)

    @property
    def has_room(self) -> bool:
        return sum(self.rates()) <= self.most_bps

    def _demand_parts(self, total_bps: int, number: int) -> None:
        """A class holds so much at least, and many of these may be more than a thin line."""
        if total_bps > self._ceil_bps:
            what = f"{rate_text(self._line_bps)} are too little to be divided among {number} classes"
            raise IntentInvalid([Problem(where=self.flag, what=what, fix="name less of what passes, or promise less")])

    def _protected(self, held: Traffic, rate_bps: int) -> dict[str, Any]:
        at: Path = ("classes", held.name)
        self._note(at, f"{held.what[0].upper()}{held.what[1:]}.")
        made: dict[str, Any] = {"match": _plain(held.match)}
        made["rate"] = self._say((*at, "rate"), rate_bps, self._why_rate(held, rate_bps))
        is_marked = any("dscp" in match for match in held.match)
        ceil_bps = min(self._ceil_bps, 2 * rate_bps) if is_marked else self._ceil_bps
        why = "Marks are anybody's to set: a flood of marked packets ends here." if is_marked else ""
        made["ceil"] = self._say((*at, "ceil"), ceil_bps, why or "Idle capacity is anybody's.")
        is_urgent = is_marked or held.name in ("ssh", "dns")
        made["priority"] = 0 if is_urgent else 2
        self._note((*at, "priority"), "First, also where it takes more than its rate." if is_urgent else "")
        if self._of.waits_little and is_urgent:
            made["latency"] = f"{_LATENCY_US // 1000}ms"
            self._note((*at, "latency"), "A packet that has waited longer is of no use: rather lost than late.")
        return made

    def _why_rate(self, held: Traffic, rate_bps: int) -> str:
        if held.rate_bps:
            return "Guaranteed, as asked."
        if held.name == "voice" and rate_bps < CALL_BPS:
            return f"Guaranteed, and less than one call takes: {rate_text(CALL_BPS)} (G.711 in Ethernet frames)."
        if held.name == "voice":
            return f"Guaranteed: {rate_bps // CALL_BPS} calls of {rate_text(CALL_BPS)} each (G.711 in Ethernet frames)."
        return f"Guaranteed: {rate_bps / self._ceil_bps:.0%} of the line; say NAME@RATE for another."

    def _rest(self, rate_bps: int) -> dict[str, Any]:
        at: Path = ("classes", "rest")
        self._note(at, "All that is not named: it gets what is left, and is never starved.")
        made: dict[str, Any] = {"rate": rate_text(rate_bps), "ceil": rate_text(self._ceil_bps), "priority": 4}
        return made

    def _bulk(self, held: Traffic, rate_bps: int) -> dict[str, Any]:
        at: Path = ("classes", held.name)
        self._note(at, f"{held.what[0].upper()}{held.what[1:]}: takes the line while nobody else wants it.")
        self._note((*at, "rate"), "Little, but so much that connections do not die.")
        made: dict[str, Any] = {"match": _plain(held.match), "rate": rate_text(rate_bps)}
        return made | {"ceil": rate_text(self._ceil_bps), "priority": 7}

    def _say(self, at: Path, rate_bps: int, why: str) -> str:
        self._note(at, why)
        return rate_text(rate_bps)

    def _note(self, at: Path, why: str) -> None:
        if why:
            self._why[(*self._at, *at)] = why


def _plain(match: Sequence[Mapping[str, Any]]) -> Any:
    """One match, and one value, without brackets."""
    short = [
        {key: held[0] if isinstance(held, list) and len(held) == 1 else held for key, held in one.items()}
        for one in match
    ]
    return short[0] if len(short) == 1 else short


def _once(why: Mapping[Path, str]) -> Mapping[Path, str]:
    """Each reason where it is read first."""
    first = {reason: path for path, reason in reversed([*why.items()])}
    return {path: reason for reason, path in first.items()}


def _in_order(situation: Situation) -> Sequence[str]:
    """The names of all as they are asked: as they were said, but what is a part of something before that."""
    named = [*situation.protect, *situation.bulk]
    matches = [[as_match(match) for match in held.match] for held in named]
    space = Space([match for some in matches for match in some])
    boxes = [[box for match in some for box in space.boxes(match) or ()] for some in matches]
    order: list[int] = []
    for at, held in enumerate(named):
        over = _takers(order, boxes, at)
        same = [other for other in over if _takers([at], boxes, other)]
        if same:
            first = named[same[0]].name
            what = f"{held.name} is named twice" if first == held.name else f"{held.name} is what {first} is too"
            raise IntentInvalid([_misnamed(situation, held, what, "name it once, here or behind --bulk")])
        order.insert(order.index(over[0]) if over else len(order), at)
    for place, at in enumerate(order):
        if over := _takers(order[:place], boxes, at):
            what = (
                f"nothing is left for {named[at].name}: {', '.join(named[other].name for other in over)} are all of it"
            )
            raise IntentInvalid([_misnamed(situation, named[at], what, "leave it out, or one of them")])
    last = max((place for place, at in enumerate(order) if at < len(situation.protect)), default=-1)
    names = [named[at].name for at in order]
    return [*names[: last + 1], "rest", *names[last + 1 :]]


def _takers(order: Sequence[int], boxes: Sequence[Sequence[Box]], at: int) -> list[int]:
    """Who of `order` together are all of the one at `at`, in that order."""
    taken = Taken()
    for other in order:
        taken.add(str(other), boxes[other])
    return [int(name) for name in taken.takers(boxes[at]) or ()]


def _misnamed(situation: Situation, held: Traffic, what: str, fix: str) -> Problem:
    return Problem(where="--protect" if held in situation.protect else "--bulk", what=what, fix=fix)


def _demand_frames(situation: Situation) -> None:
    """Raises: IntentInvalid where so little is promised that the policy could not be applied."""
    for held in situation.protect:
        if wrong := too_slow(held.rate_bps, frame_bytes(USUAL_MTU)):
            what, fix = wrong
            raise IntentInvalid([Problem(where="--protect", what=f"{held.name}: {what}", fix=f"{fix}, behind the @")])


def _demand_room(situation: Situation, ways: Sequence[_Way]) -> None:
    """Raises: IntentInvalid where more is promised than a direction carries, with the one that has room for it."""
    for way in ways:
        rates = way.rates()
        if not way.has_room:
            asked = ", ".join(
                f"{held.name} {rate_text(rate)}" for held, rate in zip(situation.protect, rates, strict=True)
            )
            what = f"{rate_text(sum(rates))} are promised ({asked}) of {rate_text(way.most_bps)} that can be with {way}"
            wide = _widest(ways)
            fix = f", or leave {way.flag} out: {wide} has room for it" if wide is not None else ""
            fix = f"promise less, behind the @{fix}"
            raise IntentInvalid([Problem(where="--protect", what=what, fix=fix)])


def _demand_no_rates(situation: Situation) -> None:
    """What may wait is promised nothing: a rate there would be forgotten."""
    for held in situation.bulk:
        if held.rate_bps is not None:
            what = f"{held.name} may wait for all others, so nothing is promised to it"
            fix = f"leave @{rate_text(held.rate_bps)} out{_if_protected(situation, held)}"
            raise IntentInvalid([Problem(where="--bulk", what=what, fix=fix)])


def _if_protected(situation: Situation, held: Traffic) -> str:
    """What else would be right: "" where no direction has room for its rate as a promise."""
    promised = replace(situation, protect=(*situation.protect, held))
    ways = [_Way(promised, (), *line, {}) for line in _lines(promised)]
    narrow = [way for way in ways if not way.has_room]
    if narrow == ways:
        return ""
    only = f" and leave {narrow[0].flag} out: {_widest(ways)} has room for it" if narrow else ""
    return f", or name it behind --protect{only}"


def _widest(ways: Sequence[_Way]) -> _Way | None:
    """One that has room for all that is promised."""
    return next((way for way in ways if way.has_room), None)


def _round(rate_bps: float) -> int:
    """Down to what is easy to read, and no less than a class can hold."""
    size = 1_000 if rate_bps < 10_000_000 else 10_000 if rate_bps < 100_000_000 else 100_000
    return max(1_000, int(rate_bps // size * size))


def _explain_ways(link: Path, situation: Situation, why: dict[Path, str]) -> None:
    why[(*link, "qos", "egress")] = f"What {situation.ifname} sends. The first class that matches has a packet."
    why[(*link, "qos", "ingress")] = (
        f"What {situation.ifname} receives: it has crossed the line already, but TCP at the far end slows down to what "
        "is let through here."
    )
    why[("name",)] = "`weft apply -f FILE` makes it so, `weft qos show` tells how it goes."
