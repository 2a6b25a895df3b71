"""One netlink socket: dumps that are complete, questions and changes in batches.

Rules: a connection is used by one thread at a time. A dump that the kernel calls interrupted, or that overran the
buffer, is taken again a bounded number of times. Only the last message of a batch asks for an acknowledgement: errors
come unasked, and each is matched to its message by sequence number. Source: netlink(7).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from errno import EAGAIN, EBUSY, ENOBUFS
from itertools import pairwise
from sys import byteorder
from typing import NamedTuple, TypeVar

from weft.errors import DumpInterrupted, ReceiveOverrun, WeftError
from weft.netlink import doors
from weft.netlink.descriptors import out_of_the_way
from weft.wire.codec import (
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_OVERRUN,
    message,
    messages,
    stamped,
)
from weft.wire.reply import Reply, read_done, read_reply

NETLINK_ROUTE, NETLINK_GENERIC = 0, 16
_SOL_NETLINK = 270
_CAP_ACK, _EXT_ACK, _GET_STRICT_CHK = 10, 11, 12
_SO_RCVBUFFORCE = 33
_SO_NETNS_COOKIE = 71

RECEIVE_BUFFER_BYTES = 8 << 20
RECEIVE_BYTES = 1 << 16
"""More than the kernel puts into one datagram of a dump (32 KiB)."""

BATCH_BYTES = 96 << 10
"""Well below the default of net.core.wmem_default, above which the kernel refuses to take a send."""
BATCH_QUESTIONS = 256
"""So many answers (some 4 KiB each as the socket counts) are far from overrunning the receive buffer."""

TRIES = 8

Item = TypeVar("Item")
Take = Callable[[bytes, int, int], Item]
"""Reads the message whose payload is between two offsets of a buffer."""


class Failure(NamedTuple):
    """`at`: which message of the batch the kernel refused."""

    at: int
    reply: Reply


class QuestionRefused(WeftError):
    """The kernel did not answer. `reply` says why."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(f"errno {reply.errno_} {reply.text}".strip())


