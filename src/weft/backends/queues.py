"""Reads what the queues of some links have counted: two dumps for each namespace, one for each link that has classes.

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
from weft.wire.tc import get_classes, get_qdiscs
from weft.wire.tc_statistics import Counted, get_names, read_counted, read_name


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkQueues:
    """The qdiscs of a link, and its classes: of HTB, and flows of fq_codel where packets wait."""

    qdiscs: Sequence[Counted] = ()
    classes: Sequence[Counted] = ()


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
    """`names` None: all. Classes of links only that have a qdisc which somebody made."""
    qdiscs: dict[int, list[Counted]] = {}
    for seen in connection.dump(get_qdiscs(), read_counted):
        qdiscs.setdefault(seen.ifindex, []).append(seen)
    for index, name in connection.dump(get_names(), read_name):
        if names is None or name in names:
            held = qdiscs.get(index, [])
            is_made = any(one.handle for one in held)
            yield name, LinkQueues(qdiscs=held, classes=_classes(connection, index) if is_made else ())


def _classes(connection: Connection, index: int) -> Sequence[Counted]:
    try:
        return connection.dump(get_classes(index), read_counted)
    except QuestionRefused:  # the link went away meanwhile
        return ()
