"""What `weft trace` found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from weft.check.trace import Live
from weft.doors.cli.reach_text import suspect_document, suspect_lines
from weft.doors.cli.terminal import plain_lines
from weft.service.trace import Basis, Traced
from weft.trace import End, Fate, Hint, Hop, Leg, Trace, asked_words

COLOURS = {Fate.PASSES: "green", Fate.STOPS: "red", Fate.OPEN: "yellow"}
_BASES = {Basis.OBSERVED: "as the machine is", Basis.DESIRED: "as the file says"}
_SIGNS = {True: "", False: "x", None: "?"}
_SEEN = {True: "seen", False: "not so", None: ""}


def text(found: Traced) -> str:
    """For people."""
    trace = found.trace
    lines = [_head(found), ""]
    lines += _legs(found, trace)
    lines += ["", _verdict(trace)]
    lines += [f"  {_with_line(hint, found)}" for hint in found.hints]
    if found.live is not None:
        lines += ["", _live(found.live)]
    if found.wanted is not None:
        lines += ["", f"The file would have it otherwise: {_verdict(found.wanted)}"]
    if found.drift:
        lines += ["", "On the way the machine is not as the file says:"]
        lines += [f"  {line}" for line in suspect_lines(found.drift)]
    return "\n".join(lines)


def _head(found: Traced) -> str:
    trace = found.trace
    size = f", {trace.size} bytes{'' if trace.whole else ' that may be split'}" if trace.size else ""
    asked = f"{asked_words(trace.talk, trace.family)} over IPv{trace.family}{size}"
    ends = f"{click.style(str(trace.source), bold=True)} -> {click.style(str(trace.target), bold=True)}"
    return f"{ends}, {asked}, {_BASES[found.basis]}"


def _legs(found: Traced, trace: Trace) -> Iterator[str]:
    """Both ways in one table."""
    rows = [_row(hop, found, last) for hop, last in _with_last(trace.there.hops)]
    split = len(rows)
    rows += [_row(hop, found, last) for hop, last in _with_last(trace.back.hops if trace.back else ())]
    if found.live is not None and not found.live.why:
        rows = [(*row[:1], _SEEN[seen], *row[1:]) for row, seen in zip(rows, found.live.confirmed, strict=True)]
    lines = plain_lines(rows) if rows else []
    colours = [hop.passes for hop in trace.hops]
    for at, (line, passes) in enumerate(zip(lines, colours, strict=True)):
        if at == split:
            yield "the answer"
        yield click.style(line, fg="red") if passes is False else line


def _with_last(hops: Sequence[Hop]) -> Iterator[tuple[Hop, str]]:
    """Each hop, with the place of the one before."""
    before = ""
    for hop in hops:
        yield hop, before
        before = hop.place


def _row(hop: Hop, found: Traced, before: str) -> tuple[str, ...]:
    place = "" if hop.place == before else hop.place
    where = found.where(hop.path)
    return _SIGNS[hop.passes], place, hop.sort.value, f"{hop.said}  {where}".rstrip()


def _verdict(trace: Trace) -> str:
    verdict = click.style(trace.fate.value, fg=COLOURS[trace.fate], bold=True)
    if trace.fate is Fate.OPEN:
        return f"{click.style('cannot be told', fg='yellow', bold=True)}: {trace.why}"
    if trace.fate is Fate.STOPS:
        return f"{verdict}: {trace.why}"
    return f"{verdict}, in packets of up to {trace.mtu} bytes ({trace.mtu_at})" if trace.mtu else verdict


def _live(live: Live) -> str:
    if live.why:
        return f"live: {click.style('not measurable', fg='yellow')}: {live.why}"
    if live.differs:
        return f"live: {click.style('differs', fg='red')}: {live.differs}"
    seen, hops = sum(one is True for one in live.confirmed), len(live.confirmed)
    told = f"it was {live.answered.how} after {live.answered.took_s * 1000:.1f} ms" if live.answered.how else ""
    return f"live: {click.style('as traced', fg='green')}: {seen} of {hops} hops seen" + (f", {told}" if told else "")


def _with_line(hint: Hint, found: Traced) -> str:
    where = found.where(hint.path)
    return f"{hint.said}  {where}".rstrip()


def document(found: Traced) -> dict[str, Any]:
    """For programs."""
    return {
        "scope": found.prepared.scope,
        "state": found.basis.value,
        **_trace(found, found.trace),
        "hints": _hints(found, found.hints),
        "wanted": _trace(found, found.wanted) if found.wanted else None,
        "drift": [suspect_document(difference) for difference in found.drift],
        "live": _live_document(found.live) if found.live else None,
    }


def _trace(found: Traced, trace: Trace) -> dict[str, Any]:
    return {
        "from": _end(trace.source),
        "to": _end(trace.target),
        "asked": asked_words(trace.talk, trace.family),
        "family": trace.family,
        "size": trace.size,
        "whole": trace.whole,
        "verdict": trace.fate.value,
        "why": trace.why,
        "mtu": trace.mtu,
        "mtu_at": trace.mtu_at,
        "hints": _hints(found, trace.hints),
        "question": _leg(found, trace.there),
        "answer": _leg(found, trace.back) if trace.back else None,
    }


def _live_document(live: Live) -> dict[str, Any]:
    return {
        "why": live.why,
        "differs": live.differs,
        "hop": live.hop,
        "confirmed": list(live.confirmed),
        "answer": live.answered.how,
        "fault": live.answered.fault,
        "took_ms": round(live.answered.took_s * 1000, 3),
    }


def _hints(found: Traced, hints: Sequence[Hint]) -> list[dict[str, str]]:
    return [{"said": hint.said, "where": found.where(hint.path)} for hint in hints]


def _end(end: End) -> dict[str, Any]:
    return {"name": end.name, "address": end.address, "netns": end.netns}


def _leg(found: Traced, leg: Leg) -> dict[str, Any]:
    return {"verdict": leg.fate.value, "why": leg.why, "mtu": leg.mtu, "hops": [_hop(found, hop) for hop in leg.hops]}


def _hop(found: Traced, hop: Hop) -> dict[str, Any]:
    return {
        "place": hop.place,
        "netns": hop.netns,
        "sort": hop.sort.value,
        "said": hop.said,
        "passes": hop.passes,
        "chain": hop.chain,
        "mtu": hop.mtu,
        "where": found.where(hop.path),
        "objects": [{"table": key.table, "netns": key.netns, "name": key.name} for key in hop.keys],
    }
