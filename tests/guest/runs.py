"""Tests in guests: begun, awaited, shared by two guests of one kernel, and asked once more.

Kills and refusals, which take longest and are weft's own to survive, scripts, which start a program for each line, and
what starts many programs or sends for minutes, are for the newest kernel only.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import outcomes
from tests.again import Ran
from tests.guest.guest import Command, Guest, GuestDied, GuestTimeout

ROOT = Path(__file__).parents[2]
PYTEST = (sys.executable, "-m", "pytest", "-p", "tests.outcomes", "-p", "tests.costs")
_GUEST_S = 4500
_FEWER = {"WEFT_KERNEL_PAIRS": "20", "WEFT_FAULT_STRIDE": "20"}
"""Random pairs, and kills and refusals, in a guest: starting the programs that dump it takes as long as all else."""
_LONG = tuple(
    f"--deselect=tests/kernel/{path}"
    for path in (
        "links/test_faults.py",
        "test_segment_faults.py",
        "qos/test_kill.py",
        "qos/test_faults.py",
        "groups/test_kill.py",
        "tenants/test_kill.py",
        "test_kill_taken_over.py",
        "test_way_out_segments.py",
        "test_firewalls.py",
        "test_nft_canonical.py::test_the_script_makes_the_same",
    )
)
_BY_THE_CLOCK = ("--deselect=tests/kernel/test_check_qos.py::test_guarantees_of_what_leaves_the_machine",)
"""What the command itself judges by the clock, of which a guest that waits for a processor has too much."""
_ALL = ("tests/kernel", "tests/doors/test_qos_set.py", "tests/doors/test_qos_show.py")
"""All that a guest takes part in; to collect the rest would only cost it time."""
_CLAIMS = "/mnt"
"""In a guest, the folder where tests are claimed."""
_CUT_SHORT = pytest.ExitCode.INTERRUPTED


def begin(guest: Guest, arguments: Sequence[str], claims: Path | None, *more: str) -> Command:
    """`claims`: of the newest kernel, and where its guests share their tests."""
    if claims:
        guest.run("mount", "-t", "hostfs", "-o", claims, "claims", _CLAIMS)
    own = ("-p", "tests.guest.claims", f"--claims={_CLAIMS}") if claims else _LONG
    chosen = ("-p", "tests.guest.chosen", *_BY_THE_CLOCK)
    return _start(guest, "results", [*own, *chosen, *more, *(arguments or _ALL)])


def again(guest: Guest, failed: Sequence[str]) -> Ran:
    """These tests alone."""
    return await_end(_start(guest, "alone", failed), "alone")


def _start(guest: Guest, results: str, arguments: Sequence[str]) -> Command:
    """`results`: the file in the guest's folder to which outcomes go."""
    own = ("-p", "no:cacheprovider", f"--outcomes=/hostout/{results}", "-rfE")
    return guest.start(*PYTEST, *own, *arguments, cwd=ROOT, env=_FEWER)


def goes_on(command: Command) -> bool:
    """Whether a guest still has tests to do."""
    try:
        return not command.is_over()
    except GuestDied:
        return False


def await_end(command: Command, results: str = "results") -> Ran:
    """What the guest's run has come to; its death is a failure like others."""
    guest = command.guest
    where = f"guest {guest.kernel}"
    try:
        done = command.wait(timeout_s=_GUEST_S)
    except (GuestDied, GuestTimeout) as error:
        return Ran(where=where, status=_CUT_SHORT, results=outcomes.read(guest.out / results), told=str(error))
    told = done.stdout + done.stderr
    return Ran(where=where, status=done.returncode, results=outcomes.read(guest.out / results), told=told)


def together(every: Sequence[Ran]) -> Ran:
    """What guests of one kernel have done, each its part of the same tests."""
    return Ran(
        where=every[0].where,
        status=max((ran.status for ran in every if ran.failed), default=every[0].status),
        results={test: told for ran in every for test, told in ran.results.items()},
        told="\n".join(ran.told for ran in every),
    )
