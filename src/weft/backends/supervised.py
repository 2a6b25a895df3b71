"""Programs kept by weft's own supervisor (doors/supervise/supervisor.py), where no systemd is.

Rules: the supervisor is asked by a socket that only root reaches, and started when nobody answers; which process it is
the file of its lock says. Two that start one get one, for it holds a lock. Every request that changes anything goes
through `ask` and `start_supervisor`, so that tests can fail or kill there. Source: unix(7), proc(5),
pid_namespaces(7).
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from weft.backends.process_files import PID, SEARCH_PATH, ProcessFiles
from weft.errors import ProgramFailed
from weft.netlink.processes import Hold, started_at

SOCKET = "supervisor"
LOCKS, LOCK = "locks", "supervise"
START = "from weft.doors.supervise.supervisor import started; started()"
PATIENCE_S = 20.0
"""How long an answer may take: longer than the supervisor gives a program to be ready or to end."""
_PAUSE_S = 0.02


def ask(directory: Path, words: str) -> str | None:
    """The supervisor's answer, "" for well; None where nobody answers. Raises: OSError, TimeoutError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as connection:
        connection.settimeout(PATIENCE_S)
        try:
            connection.connect(str(directory / SOCKET))
            connection.send(words.encode())
            told = connection.recv(4096)
        except (FileNotFoundError, ConnectionError):
            return None
    return None if not told else "" if told == b"ok" else told.decode(errors="replace")


def last_supervisor(directory: Path) -> int | None:
    """The process of the last one that was started, None where it has ended: also while it answers no more but has yet
    to end."""
    with suppress(FileNotFoundError):
        words = (directory.parent / LOCKS / LOCK).read_text().split()
        if len(words) == 2 and started_at(int(words[0])) == words[1]:
            return int(words[0])
    return None


def start_supervisor(directory: Path) -> bool:
    """Start one and wait until it serves, or has found that there is one; whether it serves, and so has just started
    all that is to run. Raises: OSError, ProgramFailed."""
    locks = directory.parent / LOCKS
    locks.mkdir(mode=0o700, exist_ok=True)
    started = subprocess.Popen(
        [sys.executable, "-S", "-P", "-c", START, str(directory), str(locks)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
        env={"PATH": SEARCH_PATH, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert started.stdout is not None and started.stderr is not None
    with started.stdout, started.stderr:
        if not select.select([started.stdout], [], [], PATIENCE_S)[0]:
            raise ProgramFailed("the supervisor of programs did not start")
        serves = bool(os.read(started.stdout.fileno(), 64))
        if started.wait() != 0:
            said = started.stderr.read().decode(errors="replace").strip().splitlines()
            raise ProgramFailed(f"the supervisor of programs did not start: {said[-1] if said else 'it said nothing'}")
    return serves


class Supervised:
    """The keeper of the programs that `files` tell."""

    def __init__(self, files: ProcessFiles) -> None:
        self._files = files

    def pid(self, stem: str) -> int | None:
        """The program's process: its number was put down before it became the program, with the time of its start."""
        words = (self._files.text(stem, PID) or "").split()
        if len(words) != 2 or not words[0].isdigit() or started_at(int(words[0])) != words[1]:
            return None
        return int(words[0])

    def start(self, stem: str, *, anew: bool) -> None:
        """See that it runs as is said; `anew`: also where it does. Raises: ProgramFailed with its last words."""
        word, until = "restart" if anew else "start", time.monotonic() + PATIENCE_S
        while (told := ask(self._files.directory, f"{word} {stem}")) is None:
            if time.monotonic() > until:
                raise ProgramFailed("the supervisor of programs does not answer")
            if start_supervisor(self._files.directory):
                word = "start"
            else:  # another one, which is about to serve, or to end
                time.sleep(_PAUSE_S)
        if told:
            raise ProgramFailed(f"{stem} {told}")

    def stop(self, stem: str) -> None:
        """Have it ended when this returns; without a supervisor nothing runs."""
        ask(self._files.directory, f"stop {stem}")

    def leave(self) -> None:
        """The supervisor ends if there is nothing to keep, and has ended then: also one that has gone by itself, which
        answers no more before it ends."""
        pid = last_supervisor(self._files.directory)
        if pid is None:
            return
        with suppress(ProcessLookupError), Hold(pid) as supervisor:
            ask(self._files.directory, "leave")
            if not self._files.stems():
                supervisor.ended(within_s=PATIENCE_S)
