"""Every system call by which weft changes links, addresses, routes and namespaces, or tells others of it, one function
each.

Rules: called as `doors.send(...)`, so that a test may put a function of its own in its place and count, refuse or kill
at any of them. Nothing here decides anything. Source: netlink(7), unshare(2), setns(2), mount(2), umount2(2), ioctl(2).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket

CLONE_NEWNET = 0x40000000
MS_BIND, MS_REC, MS_SHARED = 0x1000, 0x4000, 1 << 20
_MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def send(connection: socket.socket, data: bytes | bytearray) -> None:
    """A batch of changes. The kernel has done all of it, or refused parts of it, when this returns."""
    connection.send(data)


def ask(connection: socket.socket, data: bytes | bytearray) -> None:
    """A batch of questions; changes nothing."""
    connection.send(data)


def tell(connection: socket.socket, packet: bytes) -> None:
    """A packet to whoever hears it outside."""
    connection.send(packet)


def ioctl(fd: int, request: int, argument: bytes | int) -> None:
    fcntl.ioctl(fd, request, argument)


def open_tun() -> int:
    """A new, still nameless tap or tun of the calling thread's namespace."""
    return os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)


def unshare_network() -> None:
    """Give the calling thread a new network namespace."""
    _system(_libc.unshare(CLONE_NEWNET), "unshare")


def enter(netns_fd: int) -> None:
    """Move the calling thread into a network namespace."""
    _system(_libc.setns(netns_fd, CLONE_NEWNET), "setns")


def mount(source: str, target: str, flags: int) -> None:
    _system(_libc.mount(source.encode(), target.encode(), b"none", ctypes.c_ulong(flags), None), target)


def unmount(target: str) -> None:
    """Detach it at once, whoever still uses it."""
    _system(_libc.umount2(target.encode(), _MNT_DETACH), target)


def create(path: str) -> None:
    """An empty file to mount on. Raises: FileExistsError."""
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))


def unlink(path: str) -> None:
    os.unlink(path)


def give(path: str, user: int | None, group: int | None, permissions: int | None) -> None:
    """Change to whom a file belongs; None leaves what is there."""
    if user is not None or group is not None:
        os.chown(path, -1 if user is None else user, -1 if group is None else group)
    if permissions is not None:
        os.chmod(path, permissions)


def make_directory(path: str) -> None:
    os.makedirs(path, 0o755, exist_ok=True)


def _system(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
