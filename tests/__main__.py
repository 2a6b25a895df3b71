"""Run the tests on every kernel at hand and say what ran where: python -m tests [--host-only] [ARGUMENTS OF PYTEST...]

All of them run on this machine's kernel, a worker for each processor and one more; at the same time those that
tests/guest/chosen.py names run in a guest of each kernel (tests/guest/kernels.py). When the host's are done, a second
guest of the newest kernel does, from the end, what the first has not come to (tests/guest/claims.py). A test that fails
anywhere fails the run. A test that ran on no kernel is listed with the reasons. With CI=true it also fails the run,
unless a guest was asked and had to skip it too; without any guest kernel the guests are listed as NOT RUN: that is no
failure.
"""

from __future__ import annotations

import itertools
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import outcomes
from tests.guest import kernels
from tests.guest.guest import Command, Guest, GuestDied, GuestTimeout
from tests.outcomes import FAILED, PASSED, SKIPPED, Outcome

ROOT = Path(__file__).parents[1]
GUEST_S = 4500
DOWN_S = 60
_PYTEST = (sys.executable, "-m", "pytest", "-p", "tests.outcomes", "-p", "tests.costs")
_WORKERS = ("-n", str(1 + len(os.sched_getaffinity(0))), "--dist", "worksteal")
"""Three fifths of a worker's time go by in waiting: for addresses to settle, for answers, for rates to be measured.
More workers, and rates come out wrong."""
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
_FOR_GUESTS = ("tests/kernel", "tests/doors/test_qos_set.py", "tests/doors/test_qos_show.py")
"""All that a guest takes part in; to collect the rest would only cost it time."""
_CLAIMS = "/mnt"
"""In a guest, the folder where tests are claimed."""
_GOOD = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a kernel made of its tests. `status`: pytest's; `told`: what it printed, unless that was seen already."""

    where: str
    status: int
    results: Mapping[str, Outcome]
    told: str = ""

    @property
    def failed(self) -> bool:
        return self.status not in _GOOD

    def count(self, outcome: str) -> int:
        return Counter(told.outcome for told in self.results.values())[outcome]


def main(arguments: Sequence[str]) -> int:
    """0 when all is well, 1 otherwise, 2 when there was not even a run."""
    host_only = "--host-only" in arguments
    for_pytest = [word for word in arguments if word != "--host-only"]
    try:
        host, guests = run(for_pytest, [] if host_only else kernels.find())
    except KeyboardInterrupt:
        return 130
    for guest in guests:
        if guest.failed:
            print(f"\n{guest.where} failed:\n{guest.told}")
    print("\n" + "\n".join(report(host, guests)))
    forgotten = forgets(host, guests) if os.environ.get("CI") == "true" else []
    for test in forgotten:
        print(f"FAILED {test}: a guest is at hand that was not asked to run it; mark what it needs")
    return int(any(ran.failed for ran in (host, *guests)) or bool(forgotten))


