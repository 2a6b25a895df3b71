"""What `weft check reach` found, for people and for programs.

Rules: a cell of the matrix says both what should be and what is; what could not be measured is never green. Of many
ports only the differences are shown, and what they have in common once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from weft.check.reach import Outcome, Protocol
from weft.doors.cli.terminal import plain_lines
from weft.reach import Endpoint, Expectation, Reach
from weft.reach.guests import unopened
from weft.service.reach import Pair, Reached
from weft.service.suspects import Suspect

MATRIX = 20
"""Up to so many ports the matrix is shown."""
NAMED = 3
"""So many pairs with the same differences are named, the others counted."""
SUSPECTS = 6
WAY = 8

AS_ASKED = {Reach.YES: ("+", "green"), Reach.NO: ("-", "green"), Reach.OPEN: ("?", "yellow")}
DIFFERS = {Reach.YES: ("X", "red"), Reach.NO: ("!", "red")}
BLIND = click.style("Nothing could be measured.", fg="yellow")
LEGEND = "+ reaches, - apart, as it should be; X should reach, ! should be apart; ? not measurable"


def text(found: Reached) -> str:
    """For people."""
    lines: list[str] = []
    if 1 < len(found.ports) <= MATRIX:
        lines += [*_matrix(found), "", LEGEND, ""]
    lines += _differences(found)
    lines += _waiting(found)
    lines += _unmeasured(found)
    lines += _left_out(found)
    return "\n".join([*lines, _summary(found)])


def document(found: Reached) -> dict[str, Any]:
    """For programs."""
    return {
        "scope": found.scope,
        "clean": None if found.is_blind else found.clean,
        "elapsed_s": round(found.elapsed_s, 3),
        "ports": [_port(end, found) for end in found.ports],
        "counts": _counts(found),
        "asking": {"ports": found.asking, "of": found.able},
        "not_asked_from": list(found.outside),
        "nothing_to_ask_from": list(found.idle),
        "pairs": [_pair(pair, found) for pair in found.pairs],
    }


# People


def _matrix(found: Reached) -> list[str]:
    cells = {(pair.source.name, pair.target.name): _cell(pair) for pair in found.pairs}
    head = ["", "", *map(str, range(1, len(found.ports) + 1))]
    rows = [
        [source.name, str(number), *(cells.get((source.name, target.name), " ") for target in found.ports)]
        for number, source in enumerate(found.ports, 1)
    ]
    return [_coloured(line, found) for line in plain_lines([head, *rows])]


def _coloured(line: str, found: Reached) -> str:
    """The cells of a row in their colours: they stand behind the port's name and number."""
    start = max(len(end.name) for end in found.ports)
    colours = dict((*AS_ASKED.values(), *DIFFERS.values()))
    return line[:start] + "".join(
        click.style(sign, fg=colours[sign]) if sign in colours else sign for sign in line[start:]
    )


def _cell(pair: Pair) -> str:
    return (DIFFERS if pair.differing else AS_ASKED)[_decisive(pair)][0]


def _decisive(pair: Pair) -> Reach:
    """Of a pair that differs, what should have been there where it does."""
    return pair.differing[0].expectation.reach if pair.differing else pair.reach


def _differences(found: Reached) -> Iterator[str]:
    alike: dict[tuple[str, tuple[Suspect, ...]], list[Pair]] = defaultdict(list)
    for pair in found.differing:
        alike[_told(pair), pair.suspects].append(pair)
    for (told, suspects), pairs in alike.items():
        yield f"{_names(pairs)}: {click.style(told, fg='red')}"
        yield from (f"    {line}" for line in _suspects(suspects, pairs[0]))
    if alike:
        yield ""


def _names(pairs: Sequence[Pair]) -> str:
    named = ", ".join(f"{pair.source.name} -> {pair.target.name}" for pair in pairs[:NAMED])
    return f"{named} and {len(pairs) - NAMED:,} more pairs" if len(pairs) > NAMED else named


