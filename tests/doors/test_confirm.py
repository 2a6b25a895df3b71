"""On trial: applied, and taken back unless somebody confirms it in time."""

from __future__ import annotations

import time

from tests.doors.conftest import Desk
from tests.dump import Dump, differences
from tests.kernel.faults.rig import at_once
from tests.patience import until

WIDE = """
weft: 1
name: lab
host:
  links:
    store: {kind: bridge, mtu: 1400, addresses: [10.97.0.1/24]}
"""
NARROW = WIDE.replace("1400", "1300").replace("10.97.0.1/24", "10.97.0.2/24")


def mtu(desk: Desk) -> int:
    return int(desk.world.json("ip", "-j", "link", "show", "dev", "store")[0]["mtu"])


def dump(desk: Desk) -> Dump:
    return at_once(desk.world.dump(settle_s=3))


def apply_wide(desk: Desk) -> None:
    desk.write(WIDE)
    desk.weft("apply", "-y")


def test_confirmed_in_time_it_stays(desk: Desk) -> None:
    apply_wide(desk)
    desk.write(NARROW)
    done = desk.weft("apply", "-y", "--confirm-within", "5m")
    assert "`weft confirm lab` keeps it" in done.stderr
    status = desk.weft("status", "lab")
    assert status.stdout.startswith("lab is on trial: `weft confirm lab` keeps it, else it is taken back in ")
    assert 200 < desk.json("status", "lab")["unconfirmed_s"] <= 300
    assert "weft confirm" in desk.weft("list").stdout

    assert desk.weft("confirm").stdout == "lab is confirmed: it stays.\n"
    assert mtu(desk) == 1300 and desk.json("status", "lab")["unconfirmed_s"] is None
    until(lambda: desk.guards() == [], "the guard is gone")
    assert desk.state("lab.*") == []
    again = desk.weft("confirm", "lab", code=5)
    assert again.stderr == "nothing of lab waits to be confirmed\n"


def test_not_confirmed_everything_is_as_before(desk: Desk) -> None:
    apply_wide(desk)
    before = dump(desk)
    desk.write(NARROW)
    desk.weft("apply", "-y", "--confirm-within", "4s")
    assert mtu(desk) == 1300
    until(lambda: mtu(desk) == 1400 and desk.guards() == [], "the guard took it back")
    assert differences(before, dump(desk)) == []
    assert desk.weft("status", "lab").stdout.startswith("lab is as asked")  # the former file
    late = desk.weft("confirm", code=5)
    assert late.stderr.startswith("too late: lab was taken back at ")
    desk.weft("apply", "-y")  # which is the end of that story
    assert desk.weft("confirm", code=5).stderr == "nothing waits to be confirmed\n"


def test_what_is_new_goes_again_and_what_was_destroyed_comes_back(desk: Desk) -> None:
    nothing = dump(desk)
    desk.write(WIDE)
    desk.weft("apply", "-y", "--confirm-within", "1s")
    until(lambda: desk.guards() == [], "the guard is done")
    assert differences(nothing, dump(desk)) == []
    assert desk.weft("list").stdout == "Nothing is applied here.\n"

    desk.weft("apply", "-y")
    before = dump(desk)
    desk.weft("destroy", "-y", "lab", "--confirm-within", "1s")
    until(lambda: desk.guards() == [], "the guard is done")
    assert differences(before, dump(desk)) == []
    assert desk.weft("status", "lab").stdout.startswith("lab is as asked")
    desk.weft("destroy", "-y", "lab", "--confirm-within", "1m")
    desk.weft("confirm")
    assert desk.weft("list").stdout == "Nothing is applied here.\n"


def test_until_then_nothing_else_of_that_name(desk: Desk) -> None:
    apply_wide(desk)
    desk.write(NARROW)
    desk.weft("apply", "-y", "--confirm-within", "5m")
    for words in (("apply", "-y"), ("apply", "-y", "--confirm-within", "1m"), ("destroy", "-y", "lab")):
        refused = desk.weft(*words, code=7)
        assert "the last change of lab is not confirmed: `weft confirm lab` keeps it" in refused.stderr
    assert "Nothing to recover" in desk.weft("recover").stdout
    other = desk.write(WIDE.replace("lab", "two").replace("store", "shop").replace("97", "96"), "two.yaml")
    desk.weft("apply", "-y", "-f", other, "--confirm-within", "5m")
    several = desk.weft("confirm", code=5)
    assert several.stderr == "lab and two wait to be confirmed; say which: weft confirm NAME\n"
    desk.weft("confirm", "two")
    desk.weft("confirm", "lab")
    desk.weft("apply", "-y")


def test_a_killed_guard_is_stood_in_for(desk: Desk) -> None:
    apply_wide(desk)
    before = dump(desk)
    for word in ("recover", "status", "confirm", "apply"):
        desk.write(NARROW)
        desk.weft("apply", "-y", "--confirm-within", "4s")
        (guard,) = desk.guards()
        desk.world.run("kill", "-9", guard)
        time.sleep(4.1)
        assert mtu(desk) == 1300, "somebody took it back"
        if word == "recover":
            assert "lab: taken back, nobody confirmed it in time" in desk.weft("recover").stdout
        elif word == "status":
            assert "lab was not confirmed in time" in desk.weft("status", "lab").stdout
            desk.weft("recover")
        elif word == "confirm":
            assert desk.weft("confirm", code=5).stderr.startswith("too late: lab was taken back at ")
        else:
            desk.write(WIDE)
            assert "Nothing to do" in desk.weft("apply", "-y").stdout
        assert differences(before, dump(desk)) == [], word


def test_nothing_changes_nothing_to_confirm(desk: Desk) -> None:
    apply_wide(desk)
    desk.weft("apply", "-y", "--confirm-within", "1m")
    assert desk.guards() == [] and desk.state("lab.*") == []
    for wrong in ("0", "-1s", "soon", "5d"):
        assert "is no time; such as 60s" in desk.weft("apply", "-y", "--confirm-within", wrong, code=2).stderr


def test_the_first_of_a_name_on_trial_is_what_commands_without_a_file_are_about(desk: Desk) -> None:
    desk.weft("apply", "-y", "-f", desk.write(WIDE, "lab.yaml"), "--confirm-within", "5m")
    assert desk.weft("status").stdout.startswith("lab is on trial")
    desk.weft("confirm")
    assert desk.weft("status").stdout.startswith("lab is as asked")
