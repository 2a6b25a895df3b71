"""Runs that share their tests do each of them once, and none breaks what its fixtures need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import outcomes
from tests.outcomes import PASSED

ROOT = Path(__file__).parents[2]
SAMPLE = """
import os, time
import pytest

@pytest.fixture(scope="module", autouse=True)
def mine():
    made = [os.getpid()]
    yield made
    made.clear()

@pytest.fixture(scope="package", autouse=True)
def ours():
    yield

@pytest.mark.slow
def test_slow(mine): time.sleep(0.05); assert mine

@pytest.mark.parametrize("number", range(5))
def test_quick(mine, number): time.sleep(0.01); assert mine
"""
FILES = 12


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    for folder in ("a", "b"):
        (tmp_path / "sample" / folder).mkdir(parents=True)
        (tmp_path / "sample" / folder / "__init__.py").touch()
        for number in range(FILES // 2):
            (tmp_path / "sample" / folder / f"test_{folder}{number}.py").write_text(SAMPLE)
    (tmp_path / "sample" / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    (tmp_path / "claims").mkdir()
    return tmp_path / "sample"


def begun(sample: Path, name: str, *more: str) -> subprocess.Popen[bytes]:
    folder = sample.parent
    plugins = ("-p", "tests.outcomes", f"--outcomes={folder / name}", "-p", "tests.guest.claims")
    words = [sys.executable, "-m", "pytest", *plugins, f"--claims={folder / 'claims'}", *more, str(sample)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)


def test_each_test_is_done_once_by_one_of_two(sample: Path) -> None:
    runs = [begun(sample, "first"), begun(sample, "second", "--from-the-end")]
    assert [run.wait(60) for run in runs] == [0, 0]
    first, second = (outcomes.read(sample.parent / name) for name in ("first", "second"))
    assert not set(first) & set(second)
    every = {**first, **second}
    assert len(every) == FILES * 6 and {told.outcome for told in every.values()} == {PASSED}
    files = [{test.partition("::")[0] for test in ran if "quick" in test} for ran in (first, second)]
    assert not files[0] & files[1]


def test_what_is_left_is_begun_at_the_end(sample: Path) -> None:
    assert begun(sample, "all", "--from-the-end").wait(60) == 0
    done = [test for test in outcomes.read(sample.parent / "all") if "quick" in test]
    assert "test_b5" in done[0] and "test_a0" in done[-1] and "[0]" in done[0]
    assert begun(sample, "none").wait(60) == 0
    assert outcomes.read(sample.parent / "none") == {}


def test_a_failure_is_one(sample: Path) -> None:
    (sample / "a" / "test_a3.py").write_text("def test_fails(): assert False\n")
    assert begun(sample, "all").wait(60) == pytest.ExitCode.TESTS_FAILED
    assert begun(sample, "rest").wait(60) == 0
