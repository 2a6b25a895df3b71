"""The tree of one link as objects, from what the kernel says of its qdiscs and classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.kinds import KINDS
from weft.kinds.tc import htb, other
from weft.kinds.tc.qdisc import ROOT
from weft.state import KernelObject
from weft.wire.tc import TC_H_ROOT, TcMessage, major_of, said_of


def parse_tree(
    netns: str, ifname: str, qdiscs: Iterable[TcMessage], classes: Iterable[TcMessage]
) -> Iterator[KernelObject]:
    """`qdiscs`: all of the link, for one is named by the handle of another."""
    by_handle = {seen.handle: seen for seen in qdiscs}
    for seen in by_handle.values():
        fields = {"netns": netns, "ifname": ifname, "parent": _at(seen.parent), "handle": said_of(seen.handle)}
        over = None if seen.parent == TC_H_ROOT else by_handle.get(major_of(seen.parent))
        if over is not None and over.kind != htb.HTB:
            fields["below"] = _at(over.parent)
        row = KINDS.of_qdisc(seen.kind)
        yield row.parse(fields, seen.options) if row else other.parse(fields, seen.kind, seen.options)
    for seen in classes:
        if seen.kind == htb.HTB:
            yield htb.parse(netns, ifname, seen)


def _at(parent: int) -> str:
    return ROOT if parent == TC_H_ROOT else said_of(parent)
