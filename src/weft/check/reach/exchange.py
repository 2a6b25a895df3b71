"""One loop for all sockets of a run. Source: epoll(7)."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

READABLE, WRITABLE = select.EPOLLIN, select.EPOLLOUT
LARGE_BYTES = 4 << 20
"""Receive buffer of a socket that all others may send to at once."""

_SO_RCVBUFFORCE = 33
"""linux/socket.h"""


class Exchange:
    """Calls a socket's handler when there is something to read, or room to write. A context manager: all sockets it
    knows are closed at its end."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._handlers: dict[int, tuple[socket.socket, Callable[[], None]]] = {}

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        for held, _handler in list(self._handlers.values()):
            held.close()
        self._poll.close()

    def watch(self, held: socket.socket, handler: Callable[[], None], events: int = READABLE) -> None:
        self._handlers[held.fileno()] = held, handler
        self._poll.register(held, events)

    def rest(self, held: socket.socket) -> None:
        """Only errors and the other end's going are told from now on."""
        self._poll.modify(held, 0)

    def close(self, held: socket.socket) -> None:
        """Forget and close one; it may be closed already."""
        if held.fileno() >= 0:
            self._handlers.pop(held.fileno(), None)
            held.close()

    def turn(self, timeout_s: float) -> None:
        """Handle all that is there, or what comes within the time."""
        for fd, _ in self._poll.poll(timeout_s, 1024):
            known = self._handlers.get(fd)
            if known is not None:
                known[1]()


def received(held: socket.socket, size: int) -> Iterator[bytes]:
    """What is waiting, each packet cut to `size` bytes."""
    with suppress(OSError):  # nothing more, or an error that belongs to some earlier packet
        while True:
            yield held.recv(size)


def enlarge(held: socket.socket) -> None:
    with suppress(PermissionError):
        held.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, LARGE_BYTES)


def family_of(number: int) -> socket.AddressFamily:
    return socket.AF_INET6 if number == 6 else socket.AF_INET
