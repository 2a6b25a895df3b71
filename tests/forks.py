"""weft's own command line, run in a world without the start of an interpreter: `python -m tests.forks FD`, once.

That process imports what commands may import, makes of that what depends on weft's own text alone, and forks for each
request. The fork is as a fresh
`weft`: its own namespaces, directory, environment and three files, and the words given; it ends as an interpreter ends.
Only what the start costs is left out, so what is about the start itself (tests/doors, `World.start`) starts the real
program. Unlike tests/kernel/faults/command.py, which forks the test's own process to kill it at a point of its choice,
nothing of the test is in it.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from tests import pages
from tests.programs import Asked, text_of
from weft import records

ROOT = Path(__file__).parents[1]
LONGEST = 60_000
"""Bytes of a request and of an input: what a pipe and a packet take at once. Source: pipe(7), socket(7)."""
_LATE = (
    *("difflib", "encodings.utf_8_sig", "pydantic_core", "pydantic_core.core_schema", "shutil", "uuid", "tests.world"),
    *("rich.console", "rich.live", "rich.progress", "rich.table", "rich.text"),
)
"""What weft imports when it first needs it, and what a fork needs to become a command."""
_LOOKED_AT = ("PYTHON", "LC_", "LANG")
"""Variables that an interpreter looks at when it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`namespaces`: paths of those of the network and of mounts; `netns`: the path, in those mounts, of another network
    namespace to go to from there."""

    words: list[str]
    env: Mapping[str, str]
    cwd: str
    namespaces: tuple[str, str]
    netns: str | None


class Forks(Asked):
    """The process that forks, seen from a test's."""

    def __init__(self) -> None:
        super().__init__("-m", "tests.forks", cwd=ROOT)

    def run(self, request: Request, input: str | None, timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Until it has ended and nobody holds its output. Raises: subprocess.TimeoutExpired, once it is killed."""
        with contextlib.ExitStack() as ours:
            out, err, told = (os.pipe() for _ in range(3))
            given = _given(input)
            reads = [ours.enter_context(open(pipe[0], "rb", buffering=0)) for pipe in (out, err, told)]
            theirs = [given, out[1], err[1], told[1]]
            self.ask(asdict(request), theirs)
            for fd in theirs:
                os.close(fd)
            shown, failed, status = _hear([file.fileno() for file in reads], request.words, timeout_s)
        return subprocess.CompletedProcess(
            ["weft", *request.words], int(status.split()[1]), text_of(shown), text_of(failed)
        )


@functools.cache
def forks() -> Forks:
    """One for this process, with which it ends."""
    return Forks()


def is_as_fresh(env: Mapping[str, str] | None, input: str | None) -> bool:
    """Whether a fork would be as a fresh start."""
    return not any(name.startswith(_LOOKED_AT) for name in env or ()) and len((input or "").encode()) < LONGEST


def _given(input: str | None) -> int:
    if input is None:
        return os.dup(0)
    reads, writes = os.pipe()
    os.write(writes, input.encode())
    os.close(writes)
    return reads


def _hear(fds: list[int], words: list[str], timeout_s: float) -> list[bytes]:
    """All that comes by these pipes. The last tells the id of the command's process, then how it ended."""
    heard = dict.fromkeys(fds, b"")
    until = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        for fd in fds:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(until - time.monotonic())
            if not ready and time.monotonic() >= until:
                os.kill(int(heard[fds[-1]].split()[0]), signal.SIGKILL)
                raise subprocess.TimeoutExpired(["weft", *words], timeout_s)
            for key, _ in ready:
                heard[key.fd] += (more := os.read(key.fd, 1 << 16))
                if not more:
                    selector.unregister(key.fd)
    return list(heard.values())


def preload() -> None:
    """Import all that a command may import, so that no fork has to; whoever does that never returns to it."""
    import weft
    from weft.backends.libnftables import _library
    from weft.files import json_schema

    modules = [module.name for module in pkgutil.walk_packages(weft.__path__, "weft.")]
    modules = [name for name in modules if not name.endswith("__main__")]
    for name in (*modules, *_LATE):
        import_module(name)
    _library()
    json_schema.schema()  # what may be in a file, which a command works out as far as it reads
    records.compile_constructors()  # which a command does one by one as it needs them
    gc.collect()
    gc.freeze()
    pages.hold()


def _serve(requests: socket.socket) -> Callable[[], None] | None:
    """Fork for each request. In a fork: what it is to do; else None, when nobody is left to ask."""
    running: dict[int, tuple[int, int]] = {}
    waited = selectors.DefaultSelector()
    waited.register(requests, selectors.EVENT_READ)
    while True:
        for key, _ in waited.select():
            if key.fd != requests.fileno():
                waited.unregister(key.fd)
                _report(key.fd, *running.pop(key.fd))
                continue
            asked, files, _, _ = socket.recv_fds(requests, 1 << 18, 4)
            if not asked:
                return None
            if (pid := os.fork()) == 0:
                return functools.partial(_become, Request(**json.loads(asked)), files[:3])
            os.write(files[3], f"{pid}\n".encode())
            for fd in files[:3]:
                os.close(fd)
            ended = os.pidfd_open(pid)
            running[ended] = pid, files[3]
            waited.register(ended, selectors.EVENT_READ)


def _report(ended: int, pid: int, told: int) -> None:
    _, status = os.waitpid(pid, 0)
    os.close(ended)
    with contextlib.suppress(BrokenPipeError):  # whoever asked may have given up
        os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os.close(told)


def _become(request: Request, files: list[int]) -> None:
    """The rest of a fork's life."""
    pages.make_own()
    from weft.doors.cli.main import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, fd in enumerate(files):
        os.dup2(fd, number)
    _enter(request)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.env)
    Path("/proc/self/comm").write_text("weft")
    sys.argv = ["weft", *request.words]
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    try:
        main(prog_name="weft")
    except SystemExit as ended:
        if isinstance(ended.code, int):
            _end(ended.code)
        raise


def _end(status: int) -> None:
    """As an interpreter does, but for taking down all that was imported, which would first copy what the fork shares:
    that costs five times as much as a short command. Returns when the output cannot be written: let the interpreter
    say so."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status & 0xFF)


def _enter(request: Request) -> None:
    """Both namespaces are opened before the mounts change."""
    from tests.world import enter

    net, mnt = (os.open(path, os.O_RDONLY) for path in request.namespaces)
    enter((net, mnt))
    if request.netns is not None:
        enter((os.open(request.netns, os.O_RDONLY), mnt))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for whoever asks
    preload()
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        command = _serve(asking)
    if command is not None:
        command()
