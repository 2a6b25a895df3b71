"""Classes that nothing comes to, or that come out worse than their figures say.

Source: tc-htb(8): a class gets its rate whatever its priority; who is first gets what is idle beyond that.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.lint.qos.covering import covers
from weft.lint.qos.stated import Stated, directions
from weft.model.intent import Intent, Path
from weft.model.qos import QosClass, QosMatch

USUAL_PRIORITY = 4
"""Of a class that says none."""


def shadowed_classes(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """The default of a direction has at least what no class matches."""
    for stated in directions(intent):
        earlier: list[tuple[str, QosMatch]] = []
        for path, name, held in stated.classes():
            over = [_over(match, earlier) for match in held.match]
            if over and all(over) and name != stated.direction.default:
                first = dict.fromkeys(filter(None, over))
                has = "has" if len(first) == 1 else "have"
                what = f"nothing comes to {name}: {' and '.join(first)} before it {has} all that it matches"
                yield Finding(path=path, what=what, fix=f"put {name} first", severity="warning")
            earlier += ((name, match) for match in held.match)


def _over(match: QosMatch, earlier: list[tuple[str, QosMatch]]) -> str | None:
    """The name of the class that has all of it already."""
    return next((name for name, other in earlier if covers(other, match)), None)


def priority_inversions(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A class that is promised something, behind one that is promised nothing and takes whatever there is."""
    for stated in directions(intent):
        for path, name, held in stated.classes():
            first = held.rate and next(_unlimited_before(stated, held), None)
            if first:
                what = f"{name} has a guarantee, and {first}, which has none and no ceiling, goes before it: while "
                what += f"{first} sends, {name} gets its rate and never more"
                fix = f"give {name} a lower number than {first}, or {first} a ceil"
                yield Finding(path=(*path, "priority"), what=what, fix=fix, severity="warning")


def _unlimited_before(stated: Stated, held: QosClass) -> Iterator[str]:
    whole_bps = stated.direction.ceil or stated.direction.rate
    for name, other in stated.direction.classes.items():
        is_unlimited = other.ceil is None or (whole_bps is not None and other.ceil >= whole_bps)
        is_before = _priority(other) < _priority(held)
        if other.parent == held.parent and other.rate is None and is_unlimited and is_before:
            yield name


def _priority(held: QosClass) -> int:
    return USUAL_PRIORITY if held.priority is None else held.priority


def marks_that_do_not_classify(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A class marks what another one behind it matches: the mark is for the next hop, and changes no class here."""
    for stated in directions(intent):
        found = list(stated.classes())
        for at, (path, name, held) in enumerate(found):
            if held.dscp_mark is not None:
                yield from _matched_later(path, name, held.dscp_mark, found[at + 1 :])


def _matched_later(path: Path, name: str, dscp: int, later: list[tuple[Path, str, QosClass]]) -> Iterator[Finding]:
    for _, other, held in later:
        if any(dscp in match.dscp for match in held.match):
            what = f"what {name} marks with DSCP {dscp} stays in {name}: {other} gets only what comes with that mark"
            fix = f"give {other} the match of {name} too, if it is to have both"
            yield Finding(path=(*path, "dscp_mark"), what=what, fix=fix, severity="warning")
