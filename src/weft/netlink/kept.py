"""Connections kept from one use to the next, one set per namespace.

Rules: what is kept serves only while the label still names the same namespace. A kept socket pins its namespace, so
that the inode number that tells it apart is not given to another meanwhile; without the check it would go on
answering for a dead one. `begin` opens a round (an observe or a commit): within it every label is checked once, and
no namespace is closed, since messages already made hold its descriptor by number. Connections are, where the process
may open no more files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from errno import EMFILE

from weft.errors import NotPermitted, WeftError
from weft.netlink.connection import NETLINK_GENERIC, NETLINK_ROUTE, Connection
from weft.netlink.descriptors import allow_more_files, out_of_the_way
from weft.netlink.namespaces import Namespaces, entered, identity_of
from weft.wire.ethtool import get_family, read_family
from weft.wire.reply import Reply

KEEP = 4096
"""Namespaces kept between rounds; each costs two or three file descriptors."""


class NamespaceGone(WeftError):
    """The label names no namespace now."""

    exit_code = 5


class Place:
    """One namespace with its connections, each opened when first used. `nsids`: by which number it knows others."""

    __slots__ = ("_families", "_generic", "_make_room", "_rtnl", "fd", "identity", "netns", "nsids")

    def __init__(self, netns: str, fd: int, identity: tuple[int, int], make_room: Callable[[], bool]) -> None:
        self.netns, self.fd, self.identity = netns, fd, identity
        self._make_room = make_room
        self.nsids: dict[int, Place] = {}
        self._rtnl: Connection | None = None
        self._generic: Connection | None = None
        self._families: dict[str, int] = {}

    @property
    def rtnl(self) -> Connection:
        if self._rtnl is None:
            self._rtnl = self._connect(NETLINK_ROUTE)
        return self._rtnl

    def ethtool(self) -> tuple[Connection, int]:
        return self.generic("ethtool")

    def generic(self, family: str) -> tuple[Connection, int]:
        """The generic netlink connection and the number of a family, 0 where the kernel has none."""
        if self._generic is None:
            self._generic = self._connect(NETLINK_GENERIC)
        if family not in self._families:
            answer = self._generic.ask([get_family(family)], read_family)[0]
            self._families[family] = 0 if isinstance(answer, Reply) else answer
        return self._generic, self._families[family]

    def close(self) -> None:
        os.close(self.fd)
        self.rest()

    def rest(self) -> bool:
        """Close the connections, to be opened anew when next used; whether there were any."""
        open_ones = [*filter(None, (self._rtnl, self._generic))]
        self._rtnl = self._generic = None
        for connection in open_ones:
            connection.close()
        return bool(open_ones)

    def _connect(self, protocol: int) -> Connection:
        try:
            return self._open(protocol)
        except OSError as failure:
            if failure.errno == EMFILE and self._make_room():
                return self._open(protocol)
            raise

    def _open(self, protocol: int) -> Connection:
        if identity_of("/proc/thread-self/ns/net") == self.identity:  # here already: that needs no rights
            return Connection(protocol)
        with entered(self.fd):
            return Connection(protocol)


class Kept:
    """The places of all namespaces in use."""

    def __init__(self, namespaces: Namespaces) -> None:
        self.namespaces = namespaces
        self._places: dict[str, Place] = {}
        self._checked: set[str] = set()

    def begin(self) -> None:
        """Open a round: labels are checked anew, and what is too much is closed."""
        self._checked.clear()
        if len(self._places) > KEEP:
            self.close()

    def close(self) -> None:
        for netns in list(self._places):
            self.forget(netns)

    def forget(self, netns: str) -> None:
        """Close what is kept of a namespace, and so no longer pin it."""
        place = self._places.pop(netns, None)
        self._checked.discard(netns)
        if place is not None:
            place.close()

    def at(self, netns: str) -> Place:
        """Raises: NamespaceGone, NotPermitted."""
        place = self._places.get(netns)
        if place is not None and netns in self._checked:
            return place
        identity = self.namespaces.identity(netns)
        if identity is None:
            self.forget(netns)
            raise NamespaceGone(f"there is no namespace {netns}")
        if place is None or place.identity != identity:
            self.forget(netns)
            place = self._places[netns] = self._open(netns, identity)
        self._checked.add(netns)
        return place

    def _open(self, netns: str, identity: tuple[int, int]) -> Place:
        try:
            return Place(netns, out_of_the_way(self._descriptor(netns)), identity, self._make_room)
        except PermissionError as failure:
            raise NotPermitted(f"entering the namespace {netns} needs root") from failure
        except (FileNotFoundError, ValueError) as failure:
            raise NamespaceGone(f"there is no namespace {netns}") from failure

    def _descriptor(self, netns: str) -> int:
        try:
            return self.namespaces.open(netns)
        except OSError as failure:
            if failure.errno == EMFILE and self._make_room():
                return self.namespaces.open(netns)
            raise

    def _make_room(self) -> bool:
        """More files, else fewer connections: what is left of a place, its namespace's descriptor, is all that a
        message may hold. Whether there is room now."""
        if allow_more_files():
            return True
        rested = [place.rest() for place in self._places.values()]  # all: one would be too few for what comes next
        return any(rested)
