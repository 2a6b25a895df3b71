"""Network namespaces: what a label means now, entering, making and deleting them as iproute2 does.

Rules: a label is "" (the namespace this was made in), a name under /run/netns, or "pidfile:PATH"; what it means may
change under us, so it is resolved anew at every use. Entering concerns the calling thread alone and always ends where
it began. A new namespace is marked before it gets its name, so that a kill never leaves an unmarked one.
Source: namespaces(7), ip-netns(8), socket(7) (SO_NETNS_COOKIE).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import EEXIST, EINVAL, ENOENT, EPERM
from pathlib import Path

from weft.errors import NotPermitted
from weft.netlink import doors
from weft.netlink.connection import cookie_of
from weft.state import HOST

RUN_NETNS = "/run/netns"
_PIDFILE = "pidfile:"
_OWN = "/proc/thread-self/ns/net"


class Namespaces:
    """The namespaces of one machine as this process sees them; the host is where the process is when this is made."""

    def __init__(self, directory: str = RUN_NETNS) -> None:
        self._directory = directory
        self._host = open_file(_OWN)
        self._kind = os.fstat(self._host).st_dev

    def close(self) -> None:
        os.close(self._host)

    def path(self, netns: str) -> str:
        """The file of a namespace other than the host's. Raises: OSError, ValueError for a pidfile that has no pid."""
        if netns.startswith(_PIDFILE):
            return f"/proc/{int(Path(netns.removeprefix(_PIDFILE)).read_text())}/ns/net"
        return f"{self._directory}/{netns}"

    def identity(self, netns: str) -> tuple[int, int] | None:
        """What tells the namespace from every other that lives now; None where the label names none."""
        try:
            found = identity_of(self._host if netns == HOST else self.path(netns))
        except (OSError, ValueError):
            return None
        return found if found[0] == self._kind else None

    def open(self, netns: str) -> int:
        """A new file descriptor. Raises: OSError, ValueError where there is no such namespace."""
        return os.dup(self._host) if netns == HOST else open_file(self.path(netns))

    def names(self) -> list[str]:
        """All named namespaces, sorted; files without a namespace are left out."""
        with suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self._directory) if self.identity(name))
        return []

    def make(self, name: str, mark: Callable[[], None]) -> None:
        """A namespace with a name; `mark` is called inside it before it gets the name.

        Raises: FileExistsError, NotPermitted, OSError.
        """
        path = f"{self._directory}/{name}"
        if self.identity(name):
            raise FileExistsError(EEXIST, os.strerror(EEXIST), path)
        self._share_directory()
        with _away():
            with _permitted("making a network namespace"):
                doors.unshare_network()
            mark()
            if not self.is_unfinished(name):
                doors.create(path)
            doors.mount(_OWN, path, doors.MS_BIND)

    def is_unfinished(self, name: str) -> bool:
        """Whether the name is a file with no namespace on it: what a kill leaves between two steps of `make`."""
        return os.path.isfile(f"{self._directory}/{name}") and not self.identity(name)

    def delete(self, name: str) -> None:
        """Take the name away; the namespace itself goes when nothing uses it. Already gone is fine."""
        path = f"{self._directory}/{name}"
        try:
            doors.unmount(path)
        except OSError as failure:
            if failure.errno not in (EINVAL, ENOENT):  # no mount point, no file
                raise
        with suppress(FileNotFoundError):
            doors.unlink(path)

    def _share_directory(self) -> None:
        """Make /run/netns a shared mount, so that names made here are seen in other mount namespaces.

        Source: iproute2 ip/ipnetns.c create_netns_dir.
        """
        doors.make_directory(self._directory)
        try:
            doors.mount("", self._directory, doors.MS_SHARED | doors.MS_REC)
        except OSError as failure:
            if failure.errno == EPERM:
                raise NotPermitted("making a named network namespace needs root (CAP_SYS_ADMIN)") from failure
            if failure.errno != EINVAL:  # EINVAL: not a mount point yet
                raise
            doors.mount(self._directory, self._directory, doors.MS_BIND | doors.MS_REC)
            doors.mount("", self._directory, doors.MS_SHARED | doors.MS_REC)


def identity_of(file: str | int) -> tuple[int, int]:
    status = os.stat(file)
    return status.st_dev, status.st_ino


def open_file(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def cookie() -> int:
    """The number of the calling thread's namespace, never used again until the kernel restarts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        return cookie_of(probe)


def nameless() -> int:
    """A new namespace that has no name, open: it ends, with all that is in it, when nobody has it open any more.

    Raises: NotPermitted, OSError.
    """
    with _away():
        with _permitted("making a network namespace"):
            doors.unshare_network()
        return open_file(_OWN)


@contextmanager
def entered(fd: int) -> Iterator[None]:
    """The calling thread in the namespace open as `fd`. Raises: NotPermitted, OSError."""
    with _away():
        with _permitted("entering a network namespace"):
            doors.enter(fd)
        yield


@contextmanager
def _away() -> Iterator[None]:
    """Back in the former namespace afterwards, whatever happens."""
    home = open_file(_OWN)
    try:
        yield
    finally:
        try:
            doors.enter(home)
        finally:
            os.close(home)


@contextmanager
def _permitted(what: str) -> Iterator[None]:
    try:
        yield
    except PermissionError as failure:
        raise NotPermitted(f"{what} needs root (CAP_SYS_ADMIN)") from failure
