"""SIGKILL before the first and after every write of an apply on trial, of its confirmation, of its taking back.

The guard stands aside here: what it does is what `weft recover` does after the deadline, and that is killed too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import Ran, preload, weft_in
from tests.kernel.faults.points import Act, count, kill_after
from tests.kernel.faults.rig import End, Rig
from tests.kernel.faults.trials import WINDOW_S, late, unguarded
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(600)]

SIGKILL = -9
CONFIRMED = "after move(/run/weft/"
"""The move of a journal that stands for `confirmed` has no other move beside it in `weft confirm`."""

A = """
weft: 1
name: lab
tenants:
  t: {networks: {lan: {subnets: [10.10.0.0/24]}}, ports: {web: {network: lan, attach: {netns: web}}}}
host:
  sysctls: {net.core.somaxconn: 4000}
  links: {eth1: {existing: true, addresses: [198.51.100.9/24]}}
  routes: [{to: 10.98.0.0/16, via: 198.51.100.1}]
"""
B = """
weft: 1
name: lab
tenants:
  t: {networks: {lan: {subnets: [10.10.0.0/24]}}, ports: {db: {network: lan, attach: {netns: db}, mtu: 1400}}}
host:
  links: {eth1: {existing: true, mtu: 1480}}
  routes: [{to: 10.98.0.0/16, via: 203.0.113.1}]
"""


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


class Court:
    """A world with A applied, where B is tried. `former`, `wanted`: how it looks with A and with B."""

    def __init__(self, world: World, folder: Path) -> None:
        intents.give_way_out(world)
        one, two = folder / "a.yaml", folder / "b.yaml"
        one.write_text(A)
        two.write_text(B)
        self.rig = Rig.between(world, ("apply", "-y", "-f", str(one)), ("apply", "-y", "-f", str(two)))
        self.former, self.wanted = self.rig.here, self.rig.there

    def apply(self, act: Act = count) -> Ran:
        words = (*self.wanted.words, "--confirm-within", str(WINDOW_S))
        return weft_in(self.rig.world, *words, act=act, before=unguarded)

    def confirm(self, act: Act = count) -> Ran:
        return weft_in(self.rig.world, "confirm", act=act)

    def recover_late(self, act: Act = count) -> Ran:
        """When the deadline is over."""
        return weft_in(self.rig.world, "recover", act=act, before=late)

    def expect(self, end: End, what: str) -> None:
        at = self.rig.look(what)
        assert at is end, f"{what}\nthe world is as after {at.name!r}"


@pytest.fixture
def court(world: World, tmp_path: Path) -> Court:
    return Court(world, tmp_path)


def done(ran: Ran) -> str:
    assert ran.status == 0, str(ran)
    return str(ran)


def test_an_apply_on_trial(court: Court) -> None:
    """Wherever it ends, when the time is over all is as before."""
    number = 0
    while (ran := court.apply(kill_after(number))).status == SIGKILL:
        again = done(court.recover_late())
        court.expect(court.former, f"killed {ran.points[-1]}, then {again}")
        number += 1
    done(ran)
    court.expect(court.former, done(court.recover_late()))
    assert number > 10


def test_its_taking_back(court: Court) -> None:
    number = 0
    while True:
        done(court.apply())
        ran = court.recover_late(kill_after(number))
        if ran.status != SIGKILL:
            break
        court.expect(court.former, f"killed {ran.points[-1]}, then {done(court.recover_late())}")
        number += 1
    done(ran)
    court.expect(court.former, "taken back")
    assert number > 10


def test_its_confirmation(court: Court) -> None:
    """Up to one write it is taken back, from there on it stays."""
    number, seen = 0, set[str]()
    while True:
        done(court.apply())
        ran = court.confirm(kill_after(number))
        if ran.status != SIGKILL:
            break
        is_kept = any(CONFIRMED in point for point in ran.points)
        seen.add("kept" if is_kept else "taken back")
        if is_kept and not any("after remove(" in point and ".confirmed" in point for point in ran.points):
            assert "is confirmed" in done(court.confirm()), "said again, it answers as if it had not been killed"
        court.expect(
            court.wanted if is_kept else court.former, f"killed {ran.points[-1]}, then {done(court.recover_late())}"
        )
        done(weft_in(court.rig.world, *court.former.words))
        number += 1
    done(ran)
    court.expect(court.wanted, "confirmed")
    assert seen == {"kept", "taken back"}