def _told(pair: Pair) -> str:
    silent = [outcome for outcome in pair.differing if outcome.expectation.reach is Reach.YES]
    leaking = [outcome for outcome in pair.differing if outcome.expectation.reach is Reach.NO]
    told = []
    if silent:
        told.append(_silence(silent))
    if leaking:
        told.append(f"reaches by {_ways(leaking)}, and should not: {leaking[0].expectation.why}")
    return "; ".join(told)


def _silence(silent: Sequence[Outcome]) -> str:
    small = [outcome for outcome in silent if outcome.protocol is not Protocol.MTU]
    if small:
        notes = ", ".join(dict.fromkeys(outcome.note for outcome in silent if outcome.note))
        return f"no answer by {_ways(small)}" + (f" ({notes})" if notes else "")
    sizes = {f"{outcome.expectation.mtu} bytes over IPv{outcome.expectation.family}": None for outcome in silent}
    return f"packets as large as they may be are lost ({', '.join(sizes)}), smaller ones pass"


def _ways(outcomes: Iterable[Outcome]) -> str:
    """`ICMP, TCP over IPv4, IPv6; UDP over IPv4`."""
    families: dict[Protocol, list[str]] = defaultdict(list)
    for outcome in outcomes:
        families[outcome.protocol].append(f"IPv{outcome.expectation.family}")
    protocols: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for protocol, over in families.items():
        protocols[tuple(over)].append(protocol.upper())
    return "; ".join(f"{', '.join(names)} over {', '.join(over)}" for over, names in protocols.items())


def _suspects(suspects: Sequence[Suspect], pair: Pair) -> Iterator[str]:
    yield from suspect_lines(suspects)
    if not suspects:
        yield _unexplained(pair.differing[0].expectation)


def suspect_lines(suspects: Sequence[Suspect]) -> Iterator[str]:
    """Each in a line, with its line of the file."""
    for suspect in suspects[:SUSPECTS]:
        where = f"  ({suspect.where})" if suspect.where else ""
        yield f"{suspect.drift.value}: {suspect.told}{where}"
    if len(suspects) > SUSPECTS:
        yield f"and {len(suspects) - SUSPECTS} more differences; `weft status` lists them"


def _unexplained(expectation: Expectation) -> str:
    if expectation.reach is Reach.NO:
        return "nothing that weft knows of is other than asked for: look at what others have made between the two"
    links = sorted(str(key) for key in expectation.objects if key.table == "link")
    way = ", ".join(links[:WAY]) + (", ..." if len(links) > WAY else "")
    return f"nothing on the way is other than asked for; it leads over {way}"


def _waiting(found: Reached) -> Iterator[str]:
    """What came, and nobody took."""
    notes: dict[str, list[Pair]] = defaultdict(list)
    for pair in found.pairs:
        for note in dict.fromkeys(outcome.note for outcome in pair.outcomes if outcome.is_waiting):
            notes[note].append(pair)
    for note, pairs in notes.items():
        yield f"{_names(pairs)}: {click.style(note, fg='yellow')}"


def _unmeasured(found: Reached) -> Iterator[str]:
    unmeasured = [pair for pair in found.pairs if pair.reach is Reach.OPEN]
    closed = unopened(*(end.name for end in found.ports if end.name in found.unopened))
    reasons = Counter(closed if _closed(pair, found) else _why_open(pair, found) for pair in unmeasured)
    for why, count in reasons.items():
        yield f"not measurable, {_counted(count)}: {why}"


def _left_out(found: Reached) -> Iterator[str]:
    """What nobody asked."""
    if found.asking < found.able:
        alike = "one of those alike (network and groups)"
        asking = f"{found.asking:,} of {found.able:,} ports"
        yield f"floating IPs asked from {asking}, {alike}; `--port ADDRESS` asks from all"
    if found.outside:
        free = "`--external ADDRESS` asks, as an address there that nobody has"
        yield f"not asked: floating IPs from outside ({', '.join(found.outside)}); {free}"
    if found.idle:
        what = "no floating IP, forwarding or router there is among what was chosen"
        yield f"nothing to ask from outside ({', '.join(found.idle)}): {what}"


