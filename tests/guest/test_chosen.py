"""Which tests a guest runs: what others prove as well, and only that, it may leave to them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.guest import runs
from tests.guest.chosen import KERNEL, ONCE, TWICE

FILE = "tests/kernel/trace/test_live.py"
KILLED = "test_nothing_is_left_of_one_that_is_killed"


def collected(*asked: str) -> list[str]:
    own = ("-p", "no:cacheprovider", "-p", "tests.guest.chosen", "--collect-only", "-q", "-o", "addopts=", FILE)
    words = [*runs.PYTEST, *own, "--import-mode=importlib", *asked]
    told = subprocess.run(words, cwd=runs.ROOT, capture_output=True, text=True, check=True).stdout
    return re.findall(r"^\S+::(\w+)", told, re.M)


def test_what_the_host_lacks_all_guests_run_and_what_it_has_the_older_ones_in_part() -> None:
    everything = collected("--older", "--host-has=bridge,htb")
    assert KILLED in everything
    newest = collected("--host-has=bridge,nft_bridge")
    assert newest == [name for name in everything if name != KILLED]
    older = collected("--older", "--host-has=bridge,nft_bridge")
    assert sorted(older) == sorted(TWICE["trace/test_live.py"].split())


@pytest.mark.parametrize("beginning", [*ONCE, *(word.removeprefix("--deselect=tests/kernel/") for word in runs._LONG)])
def test_what_is_left_to_others_is_there(beginning: str) -> None:
    file, _, name = beginning.partition("::")
    assert f"\ndef {name or 'test_'}" in (KERNEL / file).read_text()


@pytest.mark.parametrize("file", TWICE)
def test_what_an_older_guest_runs_of_a_file_is_there(file: str) -> None:
    names = set(re.findall(r"^def (test_\w+)", Path(KERNEL / file).read_text(), re.M))
    assert set(TWICE[file].split()) < names
