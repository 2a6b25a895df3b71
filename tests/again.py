"""What failed beside others is asked once more, alone: fault or load?

Three workers and two guests share two processors for half an hour, and thousands of tests speak to a kernel that has
its own time. What passes alone was not steady: the run says so, by name, each time, and goes on. What fails alone, more
than `MOST` on one kernel, and a run that was cut short, fail. Source: docs/adr/0033-asked-once-more-alone.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from tests.outcomes import BEGUN, FAILED, PASSED, Outcome

MOST = 5
CUT_SHORT = pytest.ExitCode.INTERRUPTED
_GOOD = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a kernel made of its tests. `status`: pytest's; `told`: what it printed, unless that was seen already;
    `unsteady`: the tests that failed beside others, and passed alone."""

    where: str
    status: int
    results: Mapping[str, Outcome]
    told: str = ""
    unsteady: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        return self.status not in _GOOD

    @property
    def cut_short_in(self) -> Sequence[str]:
        """The tests that had begun and not ended when it was given up, or died."""
        return [test for test, told in self.results.items() if told.outcome == BEGUN]

    def count(self, outcome: str) -> int:
        return sum(told.outcome == outcome for told in self.results.values())


def once_more(ran: Ran, alone: Callable[[Sequence[str]], Ran]) -> Ran:
    """What the run has come to when its few failures were asked again. `alone`: runs the tests of these node ids."""
    failed = [test for test, told in ran.results.items() if told.outcome == FAILED]
    if ran.status != pytest.ExitCode.TESTS_FAILED or not 0 < len(failed) <= MOST:
        return ran
    second = alone(failed)
    passed = {test: now for test in failed if (now := second.results.get(test)) and now.outcome == PASSED}
    is_well = not second.failed and len(passed) == len(failed)
    return replace(
        ran,
        status=pytest.ExitCode.OK if is_well else ran.status,
        results={**ran.results, **passed},
        told=ran.told + second.told,
        unsteady=tuple(passed),
    )
