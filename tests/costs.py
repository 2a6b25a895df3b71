"""A plugin of pytest that tells what tests cost: `pytest -p tests.costs` ends with a table by folder and the dearest.

Counted is processor time, of the test and of all that it started and awaited: that decides how long a run takes, not
how long a test waits. What makes a fixture that others share is with the first that asks for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from tests import spent

PROPERTY = "processor_s"
"""Of a test's report, so that it comes from workers and is in JUnit's XML."""
DEAREST = 25
_STARTED = pytest.StashKey[float]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[_STARTED] = spent.spent_by_all_s()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    if call.when == "teardown" and _STARTED in item.stash:
        item.user_properties.append((PROPERTY, round(spent.spent_by_all_s() - item.stash[_STARTED], 3)))
    return (yield)


class Costs:
    """What has come in, by test."""

    def __init__(self) -> None:
        self.processor_s: Counter[str] = Counter()
        self.clock_s: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.clock_s[report.nodeid] += report.duration
        if report.when == "teardown":
            self.processor_s[report.nodeid] += float(str(dict(report.user_properties).get(PROPERTY, 0)))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("processor seconds, and those by the clock")
        for line in table(self.processor_s, self.clock_s):
            terminalreporter.write_line(line)


def table(processor_s: Counter[str], clock_s: Counter[str]) -> list[str]:
    """By folder, then the dearest tests; each the dearest first."""
    folders: Counter[str] = Counter()
    by_clock: Counter[str] = Counter()
    for test, cost in processor_s.items():
        folder = str(Path(test.partition("::")[0]).parent)
        folders[folder] += cost
        by_clock[folder] += clock_s[test]
    rows = [
        *((cost, by_clock[folder], f"{folder}/") for folder, cost in folders.most_common()),
        *((cost, clock_s[test], test) for test, cost in processor_s.most_common(DEAREST)),
    ]
    return [f"{cost:9.1f} {clock:9.1f}  {name}" for cost, clock, name in rows]


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Costs())
