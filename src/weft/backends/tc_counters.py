"""Reads what the trees of some links have counted: one dump for each namespace, and one for each HTB.

Rules: only reads. Connections are kept from one reading to the next, for whoever looks again every second.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping

from weft.kinds.tc.htb import HTB
from weft.kinds.tc.qdisc import ROOT, class_key, qdisc_key
from weft.netlink.kept import Kept, NamespaceGone, Place
from weft.netlink.namespaces import Namespaces
from weft.records import dataclass
from weft.state import Key
from weft.wire.link import get_link, read_link
from weft.wire.reply import Reply
from weft.wire.tc import TC_H_INGRESS, TC_H_ROOT, get_classes, get_qdiscs, said_of
from weft.wire.tc_stats import TcStats, read_stats


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeGlance:
    """What had been counted at one time, by the keys of qdiscs and classes. `at_s`: seconds on a clock that only runs
    forward."""

    at_s: float
    stats: Mapping[Key, TcStats]


class TreeReader:
    """Of one machine."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._kept = Kept(namespaces)

    def close(self) -> None:
        self._kept.close()

    def read(self, links: Collection[Key]) -> TreeGlance:
        """The trees of those links that are there, with the roots that the kernel put there by itself.

        Raises: DumpInterrupted, ReceiveOverrun, NotPermitted.
        """
        self._kept.begin()
        at_s = time.monotonic()
        stats: dict[Key, TcStats] = {}
        for netns in dict.fromkeys(link.netns for link in links):
            try:
                place = self._kept.at(netns)
            except NamespaceGone:
                continue
            stats.update(_read(place, [link.name for link in links if link.netns == netns]))
        return TreeGlance(at_s=at_s, stats=stats)


def _read(place: Place, ifnames: Iterable[str]) -> Iterator[tuple[Key, TcStats]]:
    answers = place.rtnl.ask([get_link(ifname=name) for name in ifnames], read_link)
    names = {answer.ifindex: answer.ifname for answer in answers if not isinstance(answer, Reply)}
    for seen in place.rtnl.dump(get_qdiscs(), read_stats):
        if seen.ifindex not in names or seen.parent == TC_H_INGRESS:
            continue
        ifname = names[seen.ifindex]
        yield qdisc_key(place.netns, ifname, ROOT if seen.parent == TC_H_ROOT else said_of(seen.parent)), seen
        if seen.kind == HTB and seen.handle:
            for each in place.rtnl.dump(get_classes(seen.ifindex, seen.handle), read_stats):
                yield class_key(place.netns, ifname, said_of(each.handle)), each