def _why_open(pair: Pair, found: Reached) -> str:
    if closed := _closed(pair, found):
        return unopened(closed.name)
    whys = (known.why for known in pair.expectations if known.reach is Reach.OPEN)
    return next(whys, "only what should reach is asked by packets as large as they may be")


def _closed(pair: Pair, found: Reached) -> Endpoint | None:
    """An end of it that is a tap nobody has opened."""
    return next((end for end in (pair.source, pair.target) if end.name in found.unopened), None)


def _summary(found: Reached) -> str:
    counts = _counts(found)
    if not found.pairs:
        return "Nothing to measure: it takes two ports, or a port and a floating IP, that the file asks for."
    parts = [f"{counts['as_asked']:,} of {_counted(counts['pairs'])} as asked"]
    parts += [click.style(f"{counts['differing']:,} differ", fg="red")] if counts["differing"] else []
    parts += (
        [click.style(f"{counts['not_measurable']:,} not measurable", fg="yellow")] if counts["not_measurable"] else []
    )
    blind = f"\n{BLIND}" if found.is_blind else ""
    return f"{', '.join(parts)}; {counts['questions']:,} questions in {found.elapsed_s:.1f} s.{blind}"


def _counted(pairs: int) -> str:
    return f"{pairs:,} pair{'s' * (pairs != 1)}"


# Programs


def _counts(found: Reached) -> dict[str, int]:
    differing = len(found.differing)
    unmeasured = sum(pair.reach is Reach.OPEN for pair in found.pairs)
    return {
        "pairs": len(found.pairs),
        "as_asked": len(found.pairs) - differing - unmeasured,
        "differing": differing,
        "not_measurable": unmeasured,
        "questions": sum(len(pair.outcomes) for pair in found.pairs),
    }


def _port(end: Endpoint, found: Reached) -> dict[str, Any]:
    return {
        "name": end.name,
        "network": end.network,
        "netns": None if end.comes_by else end.netns,
        "ifname": None if end.comes_by else end.ifname,
        "external": end.external or None,
        "addresses": [] if end.is_host else [address for address in (end.ipv4, end.ipv6) if address],
        "floating": end.floating or None,
        "forward": f"{end.talk.protocol}/{end.talk.port}" if end.talk else None,
        "own_port": end.own_port or None,
        "tap": ("unopened" if end.name in found.unopened else "open") if end.is_guest else None,
    }


def _pair(pair: Pair, found: Reached) -> dict[str, Any]:
    measured = {
        known.family: [out for out in pair.outcomes if out.expectation.family == known.family]
        for known in pair.expectations
    }
    return {
        "from": pair.source.name,
        "to": pair.target.name,
        "expected": pair.reach.value if pair.outcomes else None,
        "clean": not pair.differing if pair.outcomes else None,
        "why": None if pair.outcomes else _why_open(pair, found),
        "families": [_family(known, measured[known.family]) for known in pair.expectations if measured[known.family]],
        "told": _told(pair) if pair.differing else None,
        "suspects": [suspect_document(suspect) for suspect in pair.suspects],
    }


def _family(known: Expectation, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "family": known.family,
        "expected": known.reach.value,
        "why": known.why,
        "mtu": known.mtu,
        "reached": {outcome.protocol.value: outcome.reached for outcome in outcomes},
        "filtered": {
            outcome.protocol.value: outcome.expectation.why
            for outcome in outcomes
            if outcome.expectation.reach is not known.reach
        },
        "notes": {outcome.protocol.value: outcome.note for outcome in outcomes if outcome.note},
    }


def suspect_document(suspect: Suspect) -> dict[str, Any]:
    """For programs."""
    return {
        "drift": suspect.drift.value,
        "table": suspect.key.table,
        "netns": suspect.key.netns,
        "name": suspect.key.name,
        "told": suspect.told,
        "where": suspect.where,
    }
