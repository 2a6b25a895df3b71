"""What was cut short and can be led to neither end, for somebody has broken what it stands on; and what an older weft
took that this one refuses. Destroy still takes everything away."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import preload
from tests.kernel.faults.lab import Lab
from tests.kernel.faults.points import Act, Point
from tests.kernel.faults.trials import WINDOW_S, late, unguarded
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


THEIRS = """
weft: 1
name: lab
host: {links: {store: {kind: bridge}}}
namespaces: {theirs: {links: {own: {kind: bridge}}}}
"""


def test_what_a_first_apply_left_in_others_namespaces_goes_too(lab: Lab) -> None:
    """No intent that was kept speaks of them yet."""
    lab.sh("ip netns add theirs")
    before = lab.dump()
    lab.write(THEIRS)
    lab.weft("apply", code=-signal.SIGKILL, act=killed(is_committed))
    lab.sh(BROKEN)
    lab.weft("destroy")
    lab.sh(MENDED)
    lab.assert_as(before, "destroyed")


def test_a_trial_that_cannot_be_taken_back_is_destroyed(lab: Lab) -> None:
    lab.sh("ip netns add theirs")
    before = lab.dump()
    lab.write(THEIRS.partition("namespaces:")[0])
    lab.weft("apply")
    lab.write(THEIRS.replace("store", "other"))
    lab.weft("apply", "--confirm-within", str(WINDOW_S), before=unguarded)
    lab.sh("ip link add store type bridge")
    for command in ("recover", "apply"):
        told = lab.weft(command, code=INCOMPLETE, before=late)
        assert "cannot be taken back" in told.err and "create link store: File exists" in told.err
        assert "weft destroy" in told.err
    assert "`weft recover` takes it back" in lab.weft("status", before=late).out
    lab.weft("destroy", before=late)
    lab.sh(MENDED)
    lab.assert_as(before, "destroyed")
    assert "Nothing is applied" in lab.world.run("weft", "list").stdout


def test_a_trial_that_could_not_be_taken_back_is_when_that_is_mended(lab: Lab) -> None:
    lab.write(THEIRS.partition("namespaces:")[0])
    lab.weft("apply")
    before = lab.dump()
    lab.write(THEIRS.partition("namespaces:")[0].replace("store", "other"))
    lab.weft("apply", "--confirm-within", str(WINDOW_S), before=unguarded)
    lab.sh("ip link add store type bridge")
    lab.weft("recover", code=INCOMPLETE, before=late)
    lab.sh(MENDED)
    lab.weft("recover", before=late)
    lab.assert_as(before, "taken back")


def test_one_that_can_be_led_to_no_end_stops_no_other(lab: Lab) -> None:
    lab.write(THEIRS)
    lab.weft("apply", code=-signal.SIGKILL, act=killed(is_committed))
    lab.sh(BROKEN)
    lab.write("weft: 1\nname: other\nhost: {links: {fine: {kind: bridge}}}\n")
    lab.weft("apply", code=-signal.SIGKILL, act=killed(is_committed))
    told = lab.weft("recover", code=INCOMPLETE)
    assert told.out == "other: finished, as was wanted\n" and "could not finish: create link store" in told.err
    lab.weft("destroy")
    assert lab.world.run("weft", "destroy", "-y", "other").returncode == 0


REFUSED = "sed -i 's/kind: bridge/kind: bridle/' /var/lib/weft/lab/current"
"""As a file would be that an older weft took."""


def test_a_kept_file_that_is_refused_by_now_is_in_nobodys_way(lab: Lab) -> None:
    """Neither of another file, which leaves out what is in a namespace of somebody else's, nor of destroy."""
    lab.sh("ip netns add theirs")
    before = lab.dump()
    lab.write(THEIRS)
    lab.weft("apply")
    lab.sh(REFUSED)
    told = lab.world.run("weft", "status", "lab", check=False)
    assert "what was last applied as lab is refused by this weft" in told.stderr and "'bridle'" in told.stderr
    lab.write(THEIRS.partition("namespaces:")[0])
    lab.weft("apply")
    assert "own" not in lab.sh("ip -n theirs -br link")
    lab.write(THEIRS)
    lab.weft("apply")
    lab.sh(REFUSED)
    lab.weft("destroy")
    lab.assert_as(before, "destroyed")


def born(number: int) -> Act:
    """Killed after so many sends: what was made by the last may bear no mark yet."""
    sends = iter(range(1, number + 1))

    def act(point: Point) -> None:
        if (point.door, point.side) == ("send", "after") and next(sends, number) == number:
            signal.raise_signal(signal.SIGKILL)

    return act


def unmarked(lab: Lab) -> set[str]:
    """Links that were born a moment ago, by where they are."""
    places = ["", *lab.world.names()]
    found = {place: lab.world.json("ip", *(("-n", place) if place else ()), "-j", "link") for place in places}
    return {
        f"{link['ifname']}@{place}"
        for place, links in found.items()
        for link in links
        if link.get("group", "default") != "default" and not link.get("ifalias")
    }


def test_destroy_takes_away_what_was_born_and_bears_no_mark_yet(lab: Lab) -> None:
    before = lab.dump()
    lab.weft("apply")
    lab.write(intents.B)
    seen = set()
    for number in range(1, 9):
        lab.weft("apply", code=-signal.SIGKILL, act=born(number))
        lab.sh(BROKEN)
        if found := unmarked(lab):
            seen |= found
            lab.weft("recover", code=INCOMPLETE)
            lab.weft("destroy")
            assert not unmarked(lab), number
            lab.sh(MENDED)
            lab.assert_as(before, f"destroyed after {number} sends")
            lab.write(intents.A)
            lab.weft("apply")
            lab.write(intents.B)
        else:
            lab.sh(MENDED)
            lab.weft("recover")
    assert seen, "none was born without its mark"
