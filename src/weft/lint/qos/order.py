"""Classes that come out worse than their figures say.

Source: tc-htb(8): a class gets its rate whatever its priority; who is first gets what is idle beyond that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.compiler.findings import Finding
from weft.compiler.qos.branches import in_order
from weft.facts import Facts
from weft.lint.qos.stated import Stated, directions
from weft.model.intent import Intent, Path
from weft.model.qos import QosClass

USUAL_PRIORITY = 4
"""Of a class that says none."""


def priority_inversions(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A class that is promised something, behind one that is promised nothing and takes whatever there is."""
    for stated in directions(intent):
        unlimited = list(_unlimited(stated))
        for path, name, held in stated.classes():
            first = held.rate and next(_before(held, unlimited), None)
            if first:
                what = f"{name} has a guarantee, and {first}, which has none and no ceiling, goes before it: while "
                what += f"{first} sends, {name} gets its rate and never more"
                fix = f"give {name} a lower number than {first}, or {first} a ceil"
                yield Finding(path=(*path, "priority"), what=what, fix=fix, severity="warning")


def _unlimited(stated: Stated) -> Iterator[tuple[str, QosClass]]:
    """The classes that are promised nothing and take whatever there is."""
    whole_bps = stated.direction.ceil or stated.direction.rate
    for name, held in stated.direction.classes.items():
        if held.rate is None and (held.ceil is None or (whole_bps is not None and held.ceil >= whole_bps)):
            yield name, held


def _before(held: QosClass, others: Iterable[tuple[str, QosClass]]) -> Iterator[str]:
    for name, other in others:
        if other.parent == held.parent and _priority(other) < _priority(held):
            yield name


def _priority(held: QosClass) -> int:
    return USUAL_PRIORITY if held.priority is None else held.priority


def marks_that_do_not_classify(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A class marks what another one behind it matches: the mark is for the next hop, and changes no class here."""
    for stated in directions(intent):
        classes = stated.direction.classes
        found = [((*stated.path, "classes", name), name, classes[name]) for name in in_order(stated.direction)]
        for at, (path, name, held) in enumerate(found):
            if held.dscp_mark is not None:
                yield from _matched_later(path, name, held.dscp_mark, found[at + 1 :])


def _matched_later(path: Path, name: str, dscp: int, later: list[tuple[Path, str, QosClass]]) -> Iterator[Finding]:
    for _, other, held in later:
        if any(dscp in match.dscp for match in held.match):
            what = f"what {name} marks with DSCP {dscp} stays in {name}: {other} gets only what comes with that mark"
            fix = f"give {other} the match of {name} too, if it is to have both"
            yield Finding(path=(*path, "dscp_mark"), what=what, fix=fix, severity="warning")
