"""What `python -m tests` says of several kernels' runs, and what of it fails a run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

import tests.__main__ as runner
from tests import lateness, outcomes
from tests.__main__ import forgets, not_run, report
from tests.again import CUT_SHORT, MOST, Ran, once_more
from tests.guest import kernels, runs
from tests.guest.guest import Guest
from tests.outcomes import FAILED, PASSED, SKIPPED, Outcome

ROOT = Path(__file__).parents[2]


def ran(where: str, *, status: int = 0, **results: str) -> Ran:
    """A skip is said by its reason."""
    known = (PASSED, FAILED)
    return Ran(
        where=where,
        status=status,
        results={
            test: Outcome(test=test, outcome=said if said in known else SKIPPED, reason="" if said in known else said)
            for test, said in results.items()
        },
    )


HOST = ran("host 1", both=PASSED, vlan="lacks vlan", rare="lacks rare", unmarked="no vlan here")
OLD = ran("guest 2", both=PASSED, vlan="lacks vlan", rare="lacks rare")
NEW = ran("guest 3", both=FAILED, vlan=PASSED, rare="lacks rare", status=1)


def test_what_ran_where_and_what_ran_nowhere() -> None:
    assert report(HOST, [OLD, NEW]) == [
        "                          passed  failed skipped",
        "host 1                         1       0       3",
        "guest 2                        1       0       2",
        "guest 3                        1       1       1  FAILED",
        "\nNOT RUN on any kernel: 2",
        "  rare: host 1: lacks rare; guest 2: lacks rare; guest 3: lacks rare",
        "  unmarked: host 1: no vlan here",
    ]


def test_without_guests_they_are_said_not_to_have_run() -> None:
    assert any(line.startswith("guests: NOT RUN") for line in report(HOST, []))
    assert [line for line in report(HOST, [], ["6.1"]) if "NOT RUN, " in line] == [
        "guest 6.1: NOT RUN, that kernel has no room for the registers of this processor (AMX)"
    ]
    assert set(not_run(HOST, [])) == {"vlan", "rare", "unmarked"}
    assert forgets(HOST, []) == []


def test_only_what_a_guest_was_not_asked_for_is_forgotten() -> None:
    assert forgets(HOST, [OLD, NEW]) == ["unmarked"]
    assert forgets(HOST, [replace(OLD, status=CUT_SHORT), NEW]) == [], "it may have come to that"


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_in_ci_what_was_forgotten_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, status: int
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(runner, "run", lambda *_: (HOST, [OLD]))
    assert runner.main([]) == status
    assert ("FAILED unmarked: a guest is at hand" in capsys.readouterr().out) is bool(ci)


def test_a_guest_that_fails_fails_the_run_and_is_heard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = Ran(where="guest 3", status=1, results=NEW.results, told="assert 1 == 2")
    monkeypatch.setattr(runner, "run", lambda *_: (HOST, [failing]))
    assert runner.main([]) == 1
    assert "guest 3 failed:\nassert 1 == 2" in capsys.readouterr().out


def test_what_two_guests_of_a_kernel_did_is_told_as_one() -> None:
    first, second = ran("guest 3", one=PASSED), ran("guest 3", two=FAILED, three="lacks rare", status=1)
    for every in ([first, second], [second, first]):
        told = runs.together(every)
        assert told.where == "guest 3" and told.failed and set(told.results) == {"one", "two", "three"}
        assert [told.count(outcome) for outcome in (PASSED, FAILED, SKIPPED)] == [1, 1, 1]
    assert not runs.together([first, first]).failed


def test_tests_are_known_by_the_same_names_on_every_kernel(tmp_path: Path) -> None:
    ran = runner.on_host(["tests/pure/test_plan_text.py"], tmp_path / "results", inf)
    assert not ran.failed
    assert {test.partition("::")[0] for test in ran.results} == {"tests/pure/test_plan_text.py"}


SAMPLE = """
import pytest
def test_passes(): pass
def test_fails(): assert False
def test_skips(): pytest.skip("why")
@pytest.mark.skip(reason="known before")
def test_is_marked(): pass
@pytest.fixture
def broken():
    yield
    raise OSError
