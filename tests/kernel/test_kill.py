"""SIGKILL before and after every write to disk and to the kernel; the next command ends in the old state or the new.

Judged by the outside dump alone, and strictly: before the commit record it is the former state, after it the wanted
one. The world is led to and fro between two states: a kill that leaves it at the one end is followed by the next kill
on the same way, else by the next on the way back, until every point of both ways had its kill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import Ran, preload, weft_in
from tests.kernel.faults.held_tap import HeldTap
from tests.kernel.faults.points import kill_at
from tests.kernel.faults.rig import SCOPE, End, Files, Rig
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(1200)]

SIGKILL = -9
COMMITTED = "after move(/run/weft/"
"""The commit record's name on disk; a journal has no other move."""


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


@pytest.fixture
def host(world: World) -> World:
    intents.give_way_out(world)
    return world


@dataclass(slots=True)
class Tally:
    """`former`, `wanted`: killed before and after the commit record. `repeated`: led on by the command itself."""

    former: int = 0
    wanted: int = 0
    repeated: int = 0

    def count(self, committed: bool, repeated: bool) -> None:
        self.wanted += committed
        self.former += not committed
        self.repeated += repeated

    def __str__(self) -> str:
        kills = self.former + self.wanted
        return (
            f"{kills} kills, {self.former} former, {self.wanted} wanted "
            f"({self.repeated} of them led on by the same command, the others by weft recover)"
        )


@dataclass(slots=True)
class Killer:
    """Kills on both ways of a rig. `proof`: what must hold after each recovery beside the dump."""

    rig: Rig
    proof: Callable[[], None] = lambda: None
    tally: Tally = field(default_factory=Tally)
    _next: dict[tuple[str, ...], int] = field(default_factory=dict)
    _done: set[tuple[str, ...]] = field(default_factory=set)

    def run(self) -> Tally:
        """Every point of both ways."""
        while len(self._done) < 2:
            self._go()
        return self.tally

    def _go(self) -> None:
        """One command on the way from here, killed at the way's next point if it has one."""
        words = self.rig.there.words
        number = self._next.get(words, 0)
        ran = self.rig.go(kill_at(number))
        if ran.status == SIGKILL:
            self._next[words] = number + 1
            self._recover(ran, number)
            return
        assert ran.status == 0, str(ran)
        self._done.add(words)
        self._expect(self.rig.there, str(ran))

    def _recover(self, ran: Ran, number: int) -> None:
        with_apply = number % 5 == 4
        again = weft_in(self.rig.world, *(self.rig.there.words if with_apply else ("recover",)))
        committed = any(COMMITTED in point for point in ran.points)
        what = f"killed {ran.points[-1]} of `weft {' '.join(ran.words)}`, then {again}"
        assert again.status == 0, what
        self.tally.count(committed, with_apply)
        wanted = self.rig.there if committed or with_apply else self.rig.here
        self._expect(wanted, what, again=self._is_as_the_last(ran))

    @staticmethod
    def _is_as_the_last(ran: Ran) -> bool:
        """Between the end of one write and the start of the next nothing changes that a kill would leave."""
        return len(ran.points) > 1 and " before " in ran.points[-1] and " after " in ran.points[-2]

    def _expect(self, end: End, what: str, *, again: bool = False) -> None:
        """`again`: the same kill was looked at before."""
        if again:
            self.rig.glance(end, what)
        else:
            at = self.rig.look(what)
            assert at is end, f"{what}\nthe world is as after {at.name!r}, not as after {end.name!r}"
        self.proof()
        if end is self.rig.there:
            self.rig.turn()


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.fixture
def held(host: World, tmp_path: Path) -> Iterator[tuple[World, HeldTap]]:
    """A world with A applied and its tap open in this process."""
    ran = weft_in(host, "apply", "-y", "-f", write(tmp_path / "a.yaml", intents.A))
    assert ran.status == 0, str(ran)
    with closing(HeldTap(host, intents.TAP, "02:00:00:00:00:09", "10.10.0.9")) as tap:
        yield host, tap


def test_from_one_intent_to_another_and_back(held: tuple[World, HeldTap], tmp_path: Path) -> None:
    world, tap = held
    a, b = write(tmp_path / "a.yaml", intents.A), write(tmp_path / "b.yaml", intents.B)
    index = Files.of(world).tap
    assert index

    def guest_goes_on() -> None:
        assert Files.of(world).tap == index, "the tap is another one"
        assert tap.reaches("10.10.0.1"), "no frames pass the tap"

    tally = Killer(Rig.between(world, ("apply", "-y", "-f", a), ("apply", "-y", "-f", b)), guest_goes_on).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 20


def test_from_nothing_to_an_intent_and_back(host: World, tmp_path: Path) -> None:
    a = write(tmp_path / "a.yaml", intents.A)
    tally = Killer(Rig.between(host, ("apply", "-y", "-f", a), ("destroy", "-y", SCOPE))).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 20


def test_replacing_a_tap_and_back(host: World, tmp_path: Path) -> None:
    one = write(tmp_path / "one.yaml", intents.TAPS.format(owner="nobody", queues=1))
    two = write(tmp_path / "two.yaml", intents.TAPS.format(owner="root", queues=4))
    tally = Killer(Rig.between(host, ("apply", "-y", "-f", one), ("apply", "-y", "-f", two))).run()
    print(tally)
