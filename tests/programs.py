"""Programs started at the least cost, by this thread and so where this thread is: no copy of this process is made, and
no pipe has to be listened to."""

from __future__ import annotations

import os
import select
import signal

LIMIT_S = 120.0
_SHOWN = 4_000


class Failed(AssertionError):
    """One ended with another status than 0, or not at all."""


class Program:
    """One that runs, found in PATH, with a short input."""

    def __init__(self, *words: str, input: str = "") -> None:
        self._words = words
        given = os.memfd_create("in")
        self._out, self._err = os.memfd_create("out"), os.memfd_create("err")
        try:
            os.pwrite(given, input.encode(), 0)
            files = [(os.POSIX_SPAWN_DUP2, file, at) for at, file in enumerate((given, self._out, self._err))]
            self._pid = os.posix_spawnp(words[0], words, os.environ, file_actions=files)
        except BaseException:
            os.close(self._out)
            os.close(self._err)
            raise
        finally:
            os.close(given)

    def told(self, limit_s: float = LIMIT_S) -> str:
        """What it has printed, once it has ended. To be asked for once. Raises: Failed, with what it said to that."""
        status = self._status(limit_s)
        out, err = _taken(self._out), _taken(self._err)
        if status != 0:
            ended = f"status {status}" if status is not None else f"not ended after {limit_s:g} s"
            raise Failed(f"{' '.join(self._words)}: {ended}\n{out[-_SHOWN:]}{err[-_SHOWN:]}")
        return out

    def _status(self, limit_s: float) -> int | None:
        """None where it had to be ended."""
        watched = os.pidfd_open(self._pid)
        try:
            waiting = select.poll()
            waiting.register(watched, select.POLLIN)
            has_ended = bool(waiting.poll(limit_s * 1000))
            if not has_ended:
                signal.pidfd_send_signal(watched, signal.SIGKILL)
        finally:
            os.close(watched)
        _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status) if has_ended else None


def _taken(file: int) -> str:
    with open(file, "rb") as held:
        held.seek(0)
        return held.read().decode()
