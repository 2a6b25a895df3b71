"""A plugin of pytest that writes down what became of each test, a JSON object a line, as it happens.

`pytest -p tests.outcomes --outcomes=FILE`, with the sign: a word by itself pytest takes for a place of tests.
`python -m tests` sets such files of several kernels side by side.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
BEGUN = "begun"
"""What is left of a test in which a run was cut short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`test`: its node id. `reason`: why it was skipped."""

    test: str
    outcome: str
    reason: str = ""


def read(path: Path) -> dict[str, Outcome]:
    """Node id to outcome, of all that had begun when the run ended; a test that failed once has failed."""
    found: dict[str, Outcome] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        told = Outcome(**json.loads(line))
        if told.test not in found or found[told.test].outcome != FAILED:
            found[told.test] = told
    return found


class Recorder:
    """Writes to `path` at once, so that it holds also what a run that was cut short had done."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._write(Outcome(test=nodeid, outcome=BEGUN))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for told in _told(report):
            self._write(told)

    def _write(self, told: Outcome) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(told)) + "\n")


def _told(report: pytest.TestReport) -> Iterator[Outcome]:
    """A passing set-up or tear-down says nothing: the call has said it."""
    if report.when == "call" or report.outcome != PASSED:
        yield Outcome(test=report.nodeid, outcome=report.outcome, reason=_reason(report))


def _reason(report: pytest.TestReport) -> str:
    told: Any = report.longrepr
    return str(told[2]).removeprefix("Skipped: ") if report.skipped and isinstance(told, tuple) else ""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outcomes", type=Path, metavar="FILE", help="write what became of each test")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--outcomes")
    if path and not hasattr(config, "workerinput"):  # of several workers their master tells
        path.write_text("")
        config.pluginmanager.register(Recorder(path))
