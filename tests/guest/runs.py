"""Tests in guests: begun, awaited, shared by two guests of one kernel, and asked once more.

Which those are says tests/guest/chosen.py. Besides, kills and refusals, which take longest and are weft's own to
survive, scripts, which start a program for each line, what starts many programs or sends for minutes, and in which
order weft makes links, are for the newest kernel only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests import needs, outcomes
from tests.again import CUT_SHORT, Ran
from tests.guest.guest import Command, Guest, GuestDied
from tests.lateness import LOOK_S, why_late

ROOT = Path(__file__).parents[2]
PYTEST = (sys.executable, "-m", "pytest", "-p", "tests.outcomes", "-p", "tests.costs")
_FEWER = {"WEFT_KERNEL_PAIRS": "20", "WEFT_FAULT_STRIDE": "20"}
"""Random pairs, and kills and refusals, in a guest: starting the programs that dump it takes as long as all else."""
_LONG = tuple(
    f"--deselect=tests/kernel/{path}"
    for path in (
        "links/test_faults.py",
        "links/test_tunnels.py::test_the_other_end_moves",
        "links/test_bonds.py::test_what_is_for_life_makes_another_bond",
        "links/test_bonds.py::test_a_primary_made_later_than_its_bond",
        "test_segment_faults.py",
        "qos/test_kill.py",
        "qos/test_faults.py",
        "groups/test_kill.py",
        "tenants/test_kill.py",
        "test_kill_taken_over.py",
        "test_way_out_segments.py",
        "test_firewalls.py",
        "test_nft_canonical.py::test_the_script_makes_the_same",
        "groups/test_change.py::test_a_kill_at_any_step_past_the_commit_loses_no_cut",
        "qos/test_cgroups.py::test_a_kill_anywhere_leaves_all_of_it_or_nothing",
        "links/test_macsec.py::test_a_refusal_after_the_keys_changed_brings_the_former_back",
        "test_road.py::test_any_refusal_ends_in_the_former_or_the_wanted_state",
        "floating/test_outside.py::test_nothing_stays_when_it_is_killed",
    )
)
_BY_THE_CLOCK = ("--deselect=tests/kernel/test_check_qos.py::test_guarantees_of_what_leaves_the_machine",)
"""What the command itself judges by the clock, of which a guest that waits for a processor has too much."""
_ALL = ("tests/kernel", "tests/doors/test_qos_set.py", "tests/doors/test_qos_show.py")
"""All that a guest takes part in; to collect the rest would only cost it time."""
_CLAIMS = "/mnt"
"""In a guest, the folder where tests are claimed."""


class Share:
    """The tests of one kernel: one guest does them, then `help` has another do what it has not come to."""

    def __init__(self, guest: Guest, arguments: Sequence[str], *, is_newest: bool) -> None:
        self.kernel = guest.kernel
        self._claims = guest.work / "claims"
        self._claims.mkdir()
        has = f"--host-has={','.join(sorted(needs.here()))}"
        chosen = ("-p", "tests.guest.chosen", has, *_BY_THE_CLOCK, *(() if is_newest else ("--older", *_LONG)))
        self._asked = ("-p", "tests.guest.claims", f"--claims={_CLAIMS}", *chosen, *(arguments or _ALL))
        self._commands = [self._begin(guest)]

    def _begin(self, guest: Guest, *more: str) -> Command:
        guest.run("mount", "-t", "hostfs", "-o", self._claims, "claims", _CLAIMS)
        return _start(guest, "results", [*self._asked, *more])

    def goes_on(self) -> bool:
        """Whether there still are tests to do."""
        try:
            return not any(command.is_over() for command in self._commands)
        except GuestDied:
            return False

    def help(self, guest: Guest) -> None:
        """Another of the same kernel."""
        self._commands.append(self._begin(guest, "--from-the-end"))

    def await_end(self, until: float) -> Ran:
        return together([await_end(command, until) for command in self._commands])

    def again(self, until: float, failed: Sequence[str]) -> Ran:
        """These tests alone."""
        return again(self._commands[0].guest, until, failed)


def again(guest: Guest, until: float, failed: Sequence[str]) -> Ran:
    return await_end(_start(guest, "alone", failed), until, "alone")


def _start(guest: Guest, results: str, arguments: Sequence[str]) -> Command:
    """`results`: the file in the guest's folder to which outcomes go."""
    (guest.out / results).touch()  # it may hang before there is any
    own = ("-p", "no:cacheprovider", f"--outcomes=/hostout/{results}", "-rfE")
    return guest.start(*PYTEST, *own, *arguments, cwd=ROOT, env=_FEWER)


def await_end(command: Command, until: float, results: str = "results") -> Ran:
    """What the guest's run has come to; its death, and that it was given up, are failures like others."""
    guest = command.guest
    where, file = f"guest {guest.kernel}", guest.out / results
    try:
        while not command.is_over():
            if late := why_late(file, until):
                command.kill()
                told = f"{late}\n{command.told('out', 'err')}"
                return Ran(where=where, status=CUT_SHORT, results=outcomes.read(file), told=told)
            time.sleep(LOOK_S)
        done = command.wait()
    except GuestDied as error:
        return Ran(where=where, status=CUT_SHORT, results=outcomes.read(file), told=str(error))
    return Ran(where=where, status=done.returncode, results=outcomes.read(file), told=done.stdout + done.stderr)


def together(every: Sequence[Ran]) -> Ran:
    """What guests of one kernel have done, each its part of the same tests."""
    return Ran(
        where=every[0].where,
        status=max((ran.status for ran in every if ran.failed), default=every[0].status),
        results={test: told for ran in every for test, told in ran.results.items()},
        told="\n".join(ran.told for ran in every),
    )
