"""Kills a command before the first and after each of its changes to disk and to the kernel, on both ways of a rig.

A kill that leaves the world at the one end is followed by the next kill on the same way, else by the next on the way
back, until both ways have been gone to their ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.kernel.faults.command import Ran, weft_in
from tests.kernel.faults.points import kill_after
from tests.kernel.faults.rig import End, Rig

SIGKILL = -9
COMMITTED = "after move(/run/weft/"
"""The commit record's name on disk; a journal has no other move."""


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
    """Kills on both ways of a rig. `proof`: what must hold after each recovery beside the dump. `first`, `stride`:
    after how many changes, all unless said."""

    rig: Rig
    proof: Callable[[], None] = lambda: None
    first: int = 0
    stride: int = 1
    tally: Tally = field(default_factory=Tally)
    _next: dict[tuple[str, ...], int] = field(default_factory=dict)
    _done: set[tuple[str, ...]] = field(default_factory=set)

    def run(self) -> Tally:
        """Both ways."""
        while len(self._done) < 2:
            self._go()
        return self.tally

    def _go(self) -> None:
        """One command on the way from here, killed after the way's next change if it has one."""
        words = self.rig.there.words
        number = self._next.get(words, self.first)
        ran = self.rig.go(kill_after(number))
        if ran.status == SIGKILL:
            self._next[words] = number + self.stride
            self._recover(ran, number)
            return
        assert ran.status == 0, str(ran)
        self._done.add(words)
        self._expect(self.rig.there, str(ran))

    def _recover(self, ran: Ran, number: int) -> None:
        with_apply = number % 5 == 4 and not self._is_destroyed(ran)
        again = weft_in(self.rig.world, *(self.rig.there.words if with_apply else ("recover",)))
        committed = any(COMMITTED in point for point in ran.points)
        what = f"killed {ran.points[-1]} of `weft {' '.join(ran.words)}`, then {again}"
        assert again.status == 0, what
        self.tally.count(committed, with_apply)
        wanted = self.rig.there if committed or with_apply else self.rig.here
        self._expect(wanted, what)

    @staticmethod
    def _is_destroyed(ran: Ran) -> bool:
        """Behind the last write of a destroy nothing has the name any more, and another one is refused."""
        return ran.words[0] == "destroy" and " after remove(/run/weft/" in ran.points[-1]

    def _expect(self, end: End, what: str) -> None:
        at = self.rig.look(what)
        assert at is end, f"{what}\nthe world is as after {at.name!r}, not as after {end.name!r}"
        self.proof()
        if end is self.rig.there:
            self.rig.turn()
