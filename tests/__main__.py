"""Run the tests on every kernel at hand and say what ran where: python -m tests [--host-only] [ARGUMENTS OF PYTEST...]

All of them run on this machine's kernel, a worker for each processor and one more; at the same time those that
tests/guest/chosen.py names run in a guest of each kernel (tests/guest/kernels.py). A test that fails anywhere fails the
run, unless it is one of few and passes alone (tests/again.py). A test that ran on no kernel is listed with the reasons.
With CI=true it also fails the run, unless a guest was asked and had to skip it too; without any guest kernel the guests
are listed as NOT RUN: that is no failure.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests import outcomes
from tests.again import CUT_SHORT, Ran, once_more
from tests.guest import kernels, runs
from tests.guest.guest import Guest
from tests.lateness import LOOK_S, WHOLE_S, why_late
from tests.outcomes import FAILED, PASSED, SKIPPED

ROOT = Path(__file__).parents[1]
DOWN_S = 60
_WORKERS = ("-n", str(1 + len(os.sched_getaffinity(0))), "--dist", "worksteal")
"""Three fifths of a worker's time go by in waiting: for addresses to settle, for answers, for rates to be measured.
More workers, and rates come out wrong."""


def main(arguments: Sequence[str]) -> int:
    """0 when all is well, 1 otherwise, 2 when there was not even a run."""
    host_only = "--host-only" in arguments
    for_pytest = [word for word in arguments if word != "--host-only"]
    try:
        host, guests = run(for_pytest, [] if host_only else kernels.find())
    except KeyboardInterrupt:
        return 130
    for ran in (host, *guests):
        if ran.told and (ran.failed or ran.unsteady):
            print(f"\n{ran.where} failed{' at first' * (not ran.failed)}:\n{ran.told}")
    print("\n" + "\n".join(report(host, guests, [] if host_only else kernels.unfit())))
    forgotten = forgets(host, guests) if os.environ.get("CI") == "true" else []
    for test in forgotten:
        print(f"FAILED {test}: a guest is at hand that was not asked to run it; mark what it needs")
    return int(any(ran.failed for ran in (host, *guests)) or bool(forgotten))


def run(arguments: Sequence[str], found: Sequence[kernels.Kernel]) -> tuple[Ran, list[Ran]]:
    """All kernels at once. Guests first: they go on by themselves while the host's tests are awaited. Then each that
    still has something to do has a second guest for it; what failed comes last, when nothing runs beside it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weft-tests-")))
        until = time.monotonic() + WHOLE_S
        cpus = itertools.cycle(sorted(os.sched_getaffinity(0), reverse=True))

        def boot(kernel: kernels.Kernel) -> Guest:
            return stack.enter_context(Guest(kernel, memory="2G", cpu=next(cpus)))

        shares = [runs.Share(boot(kernel), arguments, is_newest=kernel is found[-1]) for kernel in found]
        host = on_host(arguments, folder / "host", until)
        for share in reversed(shares):  # so that none has both on one processor
            if share.goes_on():
                share.help(boot(share.kernel))
        ended = [share.await_end(until) for share in shares]
        host = once_more(host, lambda failed: on_host(failed, folder / "alone", until, workers=()))
        alone = [partial(share.again, until) for share in shares]
        return host, [once_more(ran, again) for ran, again in zip(ended, alone, strict=True)]


def on_host(arguments: Sequence[str], results: Path, until: float, workers: Sequence[str] = _WORKERS) -> Ran:
    """Its output goes where ours does."""
    results.touch()  # it may hang before there is any
    words = [*runs.PYTEST, *workers, f"--outcomes={results}", *(arguments or ["tests"])]
    process = subprocess.Popen(words, cwd=ROOT, start_new_session=True)
    late = ""
    try:
        while not late and _runs_on(process):
            late = why_late(results, until)
    finally:
        if process.poll() is None:
            interrupt(process)
    status = CUT_SHORT if late else process.returncode
    return Ran(where=f"host {platform.release()}", status=status, results=outcomes.read(results), told=late)


def _runs_on(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(LOOK_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """^C to it and all it started, once, and time to take down what its tests have built."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(DOWN_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def report(host: Ran, guests: Sequence[Ran], unfit: Sequence[str] = ()) -> list[str]:
    """The table, and what was not run anywhere. `unfit`: versions of kernels that cannot run here."""
    lines = [f"{'':24}{'passed':>8}{'failed':>8}{'skipped':>8}"]
    for ran in (host, *guests):
        counts = "".join(f"{ran.count(outcome):8}" for outcome in (PASSED, FAILED, SKIPPED))
        lines.append(f"{ran.where:24}{counts}{'  FAILED' if ran.failed else ''}")
    for ran in (host, *guests):
        lines.extend(f"CUT SHORT on {ran.where}, in: {test}" for test in ran.cut_short_in)
    for version in unfit:
        lines.append(f"guest {version}: NOT RUN, that kernel has no room for the registers of this processor (AMX)")
    if not guests and not unfit:
        lines.append("guests: NOT RUN, there is no guest kernel (`make guest-kernel` builds one)")
    for ran in (host, *guests):
        lines.extend(f"UNSTEADY on {ran.where}, failed beside others, passed alone: {test}" for test in ran.unsteady)
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
    """What ran nowhere though guests were there, of which none had been asked; none, if one was cut short."""
    asked = bool(guests) and all(guest.status != CUT_SHORT for guest in guests)
    return [test for test in not_run(host, guests) if asked and all(test not in guest.results for guest in guests)]


def _end(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    raise SystemExit(main(sys.argv[1:]))
