"""Arms the guard: a process that outlives the command, its terminal and its login, and takes a trial back in time.

Rules: armed before the first change, or nothing is changed. The guard is a new program in a session of its own (nothing
of the command's is inherited: no lock, no terminal), or a unit of its own where systemd runs and sees what the command
sees; else a logout that ends the session's processes would end it too. Source: setsid(2), systemd-run(1), sd_notify(3).
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from weft.backends.units import is_systemds
from weft.errors import Refused
from weft.records import dataclass

MODULE = "weft.doors.guard"
READY = b"armed\n"
PATIENCE_S = 20.0
"""How long the guard may take to start: it imports most of weft, perhaps on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the guard is told. `deadline_s`: by `trial.now_s`."""

    scope: str
    deadline_s: float
    run_base: Path
    lib_base: Path

    def argv(self) -> list[str]:
        words = (self.scope, repr(self.deadline_s), str(self.run_base), str(self.lib_base))
        return [sys.executable, "-P", "-m", MODULE, *words]


@dataclass(frozen=True, slots=True)
class Guard:
    """The guards of a service that works in these directories."""

    run_base: Path
    lib_base: Path

    def arm(self, scope: str, deadline_s: float) -> None:
        """Start a guard and wait until it watches. Raises: Refused where it does not."""
        watch = Watch(scope=scope, deadline_s=deadline_s, run_base=self.run_base, lib_base=self.lib_base)
        start = _start_unit if is_systemds() else _start_session
        try:
            start(watch)
        except OSError as failure:
            raise _did_not_start(watch, str(failure)) from failure


def unit_argv(watch: Watch, path: str) -> list[str]:
    """The command that starts the guard as a transient unit and returns when it is ready. `path`: where Python finds
    its modules."""
    properties = ("Type=notify", "NotifyAccess=main", "KillMode=process", f"TimeoutStartSec={PATIENCE_S:.0f}")
    told = (f"--property={text}" for text in properties)
    describes = f"--description=weft: takes {watch.scope} back unless confirmed"
    return ["systemd-run", "--quiet", "--collect", describes, *told, f"--setenv=PYTHONPATH={path}", *watch.argv()]


def _start_unit(watch: Watch) -> None:
    started = subprocess.run(unit_argv(watch, _path()), capture_output=True, text=True, check=False)
    if started.returncode != 0:
        raise _did_not_start(watch, started.stderr)


def _start_session(watch: Watch) -> None:
    guard = subprocess.Popen(
        watch.argv(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": _path()},
    )
    assert guard.stdout is not None and guard.stderr is not None
    with guard.stdout, guard.stderr:
        if _first_line(guard.stdout.fileno()) != READY:
            guard.kill()
            raise _did_not_start(watch, guard.stderr.read().decode(errors="replace"))


def _first_line(fd: int) -> bytes:
    """What is said within the guard's patience, up to a line; less where it ends before."""
    said = b""
    while not said.endswith(b"\n") and select.select([fd], [], [], PATIENCE_S)[0]:
        more = os.read(fd, len(READY))
        if not more:
            break
        said += more
    return said


def _path() -> str:
    """Where this process finds its modules, for another one; no directory of the moment."""
    return os.pathsep.join(entry for entry in sys.path if os.path.isabs(entry))


def _did_not_start(watch: Watch, said: str) -> Refused:
    lines: Sequence[str] = said.strip().splitlines() or ["it said nothing"]
    return Refused(f"the guard of {watch.scope} did not start: {lines[-1]}; nothing was changed")
