"""Labels of namespaces, resolved anew at every use: what a name means may change under us.

Rules: a label is "" (the namespace the process started in), a name under /run/netns, or "pidfile:PATH". Entering is
the calling thread's alone and always ends where it began. Source: namespaces(7), setns(2).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL, EPERM
from pathlib import Path

from weft.errors import NotPermitted
from weft.state import HOST

NETNS_DIRECTORY = Path("/run/netns")
CLONE_NEWNET = 0x40000000
_OWN = "/proc/thread-self/ns/net"

_libc = ctypes.CDLL(None, use_errno=True)


class NoSuchNamespace(LookupError):
    """The label names no namespace that lives."""


class Spaces:
    """The namespaces of one machine as seen by this process; "the host" is where the process is when this is made."""

    def __init__(self, directory: Path = NETNS_DIRECTORY) -> None:
        self._directory = directory
        self._host = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self._host)

    def identity(self, netns: str) -> tuple[int, int] | None:
        """What tells the namespace from every other that lives now; None where the label names nothing."""
        try:
            status = os.fstat(self._host) if netns == HOST else os.stat(self.path(netns))
        except (OSError, ValueError):
            return None
        return status.st_dev, status.st_ino

    def path(self, netns: str) -> str:
        """The file of the namespace. Raises: OSError, ValueError where a pidfile cannot be read."""
        if netns.startswith("pidfile:"):
            return f"/proc/{int(Path(netns.removeprefix('pidfile:')).read_text())}/ns/net"
        return str(self._directory / netns)

    @contextmanager
    def inside(self, netns: str) -> Iterator[None]:
        """The calling thread in the namespace.

        Raises: NoSuchNamespace, NotPermitted.
        """
        back = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._enter(netns)
            try:
                yield
            finally:
                _set_netns(back)
        finally:
            os.close(back)

    def _enter(self, netns: str) -> None:
        if netns == HOST:
            _set_netns(self._host)
            return
        try:
            goal = os.open(self.path(netns), os.O_RDONLY | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            raise NoSuchNamespace(netns) from error
        try:
            _set_netns(goal)
        finally:
            os.close(goal)


def _set_netns(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET):
        errno_ = ctypes.get_errno()
        if errno_ == EPERM:
            raise NotPermitted("entering a network namespace needs root (CAP_SYS_ADMIN)")
        if errno_ == EINVAL:
            # The file that `ip netns add` leaves under a mount that is gone.
            raise NoSuchNamespace(f"file descriptor {fd}")
        raise OSError(errno_, os.strerror(errno_), "setns")
