"""Signals in the middle of an apply: the old state or the new, never something between."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doors.conftest import Desk
from tests.dump import differences

MANY = """
weft: 1
name: many
tenants:
  shop:
    networks: {lan: {subnets: [10.1.0.0/16]}}
    ports: {"n[1-300]": {network: lan, attach: {netns: "space{n}"}}}
"""


def _as_at_a_terminal() -> None:
    """Where the tests run in the background of a shell, SIGINT is ignored, and would be by what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(desk: Desk, *command: str, until: Callable[[], bool]) -> subprocess.Popen[str]:
    """A command in the middle of its work."""
    running = desk.world.start(
        *command, cwd=desk.directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=_as_at_a_terminal
    )
    deadline = time.monotonic() + 20
    while not until():
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.001)
    return running


def half_way(desk: Desk, *before: str) -> subprocess.Popen[str]:
    """An apply with some of its namespaces there. `before`: a command before it, such as nohup."""
    desk.write(MANY)
    names = Path(f"/proc/{desk.world.pid}/root/run/netns")
    return start(desk, *before, "weft", "apply", "-y", until=lambda: len(list(names.glob("space*"))) > 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leads_back(desk: Desk, number: signal.Signals) -> None:
    before = desk.world.dump()
    running = half_way(desk)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 5, said
    assert f"stopped by {number.name}; everything is as it was before" in said
    assert differences(before, desk.world.dump()) == []
    assert desk.weft("recover").stdout == "Nothing to recover.\n"


def test_what_is_ignored_stops_nothing(desk: Desk) -> None:
    running = half_way(desk, "nohup")
    running.send_signal(signal.SIGHUP)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 0, said
    assert desk.json("status")["clean"] is True


def test_a_signal_before_the_first_change(desk: Desk) -> None:
    before = desk.world.dump()
    desk.write(MANY)
    running = start(desk, "weft", "apply", "-y", until=lambda: desk.state("locks/scope many") != [])
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 5, said
    assert "stopped by SIGTERM; " in said
    assert differences(before, desk.world.dump()) == []
    assert desk.json("list") == []


def test_past_the_point_of_no_return_it_is_finished(desk: Desk) -> None:
    before = desk.world.dump()
    desk.write(MANY)
    desk.weft("apply", "-y")
    running = start(desk, "weft", "destroy", "many", "-y", until=lambda: desk.state("many.committed") != [])
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 0, said
    assert "stopped by SIGTERM, but past the point of no return: what was begun is finished" in said
    assert differences(before, desk.world.dump()) == []
    assert desk.weft("list").stdout == "Nothing is applied here.\n"


def test_a_second_signal_does_not_cut_the_way_back_short(desk: Desk) -> None:
    before = desk.world.dump()
    running = half_way(desk)
    for _ in range(5):
        running.send_signal(signal.SIGINT)
        time.sleep(0.01)
    running.communicate(timeout=60)
    assert running.returncode == 5
    assert differences(before, desk.world.dump()) == []


def test_a_kill_is_recovered(desk: Desk) -> None:
    before = desk.world.dump()
    running = half_way(desk)
    running.kill()
    running.communicate()
    assert desk.state("many.uncommitted") and desk.world.names() != []
    assert "cut short: weft recover" in desk.weft("list").stdout
    assert desk.json("status", code=3)["unfinished"] is True
    for command in ("status", "show"):
        assert "the first apply of many was cut short; `weft recover`" in desk.weft(command, "many", code=5).stderr
    assert desk.json("recover") == [{"scope": "many", "end": "undone", "lost": []}]
    assert differences(before, desk.world.dump()) == []
    assert desk.weft("recover", "many").stdout == "Nothing to recover.\n"


def test_the_next_apply_recovers_by_itself(desk: Desk) -> None:
    running = half_way(desk)
    running.kill()
    running.communicate()
    assert "was cut short; it is led to its end first" in desk.weft("apply", "-y").stderr
    assert desk.weft("status").stdout.startswith("many is as asked")
