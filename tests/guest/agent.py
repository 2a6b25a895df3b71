"""Runs commands inside a guest, as its first process. Started by init.sh alone, with nothing but the standard library.

The console, a tty on a socket, carries one line a message. Host to guest: `run N`, `kill N`, `off`; guest to host:
`ready`, `done N STATUS` (negative: the signal that ended it). What is long goes by files on the host, in `WORK`:
N.json says what to run, N.in, N.out and N.err are its standard input, output and error. A console that hangs up means
that nobody wants the guest any more: it goes off.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import tty
from pathlib import Path

CONSOLE = "/dev/tty1"
WORK = Path("/run/guest")
NOT_STARTED = 127
FILES = 20_000
"""That a process may have open, instead of the 1024 that a kernel gives: tests keep many (tests/sysctls.py)."""
_POWER_OFF = 0x4321FEDC  # linux/reboot.h


class Agent:
    """Commands by their number, from `run` to `done`."""

    def __init__(self, console: int) -> None:
        self._console = console
        self._running: dict[int, tuple[int, subprocess.Popen[bytes]]] = {}

    def serve(self, children: int) -> None:
        """Until `off` or the console hangs up. `children`: readable when one has ended."""
        self._say("ready")
        text = b""
        while True:
            readable, _, _ = select.select([self._console, children], [], [])
            if children in readable:
                os.read(children, 4096)
                self._reap()
            if self._console in readable:
                heard = _hear(self._console)
                *lines, text = (text + heard).split(b"\n")
                if not heard or b"off" in lines:
                    return
                for line in lines:
                    self._obey(line.decode())

    def _obey(self, line: str) -> None:
        word, number = line.split()
        if word == "run":
            self._run(int(number))
        else:
            self._kill(int(number))

    def _run(self, number: int) -> None:
        command = json.loads((WORK / f"{number}.json").read_text())
        with (
            open(WORK / f"{number}.in", "rb") as given,
            open(WORK / f"{number}.out", "wb") as out,
            open(WORK / f"{number}.err", "wb") as err,
        ):
            try:
                started = subprocess.Popen(
                    command["argv"],
                    stdin=given,
                    stdout=out,
                    stderr=err,
                    cwd=command["cwd"],
                    env=command["env"],
                    start_new_session=True,
                )
            except OSError as error:
                err.write(f"{error}\n".encode())
            else:
                self._running[started.pid] = number, started
                return
        self._done(number, NOT_STARTED)

    def _kill(self, number: int) -> None:
        for pid, (running, _) in self._running.items():
            if running == number:
                os.killpg(pid, signal.SIGKILL)

    def _reap(self) -> None:
        """End what has ended: commands, and orphans, which come to the first process."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._running:
                number, process = self._running.pop(pid)
                process.returncode = os.waitstatus_to_exitcode(status)
                self._done(number, process.returncode)

    def _done(self, number: int, status: int) -> None:
        os.sync()  # what was written to the host arrives there before the word that it is written
        self._say(f"done {number} {status}")

    def _say(self, line: str) -> None:
        os.write(self._console, f"{line}\n".encode())


def _hear(console: int) -> bytes:
    try:
        return os.read(console, 4096)
    except OSError:  # EIO: hung up
        return b""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    console = os.open(CONSOLE, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(console)
    children, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        Agent(console).serve(children)
    finally:
        os.sync()
        ctypes.CDLL(None).reboot(_POWER_OFF)


if __name__ == "__main__":
    main()
