"""What somebody else's bridge keeps of one of its ports. The value of the link setting `bridge_port`.

Rules: a bridge forgets a port that leaves: options, VLANs, entries. So the text holds all that somebody may have said
of it, to be said again when the link is given back; "" where no bridge of somebody else's has it. What people read
of it stands before the first "|".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from weft.kinds.base import Names, Request
from weft.kinds.link import bridge_vlan, fdb
from weft.kinds.link.bridge_vlan import BridgeVlans, flags_of
from weft.kinds.link.fdb import Fdb
from weft.state import Change, Op, link_key
from weft.wire.bridge import port_info
from weft.wire.codec import attribute
from weft.wire.link import set_link

PORT = "bridge_port"
"""The attribute."""

Entry = tuple[str, int, bool]
"""MAC, VLAN or 0, whether the bridge takes for itself what is sent there."""


class Kept(NamedTuple):
    """`options` by IFLA_BRPORT_*, as bytes; `vlans` as BridgeVlans has them."""

    master: str = ""
    options: Mapping[int, bytes] = {}
    vlans: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()


def value_of(kept: Kept) -> str:
    options = {str(kind): kept.options[kind].hex() for kind in sorted(kept.options)}
    return f"port of {kept.master}|{json.dumps([kept.master, options, kept.vlans, sorted(kept.entries)])}"


def parsed(value: str) -> Kept:
    if not value:
        return Kept()
    master, options, vlans, entries = json.loads(value.split("|", 1)[1])
    said = {int(kind): bytes.fromhex(data) for kind, data in options.items()}
    return Kept(master, said, tuple(vlans), tuple((mac, vid, local) for mac, vid, local in entries))


def readable(value: str) -> str:
    """The same for people."""
    return value.split("|", 1)[0]


def requests(netns: str, ifname: str, before: str, after: str, names: Names) -> Iterator[Request]:
    """What makes a bridge that has the port again keep what it kept before; nothing of any other."""
    now, goal = parsed(before), parsed(after)
    if not goal.master or now.master != goal.master:
        return
    data = [attribute(kind, value) for kind, value in goal.options.items() if now.options.get(kind) != value]
    if data:
        yield Request(netns, set_link(names.ifindex(link_key(netns, ifname)), port_info(*data)))
    for change in _changes(netns, ifname, now, goal):
        kind = fdb if isinstance(change.object, Fdb) else bridge_vlan
        yield from kind.requests(change, names)


def script(netns: str, ifname: str, before: str, after: str) -> Iterator[str]:
    """Of the options nothing: ip has no words for all of them."""
    now, goal = parsed(before), parsed(after)
    for change in _changes(netns, ifname, now, goal) if goal.master else ():
        kind = fdb if isinstance(change.object, Fdb) else bridge_vlan
        yield from kind.script(change)


def _changes(netns: str, ifname: str, now: Kept, goal: Kept) -> Iterable[Change]:
    """Entries without a VLAN come before the VLANs, for the kernel copies them to each that the port has."""
    new = [
        Fdb(netns=netns, ifname=ifname, mac=mac, master=goal.master, vid=vid, local=local)
        for mac, vid, local in goal.entries
        if (mac, vid, local) not in now.entries
    ]
    for entry in (one for one in new if not one.vid):
        yield Change(Op.CREATE, None, entry)
    had, wanted = (
        BridgeVlans(netns=netns, ifname=ifname, master=goal.master, vlans=kept.vlans) for kept in (now, goal)
    )
    if had != wanted:
        yield Change(Op.UPDATE, had, wanted)
    for entry in (one for one in new if one.vid):
        yield Change(Op.CREATE, None, entry)
    for mac in {one.mac for one in new if not one.vid}:
        for vid in flags_of(now.vlans):
            if (mac, vid) not in {one[:2] for one in goal.entries}:
                copied = Fdb(netns=netns, ifname=ifname, mac=mac, master=goal.master, vid=vid)
                yield Change(Op.DELETE, copied, None)