class Connection:
    """Opened in the namespace that the calling thread is in, and stays with it."""

    def __init__(self, protocol: int = NETLINK_ROUTE) -> None:
        self._socket = open_socket(protocol)
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def netns_cookie(self) -> int:
        """The number of the connection's namespace, never used again until the kernel restarts."""
        return cookie_of(self._socket)

    def dump(self, question: tuple[int, bytes], take: Take[Item | None]) -> list[Item]:
        """What `take` makes of every message of a dump, without the Nones.

        Raises: DumpInterrupted, ReceiveOverrun (after `TRIES`), QuestionRefused.
        """
        for attempt in range(TRIES):
            try:
                return self._dump_once(question, take)
            except (DumpInterrupted, ReceiveOverrun):
                self._drain()
                if attempt == TRIES - 1:
                    raise
            except QuestionRefused as refused:  # EBUSY: a dump that somebody gave up is still running here
                self._drain()
                if refused.reply.errno_ != EBUSY or attempt == TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def _dump_once(self, question: tuple[int, bytes], take: Take[Item | None]) -> list[Item]:
        kind, body = question
        sequence = self._number(1)
        doors.ask(self._socket, stamped([message(kind, NLM_F_DUMP, body)], sequence, acknowledge=False))
        items: list[Item] = []
        interrupted = 0
        while True:
            buffer = self._receive()
            for found, flags, number, at, end in messages(buffer):
                if number != sequence:
                    continue
                interrupted |= flags & NLM_F_DUMP_INTR
                if found >= 16:
                    item = take(buffer, at, end)
                    if item is not None:
                        items.append(item)
                elif _ends(found, flags, buffer, at, end):
                    if interrupted:
                        raise DumpInterrupted("the kernel's tables changed while they were listed")
                    return items

    def ask(self, questions: Sequence[bytes], take: Take[Item]) -> list[Item | Reply]:
        """One answer for each question: what `take` makes of it, or the kernel's refusal.

        Raises: ReceiveOverrun.
        """
        answers: list[Item | Reply] = []
        for start in range(0, len(questions), BATCH_QUESTIONS):
            batch = questions[start : start + BATCH_QUESTIONS]
            found: dict[int, Item | Reply] = {}
            for number, kind, flags, buffer, at, end in self._exchange(batch, doors.ask):
                if kind >= 16:
                    found[number] = take(buffer, at, end)
                elif (reply := read_reply(buffer, at, end, flags)).errno_:
                    found[number] = reply
            answers += [found.get(number, Reply(EAGAIN)) for number in range(len(batch))]
        return answers

    def change(self, requests: Sequence[bytes]) -> list[Failure]:
        """Have the kernel do all requests, in order, and return what it refused.

        A refusal does not keep it from trying the rest. Raises: ReceiveOverrun.
        """
        failures: list[Failure] = []
        for start, stop in _batches(requests):
            for number, kind, flags, buffer, at, end in self._exchange(requests[start:stop], doors.send):
                if kind == NLMSG_ERROR and (reply := read_reply(buffer, at, end, flags)).errno_:
                    failures.append(Failure(start + number, reply))
        return failures

    def _exchange(
        self, batch: Sequence[bytes], send: Callable[[socket.socket, bytearray], None]
    ) -> Iterator[tuple[int, int, int, bytes, int, int]]:
        """Send a batch; yield (which of it, type, flags, buffer, start, end) of all that comes back up to the
        acknowledgement of its last."""
        first = self._number(len(batch))
        send(self._socket, stamped(batch, first))
        while True:
            buffer = self._receive()
            for kind, flags, number, at, end in messages(buffer):
                if not first <= number < first + len(batch):
                    continue
                yield number - first, kind, flags, buffer, at, end
                if kind == NLMSG_ERROR and number == first + len(batch) - 1:
                    return

    def _number(self, count: int) -> int:
        first = self._sequence + 1
        if first + count >= 1 << 32:
            first = 1
        self._sequence = first + count - 1
        return first

    def _receive(self) -> bytes:
        return receive(self._socket)

    def _drain(self) -> None:
        """Read to its end whatever a given-up dump still has to say."""
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                with contextlib.suppress(ReceiveOverrun):
                    self._receive()
        self._socket.setblocking(True)


def cookie_of(opened: socket.socket) -> int:
    """The number of the namespace that a socket of any family was opened in."""
    return int.from_bytes(opened.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8), byteorder)


def open_socket(protocol: int = NETLINK_ROUTE) -> socket.socket:
    """A netlink socket in the calling thread's namespace, with the kernel's words on errors and strict questions."""
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    connection = socket.socket(fileno=out_of_the_way(opened.detach()))
    try:
        connection.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except PermissionError:  # reading needs no rights; the default buffer serves, and an overrun is noticed
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    for option in (_CAP_ACK, _EXT_ACK, _GET_STRICT_CHK):
        connection.setsockopt(_SOL_NETLINK, option, 1)
    connection.bind((0, 0))
    return connection


def receive(connection: socket.socket) -> bytes:
    """One datagram. Raises: ReceiveOverrun, BlockingIOError."""
    try:
        return connection.recv(RECEIVE_BYTES)
    except OSError as failure:
        if failure.errno == ENOBUFS:
            raise ReceiveOverrun("a netlink socket overran its receive buffer") from failure
        raise


def _ends(kind: int, flags: int, buffer: bytes, at: int, end: int) -> bool:
    """Whether this message ends a dump. Raises: QuestionRefused, ReceiveOverrun."""
    if kind == NLMSG_OVERRUN:
        raise ReceiveOverrun("the kernel lost part of a dump")
    if kind not in (NLMSG_DONE, NLMSG_ERROR):
        return False
    reply = (read_done if kind == NLMSG_DONE else read_reply)(buffer, at, end, flags)
    if reply.errno_:
        raise QuestionRefused(reply)
    return kind == NLMSG_DONE


def _batches(requests: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Bounds of runs of at most BATCH_BYTES."""
    bounds = [0]
    size = 0
    for position, request in enumerate(requests):
        if size and size + len(request) > BATCH_BYTES:
            bounds.append(position)
            size = 0
        size += len(request)
    return pairwise([*bounds, len(requests)] if requests else [])
