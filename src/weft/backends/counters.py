"""Reads the counters of all links of some namespaces: one dump for each namespace, nothing for each link.

Rules: only reads. Connections are kept from one reading to the next, for whoever looks again every second.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from weft.netlink.kept import Kept, NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.records import dataclass
from weft.state import Key, link_key
from weft.wire.counters import CountersMessage, get_counters, read_counters


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What links had carried at one time. `at_s`: seconds on a clock that only runs forward."""

    at_s: float
    links: Mapping[Key, CountersMessage]


class CounterReader:
    """Of one machine."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._kept = Kept(namespaces)

    def close(self) -> None:
        self._kept.close()

    def read(self, labels: Iterable[str]) -> Glance:
        """All links of the namespaces that are there. Raises: DumpInterrupted, ReceiveOverrun, NotPermitted."""
        self._kept.begin()
        links = {}
        at_s = time.monotonic()
        for netns in dict.fromkeys(labels):
            try:
                found = self._kept.at(netns).rtnl.dump(get_counters(), read_counters)
            except NamespaceGone:
                continue
            links.update({link_key(netns, seen.ifname): seen for seen in found})
        return Glance(at_s=at_s, links=links)