def run(arguments: Sequence[str], found: Sequence[kernels.Kernel]) -> tuple[Ran, list[Ran]]:
    """All kernels at once. Guests first: they go on by themselves while the host's tests are awaited."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weft-tests-")))
        cpus = sorted(os.sched_getaffinity(0), reverse=True)
        claims = folder / "claims"
        claims.mkdir()
        cpus = itertools.cycle(sorted(os.sched_getaffinity(0), reverse=True))

        def boot(kernel: kernels.Kernel) -> Guest:
            return stack.enter_context(Guest(kernel, memory="2G", cpu=next(cpus)))

        booted = [boot(kernel) for kernel in found]
        asked = [start(guest, arguments, claims if guest is booted[-1] else None) for guest in booted]
        host = on_host(arguments, folder / "host")
        if asked and goes_on(asked[-1]):
            asked.append(start(boot(found[-1]), arguments, claims, "--from-the-end"))
        ended = [await_end(command) for command in asked]
        older = max(0, len(found) - 1)
        return host, [*ended[:older], *([together(ended[older:])] if found else [])]


def goes_on(command: Command) -> bool:
    """Whether a guest still has tests to do."""
    try:
        return not command.is_over()
    except GuestDied:
        return False


def on_host(arguments: Sequence[str], results: Path) -> Ran:
    """Its output goes where ours does."""
    words = [*_PYTEST, *_WORKERS, f"--outcomes={results}", *(arguments or ["tests"])]
    process = subprocess.Popen(words, cwd=ROOT, start_new_session=True)
    try:
        status = process.wait()
    except KeyboardInterrupt:
        interrupt(process)
        raise
    return Ran(where=f"host {platform.release()}", status=status, results=outcomes.read(results))


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """^C to it and all it started, once, and time to take down what its tests have built."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(DOWN_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def start(guest: Guest, arguments: Sequence[str], claims: Path | None, *more: str) -> Command:
    """`claims`: of the newest guest, and where it shares its tests. Kills and refusals, which take longest and are
    weft's own to survive, scripts, which start a program for each line, and what starts many programs or sends for
    minutes, are for that one only."""
    if claims:
        guest.run("mount", "-t", "hostfs", "-o", claims, "claims", _CLAIMS)
    own = [
        *_BY_THE_CLOCK,
        *(("-p", "tests.guest.claims", f"--claims={_CLAIMS}") if claims else _LONG),
        "-p",
        "tests.guest.chosen",
        "-p",
        "no:cacheprovider",
        "--outcomes=/hostout/results",
        "-rfE",
        *more,
    ]
    return guest.start(*_PYTEST, *own, *(arguments or _FOR_GUESTS), cwd=ROOT, env=_FEWER)


def await_end(command: Command) -> Ran:
    """What the guest's run has come to; its death is a failure like others."""
    guest = command.guest
    where = f"guest {guest.kernel}"
    try:
        done = command.wait(timeout_s=GUEST_S)
    except (GuestDied, GuestTimeout) as error:
        return Ran(where=where, status=1, results=outcomes.read(guest.out / "results"), told=str(error))
    return Ran(
        where=where,
        status=done.returncode,
        results=outcomes.read(guest.out / "results"),
        told=done.stdout + done.stderr,
    )


def together(every: Sequence[Ran]) -> Ran:
    """What guests of one kernel have done, each its part of the same tests."""
    return Ran(
        where=every[0].where,
        status=next((ran.status for ran in every if ran.failed), every[0].status),
        results={test: told for ran in every for test, told in ran.results.items()},
        told="\n".join(ran.told for ran in every),
    )


def report(host: Ran, guests: Sequence[Ran]) -> list[str]:
    """The table, and what was not run anywhere."""
    lines = [f"{'':24}{'passed':>8}{'failed':>8}{'skipped':>8}"]
    for ran in (host, *guests):
        counts = "".join(f"{ran.count(outcome):8}" for outcome in (PASSED, FAILED, SKIPPED))
        lines.append(f"{ran.where:24}{counts}{'  FAILED' if ran.failed else ''}")
    if not guests:
        lines.append("guests: NOT RUN, there is no guest kernel (`make guest-kernel` builds one)")
    if idle := not_run(host, guests):
        lines.append(f"\nNOT RUN on any kernel: {len(idle)}")
        lines.extend(f"  {test}: {'; '.join(reasons)}" for test, reasons in idle.items())
    return lines


def not_run(host: Ran, guests: Sequence[Ran]) -> dict[str, list[str]]:
    """The tests that every kernel which saw them has skipped, and the reason of each."""
    everywhere = (host, *guests)
    ran = {test for one in everywhere for test, told in one.results.items() if told.outcome != SKIPPED}
    seen = {test: None for one in everywhere for test in one.results if test not in ran}
    return {
        test: [f"{one.where}: {one.results[test].reason}" for one in everywhere if test in one.results] for test in seen
    }


def forgets(host: Ran, guests: Sequence[Ran]) -> list[str]:
    """What ran nowhere though guests were there, of which none had been asked."""
    return [test for test in not_run(host, guests) if guests and all(test not in guest.results for guest in guests)]


def _end(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    raise SystemExit(main(sys.argv[1:]))
