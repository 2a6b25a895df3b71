"""Programs started at the least cost, in namespaces of choice, by a small process (tests/starter.py). No copy of this
one is made, and no pipe of theirs has to be listened to."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LIMIT_S = 120.0
_SHOWN = 4_000
HERE = ("/proc/thread-self/ns/net", "/proc/thread-self/ns/mnt")
"""Where the thread that asks is."""
_STARTER = Path(__file__).with_name("starter.py")


class Failed(AssertionError):
    """One ended with another status than 0, or not at all."""


class Asked:
    """Another process of this interpreter: it does what it is asked by a socket, its last word, and ends with this."""

    def __init__(self, *words: str, **popen: Any) -> None:
        self._requests, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            command = [sys.executable, *words, str(far.fileno())]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[far.fileno()], **popen)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: Mapping[str, object], fds: list[int]) -> None:
        socket.send_fds(self._requests, [json.dumps(request).encode()], fds)


@functools.cache
def starter() -> Asked:
    """What starts programs for this process. To be asked for first where this process is at home: it stays there."""
    return Asked("-I", str(_STARTER), start_new_session=True)


class Program:
    """One that runs, found in the PATH of `env`, which is this process's if none is given.

    `stdin`: a file to read instead of `input`; `there`: paths of the namespaces of the network and of mounts; `anew`:
    it has such of its own, made from those. Raises: OSError where it cannot be started.
    """

    def __init__(
        self,
        *words: str,
        input: str = "",
        stdin: int | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        there: tuple[str, str] = HERE,
        anew: bool = False,
    ) -> None:
        self._words = words
        self._heard = b""
        asked = {"words": words, "env": dict(env or os.environ), "cwd": str(cwd or Path.cwd()), "anew": anew}
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as failing:

            def opened(fd: int, stack: contextlib.ExitStack = ours) -> int:
                stack.callback(os.close, fd)
                return fd

            namespaces = [opened(os.open(path, os.O_RDONLY)) for path in there]
            given = opened(_file_of(input)) if stdin is None else stdin
            self._told, tell = os.pipe()
            opened(tell)
            opened(self._told, failing)
            self._out, self._err = (opened(os.memfd_create(name), failing) for name in ("out", "err"))
            starter().ask(asked, [given, self._out, self._err, tell, *namespaces])
            self._begin()
            failing.pop_all()

    def _begin(self) -> None:
        pid, *error = self._line(LIMIT_S).split()
        if error:
            raise OSError(int(error[0]), os.strerror(int(error[0])), self._words[0])
        self.pid = int(pid)

    def _line(self, limit_s: float) -> str:
        """What the starter says next; empty when it says nothing for so long."""
        until = time.monotonic() + limit_s
        waiting = select.poll()
        waiting.register(self._told, select.POLLIN)
        while b"\n" not in self._heard:
            if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
                return ""
            if not (heard := os.read(self._told, 64)):
                raise Failed(f"{' '.join(self._words)}: the starter is gone")
            self._heard += heard
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode()

    def end(self, limit_s: float = LIMIT_S) -> tuple[int | None, str, str]:
        """Its status, None where it had to be killed, and what it has printed. To be asked for once."""
        try:
            if not (said := self._line(limit_s)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
                self._line(LIMIT_S)
            return int(said) if said else None, _all(self._out), _all(self._err)
        finally:
            for fd in (self._out, self._err, self._told):
                os.close(fd)

    def told(self, limit_s: float = LIMIT_S) -> str:
        """What it has printed, once it has ended. To be asked for once. Raises: Failed, with what it said to that."""
        status, out, err = self.end(limit_s)
        if status != 0:
            ended = f"status {status}" if status is not None else f"not ended after {limit_s:g} s"
            raise Failed(f"{' '.join(self._words)}: {ended}\n{out[-_SHOWN:]}{err[-_SHOWN:]}")
        return out


def _all(file: int) -> str:
    return text_of(os.pread(file, os.fstat(file).st_size, 0))


def _file_of(input: str) -> int:
    file = os.memfd_create("in")
    os.pwrite(file, input.encode(), 0)
    return file


def text_of(told: bytes) -> str:
    """With ends of lines as subprocess has them."""
    return told.decode().replace("\r\n", "\n").replace("\r", "\n")
