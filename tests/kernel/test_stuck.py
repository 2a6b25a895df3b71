"""What was cut short and can be led to neither end, for somebody has broken what it stands on: destroy still takes
everything away."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import preload
from tests.kernel.faults.lab import Lab
from tests.kernel.faults.points import Act, Point
from tests.world import World

pytestmark = pytest.mark.kernel

INCOMPLETE = 6
BROKEN = "ip link del store; ip link add store type bridge"
"""Both intents want a link of that name, and here is somebody else's, which weft never touches."""
MENDED = "ip link del store"


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Lab:
    intents.give_way_out(world)
    return Lab(world, tmp_path)


def killed(where: Callable[[Point], bool]) -> Act:
    def act(point: Point) -> None:
        if where(point):
            signal.raise_signal(signal.SIGKILL)

    return act


def is_committed(point: Point) -> bool:
    return point.door == "move" and point.side == "after" and str(point.arguments[-1]).endswith(".committed")


def is_about_to_be(point: Point) -> bool:
    return point.door == "move" and point.side == "before" and str(point.arguments[-1]).endswith(".committed")


@pytest.mark.parametrize("where", [is_committed, is_about_to_be])
def test_destroy_takes_away_what_can_be_led_to_no_end(lab: Lab, where: Callable[[Point], bool]) -> None:
    before = lab.dump()
    lab.weft("apply")
    lab.write(intents.B)
    lab.weft("apply", code=-signal.SIGKILL, act=killed(where))
    lab.sh(BROKEN)
    told = lab.weft("recover", code=INCOMPLETE)
    assert "could not finish" in told.err and "weft destroy" in told.err
    lab.weft("apply", code=INCOMPLETE)
    lab.weft("destroy")
    lab.sh(MENDED)
    lab.assert_as(before, "destroyed")
    lab.weft("apply")
    lab.weft("destroy")


def test_a_destroy_that_nobody_agrees_to_leaves_it_to_recovery(lab: Lab) -> None:
    lab.weft("apply")
    lab.write(intents.B)
    lab.weft("apply", code=-signal.SIGKILL, act=killed(is_committed))
    lab.sh(BROKEN)
    done = lab.world.run("weft", "destroy", "lab", check=False)
    assert done.returncode == 4, done
    lab.sh(MENDED)
    lab.weft("recover")
    assert lab.drift() == set()


def test_a_destroy_that_was_killed_and_is_stuck_goes_on(lab: Lab) -> None:
    before = lab.dump()
    lab.weft("apply")
    lab.weft("destroy", code=-signal.SIGKILL, act=killed(is_about_to_be))
    lab.sh(BROKEN)
    lab.weft("recover", code=INCOMPLETE)
    lab.weft("destroy")
    lab.sh(MENDED)
    lab.assert_as(before, "destroyed")
