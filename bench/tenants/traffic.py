"""What a port's filter costs its traffic: by the number of rules, and beside others.

Rules: all sides stand at once and are measured in turn, round by round. What else runs on the machine only ever takes
away, so each side counts with the best of its rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.rows import WEFT, Row
from bench.tenants.sides import FOLLOWED, SIDES, Talkers

NO_GROUPS = None
COUNTS = (NO_GROUPS, 10, 1000, 10_000)
FLAT, AT_LEAST, OF_FOLLOWED = 95, 90, 95
"""Per cent of what is reached with 10 rules, with no groups, and with none where the kernel follows connections."""

Case = tuple[str, int | None]
"""Who, and with how many rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """`key` of what talk.py tells; `scale` to the shown unit; `more` is better, or less."""

    key: str
    name: str
    unit: str
    scale: float
    more: bool = True

    def best(self, held: list[float]) -> float:
        return self.scale * (max(held) if self.more else min(held))

    def worst(self, held: list[float]) -> float:
        """Of what is scaled already."""
        return min(held) if self.more else max(held)

    def percent(self, value: float, of: float) -> float:
        return 100 * (value / of if self.more else of / value)


MEASURES = (
    Measure(key="bit/s", name="throughput", unit="Gbit/s", scale=1e-9),
    Measure(key="there and back", name="a byte there and back", unit="µs", scale=1e6, more=False),
    Measure(key="connections", name="connections", unit="/s", scale=1),
)


def traffic(folder: Path, runs: int) -> list[Row]:
    """A port with 10, 1,000 and 10,000 rules: throughput, latency, connections a second."""
    cases: list[Case] = [(WEFT, count) for count in COUNTS]
    cases += [(FOLLOWED, NO_GROUPS), *(("iptables", count) for count in COUNTS), ("Docker", NO_GROUPS)]
    seen: dict[Case, list[dict[str, float]]] = {case: [] for case in cases}
    with ExitStack() as stack:
        standing = [(case, _stand(stack, folder, case)) for case in cases]
        for _ in range(3 * runs):
            for case, talkers in standing:
                seen[case].append(talkers.ask())
    return [row for measure in MEASURES for row in _rows(measure, seen)]


def _stand(stack: ExitStack, folder: Path, case: Case) -> Talkers:
    who, rules = case
    own = folder / f"{who}-{rules}"
    own.mkdir()
    talkers = stack.enter_context(SIDES[who](own, rules))
    stack.enter_context(talkers.served())
    return talkers


def _rows(measure: Measure, seen: Mapping[Case, list[dict[str, float]]]) -> Iterator[Row]:
    best = {case: measure.best([told[measure.key] for told in held]) for case, held in seen.items()}
    for count in COUNTS:
        sides: dict[str, float | str] = {who: held for (who, rules), held in best.items() if rules == count}
        yield Row(case=f"{measure.name}, {_words(count)}", unit=measure.unit, sides=sides)
    for count in COUNTS[2:]:
        yield _share(f"  {count:,} rules' of that with 10", measure.percent(best[WEFT, count], best[WEFT, 10]), FLAT)
    none, follows = best[WEFT, NO_GROUPS], best[FOLLOWED, NO_GROUPS]
    least = measure.worst([best[WEFT, count] for count in COUNTS[1:]])
    yield _share("  the least of that with no groups", measure.percent(least, none), AT_LEAST)
    yield Row(case="  no groups, followed", unit="%", sides={FOLLOWED: measure.percent(follows, none)})
    yield _share("  the least of that followed", measure.percent(least, follows), OF_FOLLOWED)


def _share(case: str, percent: float, least: float) -> Row:
    return Row(case=case, unit="%", sides={WEFT: percent}, bound=f"at least {least} %", kept=percent >= least)


def _words(count: int | None) -> str:
    return "no groups" if count is None else f"{count:,} rules"
