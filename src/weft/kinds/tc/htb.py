"""Hierarchical token buckets: the qdisc and its classes. Source: tc-htb(8), net/sched/sch_htb.c."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Self

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.tc.buckets import burst_held, burst_of, burst_told, rate_held, ticks_of
from weft.kinds.tc.qdisc import InTree, Qdisc, class_key, row, stand
from weft.records import dataclass
from weft.state import Change, Key, Op
from weft.wire.tc import TC_H_ROOT, TcMessage, delete_class, major_of, new_class, number_of, said_of, set_class
from weft.wire.tc_rate import (
    TC_LINKLAYER_ATM,
    TC_LINKLAYER_ETHERNET,
    ClassOptions,
    class_options,
    htb_options,
    read_class_options,
    read_htb_default,
)

__all__ = ["CLASS_ROW", "HTB", "ROW", "Htb", "HtbClass", "burst_held", "rate_held"]

HTB = "htb"

QUANTA_BYTES = range(1000, 200_001)
"""Outside, the kernel warns. Source: net/sched/sch_htb.c htb_change_class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Htb(Qdisc):
    """`default`: minor of the class of what nobody classified; 0: it is sent at once."""

    default: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HtbClass(InTree):
    """`classid` "77:10", `parent` "77:" (the root qdisc) or a class. Rates in bit/s, sizes in bytes: both as the kernel
    can hold them (`held`). `priority` 0-7, 0 first. `quantum_bytes` and `priority` are None for a class that has
    classes of its own: the kernel asks only leaves for them, and takes no other value from there on.
    `overhead_bytes` (0 to 65535) for each packet; `cells`: whether packets count as ATM cells."""

    netns: str
    ifname: str
    classid: str
    parent: str
    rate_bps: int
    ceil_bps: int
    burst_bytes: int
    cburst_bytes: int
    quantum_bytes: int | None
    priority: int | None = 0
    overhead_bytes: int = 0
    cells: bool = False

    def identify(self) -> Key:
        return class_key(self.netns, self.ifname, self.classid)

    def grounds(self) -> tuple[Key, ...]:
        """Its link, the root qdisc, and the class that it is part of."""
        return _grounds(self.netns, self.ifname, self.parent)

    def held(self) -> Self:
        """As the kernel can hold it: what is wanted, rounded as it will come back."""
        rate_bps, ceil_bps = rate_held(self.rate_bps), rate_held(self.ceil_bps)
        return replace(
            self,
            rate_bps=rate_bps,
            ceil_bps=ceil_bps,
            burst_bytes=burst_held(self.burst_bytes, rate_bps),
            cburst_bytes=burst_held(self.cburst_bytes, ceil_bps),
        )


@lru_cache  # most classes of a tree have one parent
def _grounds(netns: str, ifname: str, parent: str) -> tuple[Key, ...]:
    grounds = stand(netns, ifname)
    _, _, minor = parent.partition(":")
    return (*grounds, class_key(netns, ifname, parent)) if minor else grounds


def _quantum(held: HtbClass) -> int:
    """For an inner class one of which the kernel does not warn."""
    return held.quantum_bytes or min(max(held.rate_bps // 80, QUANTA_BYTES.start), QUANTA_BYTES.stop - 1)


def _options(held: HtbClass) -> bytes:
    return _told(
        held.rate_bps,
        held.ceil_bps,
        held.burst_bytes,
        held.cburst_bytes,
        _quantum(held),
        held.priority or 0,
        held.overhead_bytes,
        held.cells,
    )


@lru_cache(maxsize=1 << 10)  # most classes of a tree are alike
def _told(
    rate_bps: int, ceil_bps: int, burst: int, cburst: int, quantum: int, priority: int, overhead: int, cells: bool
) -> bytes:
    return class_options(
        ClassOptions(
            rate_bps // 8,
            ceil_bps // 8,
            ticks_of(burst, rate_bps),
            ticks_of(cburst, ceil_bps),
            quantum,
            priority,
            overhead,
            TC_LINKLAYER_ATM if cells else TC_LINKLAYER_ETHERNET,
        )
    )


def requests(change: Change, names: Names) -> Iterator[Request]:
    before, after = change.before, change.after
    index = names.ifindex(change.object.lives_on[0])
    if isinstance(before, HtbClass) and change.op is not Op.UPDATE:
        yield Request(before.netns, delete_class(index, number_of(before.classid)))
    if isinstance(after, HtbClass):
        write = set_class if change.op is Op.UPDATE else new_class
        message = write(index, number_of(after.parent), number_of(after.classid), HTB, _options(after))
        yield Request(after.netns, message)


def script(change: Change) -> Iterator[str]:
    before, after = change.before, change.after
    if isinstance(before, HtbClass) and change.op is not Op.UPDATE:
        yield command.tc(before.netns, "class", "del", "dev", before.ifname, "classid", before.classid)
    if isinstance(after, HtbClass):
        verb = "change" if change.op is Op.UPDATE else "add"
        where = ("dev", after.ifname, "parent", after.parent, "classid", after.classid)
        yield command.tc(after.netns, "class", verb, *where, HTB, *_words(after))


def _words(held: HtbClass) -> Iterator[str | int]:
    yield from ("rate", f"{held.rate_bps}bit", "ceil", f"{held.ceil_bps}bit")
    yield from ("burst", f"{burst_told(held.burst_bytes, held.rate_bps)}b")
    yield from ("cburst", f"{burst_told(held.cburst_bytes, held.ceil_bps)}b")
    yield from ("quantum", _quantum(held))
    if held.priority is not None:
        yield from ("prio", held.priority)
    if held.overhead_bytes:
        yield from ("overhead", held.overhead_bytes)
    if held.cells:
        yield from ("linklayer", "atm")


def parse(netns: str, ifname: str, seen: TcMessage) -> HtbClass:
    found = read_class_options(seen.options)
    rate_bps, ceil_bps = found.rate * 8, found.ceil * 8
    return HtbClass(
        netns=netns,
        ifname=ifname,
        classid=said_of(seen.handle),
        parent=said_of(major_of(seen.handle) if seen.parent == TC_H_ROOT else seen.parent),
        rate_bps=rate_bps,
        ceil_bps=ceil_bps,
        burst_bytes=burst_of(found.buffer, rate_bps),
        cburst_bytes=burst_of(found.cbuffer, ceil_bps),
        quantum_bytes=found.quantum,
        priority=found.prio,
        overhead_bytes=found.overhead,
        cells=found.linklayer == TC_LINKLAYER_ATM,
    )


def _default_words(htb: Htb) -> tuple[str, ...]:
    return ("default", f"{htb.default:#x}")


def _fields(options: bytes) -> Mapping[str, Any]:
    return {"default": read_htb_default(options)}


ROW = row(Htb, HTB, options=lambda htb: htb_options(htb.default), words=_default_words, fields=_fields)

CLASS_ROW = Kind(
    name="htb-class",
    cls=HtbClass,
    backend="rtnl",
    owner=Owner.HANDLE,
    in_place=frozenset(
        {
            "rate_bps",
            "ceil_bps",
            "burst_bytes",
            "cburst_bytes",
            "quantum_bytes",
            "priority",
            "overhead_bytes",
            "cells",
        }
    ),
    requests=requests,
    script=script,
    parse=parse,
)
