"""Which rules would decide if one were not there: the same filter, with the level compiled anew without it.

Rules: nothing is guessed: whatever is said to pass or stop was run through the filter.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from weft.model.intent import Path
from weft.records import dataclass
from weft.trace.filters import Filters, Judged

MOST = 20
"""So many rules are thought away at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Without:
    """Of a ruling, without the rule that decided: which rules would say the same, each once all before it were gone,
    and what comes when none of them is left; None where that was not come to."""

    alike: tuple[Path, ...]
    then: Judged | None


def without(judged: Judged, filters: Filters) -> Without:
    """Think away the rule of `judged`, then whatever rule says the same in its place."""
    gone: dict[str, list[Path]] = defaultdict(list)
    crossing, found, now = judged.crossing, list[Path](), judged
    for _ in range(MOST):
        gone[now.ruling.chain].append(now.rule)
        objects = filters.whose(judged.port).without(now.ruling.chain, gone[now.ruling.chain])
        crossing = replace(crossing, filter=crossing.filter.replacing(objects))
        said = filters.judged(crossing, judged.talk, answer=judged.answer)
        now = next(one for one in said if one.ruling.base == judged.ruling.base)
        if now.ruling.verdict != judged.ruling.verdict or not now.rule:
            return Without(alike=tuple(found), then=now)
        found.append(now.rule)
    return Without(alike=tuple(found), then=None)
