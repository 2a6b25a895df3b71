"""Locks: who waits, who is told what."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from weft.errors import Locked
from weft.store.locks import HOST_LOCK, hold, hold_for, holder

SHOP = "scope shop"


def test_a_second_one_is_told_who_holds_it(tmp_path: Path) -> None:
    with hold(tmp_path, [SHOP], command="weft apply"):
        with pytest.raises(Locked, match=rf"scope shop is in use by `weft apply` \(pid {os.getpid()}\) since"):
            hold(tmp_path, [SHOP], command="weft destroy").__enter__()
        with hold(tmp_path, ["scope dev"], command="weft apply"):
            pass
    with hold(tmp_path, [SHOP], command="weft destroy"):
        held = holder(tmp_path, SHOP)
        assert held is not None and held.command == "weft destroy"


def test_all_or_none(tmp_path: Path) -> None:
    with hold(tmp_path, [SHOP], command="a"):
        with pytest.raises(Locked):
            hold(tmp_path, [SHOP, HOST_LOCK], command="b").__enter__()
        with hold(tmp_path, [HOST_LOCK], command="c"):
            pass


def test_waiting_is_worth_it(tmp_path: Path) -> None:
    first = hold(tmp_path, [SHOP], command="a")
    first.__enter__()
    threading.Timer(0.2, lambda: first.__exit__(None, None, None)).start()
    start = time.monotonic()
    with hold(tmp_path, [SHOP], command="b", wait_s=10):
        assert 0.1 < time.monotonic() - start < 5


def test_a_dead_holder_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from weft.store.locks import hold\n"
        f"with hold(Path({str(tmp_path)!r}), [{SHOP!r}], command='x'):\n print('held', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    with pytest.raises(Locked, match=f"pid {child.pid}"):
        hold(tmp_path, [SHOP], command="y").__enter__()
    child.kill()
    child.wait()
    child.stdout.close()
    with hold(tmp_path, [SHOP], command="y"):
        pass


def test_a_holder_that_says_nothing_is_still_respected(tmp_path: Path) -> None:
    with hold(tmp_path, [SHOP], command="a"):
        (tmp_path / SHOP).write_text("{torn")
        with pytest.raises(Locked, match="another weft"):
            hold(tmp_path, [SHOP], command="b").__enter__()


def test_what_is_of_no_use_any_more_is_not_left(tmp_path: Path) -> None:
    for is_of_use in (True, False):
        with hold_for(tmp_path, SHOP, lambda: is_of_use, command="a"):  # noqa: B023
            assert (tmp_path / SHOP).exists()
        assert (tmp_path / SHOP).exists() is is_of_use


def test_who_waited_for_one_that_is_gone_has_the_new_one(tmp_path: Path) -> None:
    """And no second one has it too."""
    first = hold_for(tmp_path, SHOP, lambda: False, command="a")
    first.__enter__()
    waits, goes = threading.Event(), threading.Event()

    def second() -> None:
        waits.set()
        with hold(tmp_path, [SHOP], command="b", wait_s=10):
            goes.wait(10)

    other = threading.Thread(target=second)
    other.start()
    waits.wait(10)
    time.sleep(0.1)
    first.__exit__(None, None, None)
    while (held := holder(tmp_path, SHOP)) is None or held.command != "b":
        time.sleep(0.01)
    with pytest.raises(Locked, match="`b`"):
        hold(tmp_path, [SHOP], command="c").__enter__()
    goes.set()
    other.join()
