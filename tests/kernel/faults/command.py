"""weft's own command line, run in a world by a fork of the test process: no interpreter starts, nothing is imported.

What runs is `weft.doors.cli.main.main` with the words given, as root of the world, with its own stdout and stderr. It
may be killed; the points it came to are known also then.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tests import pages
from tests.forks import preload as preload
from tests.kernel.faults.points import Act, count, install
from tests.world import World
from weft.doors.cli.main import COMMANDS, main


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended. `status`: its exit code, or the negative number of the signal that ended it. `points`: those
    that it came to, as text."""

    words: tuple[str, ...]
    status: int
    out: str
    err: str
    points: tuple[str, ...]

    def __str__(self) -> str:
        last = self.points[-1] if self.points else "no point"
        told = "".join(self.out.splitlines(keepends=True)[-3:]) + self.err
        return f"weft {' '.join(self.words)}: status {self.status}, last at {last}\n{told}"


class Started:
    """A command under way."""

    def __init__(self, world: World, words: tuple[str, ...], act: Act, before: Callable[[], None]) -> None:
        self._words = words
        self._files = [os.memfd_create(name) for name in ("out", "err", "points")]
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become(world, words, act, before, *self._files)

    def wait(self) -> Ran:
        _, status = os.waitpid(self.pid, 0)
        out, err, points = map(_read_and_close, self._files)
        return Ran(
            words=self._words,
            status=os.waitstatus_to_exitcode(status),
            out=out,
            err=err,
            points=tuple(points.splitlines()),
        )


def start(world: World, *words: str | Path, act: Act = count, before: Callable[[], None] = lambda: None) -> Started:
    """`before` is called in the command's process, in the world, when all is ready."""
    return Started(world, tuple(map(str, words)), act, before)


def weft_in(world: World, *words: str | Path, act: Act | None = None, before: Callable[[], None] | None = None) -> Ran:
    """Run a command to its end: with an `act` or a `before` by a fork of this process; without, plainly, which costs
    less and tells no points."""
    if act is None and before is None:
        done = world.run("weft", *words, check=False)
        return Ran(words=tuple(map(str, words)), status=done.returncode, out=done.stdout, err=done.stderr, points=())
    return start(world, *words, act=act or count, before=before or (lambda: None)).wait()


assert set(COMMANDS) >= {"apply", "destroy", "recover", "status"}


def _become(
    world: World, words: tuple[str, ...], act: Act, before: Callable[[], None], out: int, err: int, log: int
) -> NoReturn:
    """The rest of the forked process's life."""
    status = 1
    try:
        pages.make_own()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        with world.inside():
            _redirect(out, err)
            install(act, log)
            before()
            status = _run(words)
    except BaseException:
        os.write(err, traceback.format_exc().encode())
    finally:
        os._exit(status)


def _redirect(out: int, err: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, out, err)):
        os.dup2(file, number)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115


def _run(words: tuple[str, ...]) -> int:
    try:
        main(list(words))
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _read_and_close(fd: int) -> str:
    with open(fd, "rb") as file:
        file.seek(0)
        return file.read().decode(errors="replace")
