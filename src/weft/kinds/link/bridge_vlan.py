"""The VLANs of one port of a bridge that filters them, or of such a bridge itself: all of them are one object.

Rules: known only of weft's own bridges, where they filter; it is whose the port is, and if it is wanted whose the
bridge is: somebody else may put a link into the bridge and say its VLANs himself. The kernel gives a new port
the bridge's default, so making the object takes away what is not wanted. Ranges are as long as can be, in order.
Source: bridge(8) vlan, net/bridge/br_vlan.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link.bridge import Bridge
from weft.records import dataclass
from weft.state import Change, Key, Keyed, link_key
from weft.wire.bridge_vlan import (
    BRIDGE_VLAN_INFO_PVID,
    BRIDGE_VLAN_INFO_UNTAGGED,
    VlanRange,
    delete_bridge_vlans,
    set_bridge_vlans,
)

TABLE = "bridge-vlans"
ALL_VIDS = range(1, 4095)

_WORDS: Mapping[str, int] = {"pvid": BRIDGE_VLAN_INFO_PVID, "untagged": BRIDGE_VLAN_INFO_UNTAGGED}

Flags = dict[int, int]
"""By VLAN: BRIDGE_VLAN_INFO_*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeVlans(Keyed):
    """`master`: the bridge's ifname, "" where this is the bridge itself. `vlans`: "VID[-VID] [pvid] [untagged]" as
    `canonical` has them."""

    netns: str
    ifname: str
    master: str
    vlans: tuple[str, ...]

    def identify(self) -> Key:
        return Key(TABLE, self.netns, self.ifname)

    @property
    def lives_on(self) -> tuple[Key, ...]:
        link = link_key(self.netns, self.ifname)
        return (link, link_key(self.netns, self.master)) if self.master else (link,)


def flags_of(vlans: Iterable[str]) -> Flags:
    """VLANs as texts, taken apart; of one said twice, the later counts."""
    found: Flags = {}
    for said in vlans:
        vids, *words = said.split()
        first, _, last = vids.partition("-")
        flags = sum(_WORDS[word] for word in words)
        found.update(dict.fromkeys(range(int(first), int(last or first) + 1), flags))
    return found


def canonical(flags: Flags) -> tuple[str, ...]:
    """As texts: in order, in ranges as long as can be."""
    return tuple(map(_said, _ranges(flags)))


def _ranges(flags: Flags) -> Iterator[VlanRange]:
    first = last = said = 0
    for vid in sorted(flags):
        if first and vid == last + 1 and flags[vid] == said and not said & BRIDGE_VLAN_INFO_PVID:
            last = vid
            continue
        if first:
            yield VlanRange(first, last, said)
        first, last, said = vid, vid, flags[vid]
    if first:
        yield VlanRange(first, last, said)


def _said(ranged: VlanRange) -> str:
    vids = f"{ranged.first}" if ranged.first == ranged.last else f"{ranged.first}-{ranged.last}"
    return " ".join((vids, *(word for word, flag in _WORDS.items() if ranged.flags & flag)))


def _born_with(held: BridgeVlans, names: Names) -> Flags:
    """What there may be of which nothing was read: all, which takes the kernel 6 ms a port to take away; only the
    bridge's default where both it and the port are just being made."""
    bridge = names.coming(link_key(held.netns, held.master or held.ifname))
    port = names.coming(link_key(held.netns, held.ifname))
    if port is None or not isinstance(bridge, Bridge) or bridge.vlan_default_pvid is None:
        return dict.fromkeys(ALL_VIDS, -1)
    return {bridge.vlan_default_pvid: -1} if bridge.vlan_default_pvid else {}


def _way(change: Change, born_with: Flags | None = None) -> tuple[BridgeVlans, list[VlanRange], list[VlanRange]]:
    """The object, what goes and what comes or becomes otherwise."""
    held = change.object
    assert isinstance(held, BridgeVlans)
    wanted = flags_of(change.after.vlans) if isinstance(change.after, BridgeVlans) else {}
    had: Flags = dict.fromkeys(ALL_VIDS, -1) if born_with is None else born_with
    if isinstance(change.before, BridgeVlans):
        had = flags_of(change.before.vlans)
    gone = {vid: 0 for vid in had if vid not in wanted}
    new = {vid: flags for vid, flags in wanted.items() if had.get(vid) != flags}
    return held, list(_ranges(gone)), list(_ranges(new))


def requests(change: Change, names: Names) -> Iterator[Request]:
    held = change.object
    assert isinstance(held, BridgeVlans)
    held, gone, new = _way(change, _born_with(held, names))
    index = names.ifindex(link_key(held.netns, held.ifname))
    if gone:
        yield Request(held.netns, delete_bridge_vlans(index, gone, own=not held.master))
    if new:
        yield Request(held.netns, set_bridge_vlans(index, new, own=not held.master))


def script(change: Change) -> Iterable[str]:
    held, gone, new = _way(change)
    own = () if held.master else ("self",)
    for verb, ranges in (("del", gone), ("add", new)):
        for each in ranges:
            yield command.bridge(held.netns, "vlan", verb, "dev", held.ifname, "vid", *_said(each).split(), *own)


def parse(netns: str, ifname: str, master: str, ranges: Iterable[VlanRange]) -> BridgeVlans:
    """`master`: "" for the bridge itself."""
    flags = {vid: each.flags for each in ranges for vid in range(each.first, each.last + 1)}
    return BridgeVlans(netns=netns, ifname=ifname, master=master, vlans=canonical(flags))


ROW = Kind(
    name="bridge-vlans",
    cls=BridgeVlans,
    backend="rtnl",
    owner=Owner.MEMBERSHIP,
    in_place=frozenset({"vlans"}),
    requests=requests,
    script=script,
    parse=parse,
)
