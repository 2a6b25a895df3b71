"""Locks between weft processes: one per scope, one for host objects.

Rules: taken in sorted order, so that no two processes wait for each other; the kernel lets go when a process dies.
The file's content says who holds it, for the message alone. A file that its holder has removed is nobody's lock.
Source: flock(2).
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from weft.errors import Locked
from weft.records import dataclass
from weft.store import durable

LOCKS = "locks"
"""Their folder in /run/weft/HOST."""

HOST_LOCK = "host"
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """`since`: seconds since the epoch."""

    pid: int
    command: str
    since: float

    def __str__(self) -> str:
        return f"`{self.command}` (pid {self.pid}) since {time.strftime('%H:%M:%S', time.localtime(self.since))}"


@contextmanager
def hold(directory: Path, names: Iterable[str], *, command: str, wait_s: float = 0.0) -> Iterator[None]:
    """All the named locks, or none.

    Raises: Locked naming the holder when `wait_s` is over, DiskFailed, NotPermitted.
    """
    deadline = time.monotonic() + wait_s
    with ExitStack() as held:
        for name in sorted(set(names)):
            held.enter_context(_hold_one(directory, name, command, deadline))
        yield


@contextmanager
def hold_for(
    directory: Path, name: str, is_of_use: Callable[[], bool], *, command: str, wait_s: float = 0.0
) -> Iterator[None]:
    """One lock, of which nothing is left where it `is_of_use` no more in the end; who waits for it takes a new one.
    Raises: as `hold`."""
    with hold(directory, [name], command=command, wait_s=wait_s):
        try:
            yield
        finally:
            if not is_of_use():
                (directory / name).unlink(missing_ok=True)


def holder(directory: Path, name: str) -> Holder | None:
    """Who took the lock last; None where nobody says so."""
    try:
        said = json.loads((directory / name).read_text())
        return Holder(pid=said["pid"], command=said["command"], since=said["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _hold_one(directory: Path, name: str, command: str, deadline: float) -> Iterator[None]:
    fd = _taken(directory, name, deadline)
    try:
        said = {"pid": os.getpid(), "command": command, "since": time.time()}
        # A full /run must not stop a recovery: who holds the lock is for the message alone.
        with suppress(OSError):
            os.ftruncate(fd, 0)
            os.pwrite(fd, json.dumps(said).encode(), 0)
        yield
    finally:
        os.close(fd)


def _taken(directory: Path, name: str, deadline: float) -> int:
    """An open file that is locked, and the lock of that name. Raises: Locked, DiskFailed, NotPermitted."""
    while True:
        fd = durable.opened(directory / name)
        try:
            _take(fd, directory, name, deadline)
            if _is_file(fd, directory / name):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _is_file(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _take(fd: int, directory: Path, name: str, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                who = holder(directory, name)
                raise Locked(f"{name} is in use by {who or 'another weft'}; wait for it or try again") from None
        time.sleep(_POLL_S)
