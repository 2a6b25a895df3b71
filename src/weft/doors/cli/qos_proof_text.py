"""What `weft check qos` found, for people and for programs.

Rules: a line for each class and kind of load; what could not be measured says why and is never green. Below the table
each class that differs, in the user's names, with what is to blame.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from weft.check.qos.lanes import Aim, Lane, Round
from weft.check.qos.verdict import Fault, Kind, Outcome
from weft.doors.cli.reach_text import BLIND, NAMED, suspect_document, suspect_lines
from weft.doors.cli.terminal import plain_lines
from weft.model.qos_words import rate_text, time_text
from weft.service.qos_proof import Proved, QosProof
from weft.service.status import Difference

HEAD = ("class", "load", "declared", "measured", "goodput", "delay p50/p99", "lost", "")
OK, DIFFERS, OPEN = "ok", "DIFFERS", "?"
COLOURS = {OK: "green", DIFFERS: "red", OPEN: "yellow"}


def text(found: QosProof) -> str:
    """For people."""
    rows = [row for proved in found.classes for row in _rows(proved)]
    lines = [_coloured(line) for line in plain_lines([HEAD, *rows])] if rows else []
    lines += ["", *_differing(found)] if rows else []
    lines += [*_missing(found), *_unmeasured(found)]
    return "\n".join([*lines, _summary(found)])


def document(found: QosProof) -> dict[str, Any]:
    """For programs."""
    return {
        "scope": found.scope,
        "clean": None if found.is_blind and found.clean else found.clean,
        "elapsed_s": round(found.elapsed_s, 3),
        "seconds": found.manner.seconds,
        "tolerance": found.manner.tolerance,
        "counts": _counts(found),
        "classes": [_class(proved) for proved in found.classes],
        "missing": [{"what": what, **suspect_document(why)} for what, why in found.missing],
        "not_counted": [{"what": what, "why": why} for what, why in found.aside],
    }


# People


def _rows(proved: Proved) -> Iterator[tuple[str, ...]]:
    lane = proved.lane
    if not proved.outcomes:
        yield str(lane), "", f"ceil {rate_text(lane.ceil_bps)}", "", "", "", "", OPEN
    for of, outcome in proved.outcomes:
        yield (str(lane), _load(of, outcome), _declared(of, lane), *_figures(outcome), _verdict(proved, of, outcome))


def _load(of: Round, outcome: Outcome) -> str:
    protocol = outcome.run.flow.protocol.upper()
    return protocol if of.aim is Aim.ALONE else f"{protocol}, all at once"


def _declared(of: Round, lane: Lane) -> str:
    if of.aim is Aim.ALONE:
        return f"ceil {rate_text(lane.ceil_bps)}"
    return f"rate {rate_text(lane.rate_bps)}" if lane.rate_bps else "what is left"


def _figures(outcome: Outcome) -> tuple[str, str, str, str]:
    if outcome.counted is None:
        return "", "", "", ""
    late, factor = outcome.latency, outcome.factor
    return (
        f"{outcome.rate_bps / 1e6:.4g} mbit/s",
        f"{outcome.goodput_bps / 1e6:.4g}, {factor:.1%}" if outcome.goodput_bps is not None and factor else "",
        f"{late.p50_us / 1000:.1f}/{late.p99_us / 1000:.1f} ms" if late is not None else "",
        f"{outcome.counted.drops:,}",
    )


def _verdict(proved: Proved, of: Round, outcome: Outcome) -> str:
    if outcome.note:
        return OPEN
    return DIFFERS if any(fault.aim is of.aim and fault.run is outcome.run for fault in proved.faults) else OK


def _coloured(line: str) -> str:
    start, blank, verdict = line.rpartition(" ")
    return start + blank + click.style(verdict, fg=COLOURS[verdict]) if verdict in COLOURS else line


def _differing(found: QosProof) -> Iterator[str]:
    for proved in found.classes:
        if proved.clean:
            continue
        told = dict.fromkeys(_told(fault, proved) for fault in proved.faults)
        went = "went as it should" if proved.is_measured else "nothing of it was measured"
        said = "; ".join(told) or f"{went}, but it is not as it was asked for"
        yield f"{proved.lane}: {click.style(said, fg='red')}"
        yield from (f"    {line}" for line in _suspects(proved))
    if not all(proved.clean for proved in found.classes):
        yield ""


def _told(fault: Fault, proved: Proved) -> str:
    if fault.into is not None:
        return f"its packets were counted in {proved.tree.leaves.get(fault.into, str(fault.into))}"
    if fault.kind is Kind.NOTHING:
        return "nothing that was sent for it came by its class"
    if fault.kind is Kind.LATE:
        return (
            f"a packet in a hundred waits {fault.measured / 1000:.1f} ms, declared {time_text(round(fault.declared))}"
        )
    declared = rate_text(round(fault.declared))
    return f"{fault.kind}: {fault.measured / 1e6:.4g} mbit/s by {fault.run.flow.protocol.upper()}, declared {declared}"


def _suspects(proved: Proved) -> Iterator[str]:
    yield from suspect_lines(proved.suspects)
    if not proved.suspects:
        tree = proved.tree
        where = f"ip netns exec {tree.netns} " if tree.netns else ""
        yield f"nothing of its tree is other than asked for: {where}tc -s class show dev {tree.ifname}"


def _missing(found: QosProof) -> Iterator[str]:
    """Once of what several classes would stand on."""
    whats: dict[Difference, list[str]] = {}
    for what, why in found.missing:
        whats.setdefault(why, []).append(what)
    for why, held in whats.items():
        more = f" and {len(held) - NAMED:,} more" if len(held) > NAMED else ""
        where = f"  ({why.where})" if why.where else ""
        yield f"{click.style('missing', fg='red')}, {', '.join(held[:NAMED])}{more}: {why.told}{where}"


def _unmeasured(found: QosProof) -> Iterator[str]:
    for proved in found.classes:
        if not proved.is_measured:
            yield f"not measurable, {proved.lane}: {proved.why}"
    yield from (f"not counted, {what}: {why}" for what, why in found.aside)
    for proved in found.classes:
        notes = dict.fromkeys(outcome.note for _, outcome in proved.outcomes if outcome.note and proved.is_measured)
        yield from (f"in part, {proved.lane}: {note}" for note in notes)


def _summary(found: QosProof) -> str:
    counts = _counts(found)
    if not found.classes and not found.aside and not found.missing:
        return "Nothing to measure: no port or link of the file has a policy."
    parts = [f"{counts['as_declared']} of {counts['classes']} class{'es' * (counts['classes'] != 1)} as declared"]
    parts += [click.style(f"{counts['differing']} differ", fg="red")] if counts["differing"] else []
    parts += [click.style(f"{counts['missing']} missing", fg="red")] if counts["missing"] else []
    parts += [click.style(f"{counts['not_measurable']} not measurable", fg="yellow")] * bool(counts["not_measurable"])
    blind = f"\n{BLIND}" if found.is_blind else ""
    return f"{', '.join(parts)}; {found.manner.tolerance * 100:g} % tolerated, {found.elapsed_s:.0f} s.{blind}"


# Programs


def _counts(found: QosProof) -> dict[str, int]:
    differing = sum(not proved.clean for proved in found.classes)
    unmeasured = sum(proved.clean and not proved.is_measured for proved in found.classes)
    return {
        "classes": len(found.classes) + len(found.missing),
        "as_declared": len(found.classes) - differing - unmeasured,
        "differing": differing,
        "not_measurable": unmeasured,
        "missing": len(found.missing),
    }


def _class(proved: Proved) -> dict[str, Any]:
    lane = proved.lane
    return {
        "carrier": lane.carrier,
        "direction": str(lane.direction),
        "class": lane.name,
        "netns": proved.tree.netns,
        "ifname": proved.tree.ifname,
        "number": lane.key.name.partition(" ")[2],
        "rate_bps": lane.rate_bps,
        "ceil_bps": lane.ceil_bps,
        "latency_us": lane.latency_us,
        "clean": proved.clean if proved.is_measured or not proved.clean else None,
        "why": proved.why or None,
        "measured": [_measured(of, outcome) for of, outcome in proved.outcomes],
        "faults": [_fault(fault, proved) for fault in proved.faults],
        "suspects": [suspect_document(suspect) for suspect in proved.suspects],
    }


def _measured(of: Round, outcome: Outcome) -> dict[str, Any]:
    counted, late = outcome.counted, outcome.latency
    return {
        "load": str(of.aim),
        "protocol": outcome.run.flow.protocol,
        "offered_bps": outcome.run.offered_bps,
        "rate_bps": round(outcome.rate_bps) if counted is not None else None,
        "goodput_bps": round(outcome.goodput_bps) if outcome.goodput_bps is not None else None,
        "factor": round(outcome.factor, 4) if outcome.factor is not None else None,
        "p50_us": late.p50_us if late is not None else None,
        "p99_us": late.p99_us if late is not None else None,
        "drops": counted.drops if counted is not None else None,
        "note": outcome.note or None,
    }


def _fault(fault: Fault, proved: Proved) -> dict[str, Any]:
    return {
        "kind": str(fault.kind),
        "load": str(fault.aim),
        "protocol": fault.run.flow.protocol,
        "declared": round(fault.declared),
        "measured": round(fault.measured),
        "into": proved.tree.leaves.get(fault.into) if fault.into is not None else None,
        "told": _told(fault, proved),
    }
