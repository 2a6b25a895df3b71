"""Reads what the queues of some links have counted: two dumps for each namespace, one for each HTB, and one for each
fq_codel in which packets wait.

Rules: only reads. Connections are kept from one reading to the next, for whoever looks again every second.
"""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from weft.netlink.connection import Connection, QuestionRefused
from weft.netlink.kept import Kept, NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.records import dataclass
from weft.state import Key, link_key
from weft.wire.link import get_links, read_link
from weft.wire.tc import get_classes, get_qdiscs
from weft.wire.tc_stats import TcStats, read_stats


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkQueues:
    """The qdiscs of a link, and its classes: of HTB, and flows of fq_codel where packets wait."""

    qdiscs: Sequence[TcStats] = ()
    classes: Sequence[TcStats] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueGlance:
    """What had been counted at one time. `at_s`: seconds on a clock that only runs forward."""

    at_s: float
    links: Mapping[Key, LinkQueues] = field(default_factory=dict)


class QueueReader:
    """Of one machine."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._kept = Kept(namespaces)

    def close(self) -> None:
        self._kept.close()

    def read(self, links: Iterable[Key], whole: Iterable[str] = ()) -> QueueGlance:
        """Those of the links that are there, and all of the namespaces `whole`. Raises: DumpInterrupted,
        ReceiveOverrun, NotPermitted."""
        self._kept.begin()
        wanted: dict[str, set[str] | None] = {}
        for key in links:
            names = wanted.setdefault(key.netns, set())
            assert names is not None
            names.add(key.name)
        wanted |= dict.fromkeys(whole)
        at_s = time.monotonic()
        found: dict[Key, LinkQueues] = {}
        for netns, names in wanted.items():
            try:
                connection = self._kept.at(netns).rtnl
            except NamespaceGone:
                continue
            found.update((link_key(netns, name), held) for name, held in _read(connection, names))
        return QueueGlance(at_s=at_s, links=found)


def _read(connection: Connection, names: Container[str] | None) -> Iterator[tuple[str, LinkQueues]]:
    """`names` None: all."""
    qdiscs: dict[int, list[TcStats]] = {}
    for seen in connection.dump(get_qdiscs(), read_stats):
        qdiscs.setdefault(seen.ifindex, []).append(seen)
    for link in connection.dump(get_links(), read_link):
        if names is None or link.ifname in names:
            held = qdiscs.get(link.ifindex, [])
            yield link.ifname, LinkQueues(qdiscs=held, classes=list(_classes(connection, held)))


def _classes(connection: Connection, qdiscs: Iterable[TcStats]) -> Iterator[TcStats]:
    for held in qdiscs:
        if held.handle and (held.kind == "htb" or (held.kind == "fq_codel" and held.waiting)):
            try:
                yield from connection.dump(get_classes(held.ifindex, held.handle), read_stats)
            except QuestionRefused:  # the link went away meanwhile
                continue