def test_breaks_afterwards(broken): pass
"""


def test_outcomes_are_written_down_as_they_come(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    asked = [sys.executable, "-m", "pytest", "-p", "tests.outcomes", f"--outcomes={tmp_path}/results", str(tmp_path)]
    subprocess.run(asked, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    results = {test.partition("::")[2]: told for test, told in outcomes.read(tmp_path / "results").items()}
    assert {test: told.outcome for test, told in results.items()} == {
        "test_passes": PASSED,
        "test_fails": FAILED,
        "test_skips": SKIPPED,
        "test_is_marked": SKIPPED,
        "test_breaks_afterwards": FAILED,
    }
    assert [results[test].reason for test in ("test_skips", "test_is_marked")] == ["why", "known before"]


SHAKY = """
from pathlib import Path
def test_a_race():
    mark = Path(__file__).with_name("ran")
    first = not mark.exists()
    mark.touch()
    assert not first
def test_a_fault(): assert WELL
def test_is_well(): pass
"""


@pytest.mark.parametrize("well", [True, False])
def test_what_passes_alone_was_unsteady_and_what_fails_alone_is_a_fault(tmp_path: Path, well: bool) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    file = tmp_path / "test_shaky.py"
    file.write_text(SHAKY.replace("WELL", str(well)))
    asked: list[Sequence[str]] = []

    def alone(failed: Sequence[str]) -> Ran:
        asked.append(failed)
        return runner.on_host(
            [f"{file}::{test.partition('::')[2]}" for test in failed], tmp_path / "alone", inf, workers=()
        )

    first = runner.on_host([str(file)], tmp_path / "first", inf, workers=())
    ended = once_more(first, alone)
    race, fault = (next(test for test in first.results if name in test) for name in ("a_race", "a_fault"))
    assert first.failed and asked == [[race] if well else [race, fault]]
    assert (ended.failed, ended.unsteady, ended.count(FAILED)) == (not well, (race,), int(not well))
    assert any(line.startswith("UNSTEADY on host") and race in line for line in report(ended, []))


def never(_: Sequence[str]) -> Ran:
    raise AssertionError("asked again")


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(ran("host 1", both=PASSED), id="well"),
        pytest.param(ran("host 1", both=FAILED, status=2), id="cut short"),
        pytest.param(ran("host 1", status=1, **{f"t{n}": FAILED for n in range(MOST + 1)}), id="many"),
        pytest.param(ran("host 1", status=1, both=PASSED), id="failed otherwise"),
    ],
)
def test_all_else_is_not_asked_again(first: Ran) -> None:
    assert once_more(first, never) == first


HANGING = """
import time
def test_is_well(): pass
def test_hangs(): time.sleep(600)
"""


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A test that comes to no end, and little patience."""
    monkeypatch.setattr(lateness, "SILENT_S", 5)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_hanging.py").write_text(HANGING)
    return tmp_path / "test_hanging.py"


def is_given_up(ran: Ran) -> bool:
    """With the place told, and what had ended before counted."""
    (place,) = ran.cut_short_in
    told = report(ran, [])
    return (
        ran.failed
        and "test_hangs" in place
        and f"CUT SHORT on {ran.where}, in: {place}" in told
        and "given up" in ran.told
    )


def test_a_run_that_hangs_is_given_up_and_says_where(hanging: Path) -> None:
    ended = runner.on_host([str(hanging)], hanging.parent / "results", inf, workers=())
    assert is_given_up(ended) and ended.count(PASSED) == 1 and once_more(ended, never) == ended


def test_a_run_beyond_its_time_is_given_up(hanging: Path) -> None:
    ended = runner.on_host([str(hanging)], hanging.parent / "results", time.monotonic(), workers=())
    assert ended.failed and f"given up after {lateness.WHOLE_S} s" in ended.told


def test_a_guest_that_hangs_is_given_up_and_says_where(newest: Guest, hanging: Path) -> None:
    shared = newest.out / hanging.name  # of the rest of /tmp it has its own
    shared.write_text(HANGING)
    (newest.out / "pytest.ini").write_text("[pytest]\n")
    assert is_given_up(runs.again(newest, inf, [f"/hostout/{hanging.name}"]))
    assert newest.run("true").returncode == 0


def test_a_guest_asks_again_in_the_same_guest(newest: Guest) -> None:
    test = "tests/pure/test_plan_text.py"
    ended = runs.again(newest, inf, [test])
    assert not ended.failed and {name.partition("::")[0] for name in ended.results} == {test}


@pytest.fixture(scope="module")
def newest() -> Iterator[Guest]:
    if not (found := kernels.find()):
        pytest.skip("no guest kernel")
    with Guest(found[-1]) as guest:
        yield guest
