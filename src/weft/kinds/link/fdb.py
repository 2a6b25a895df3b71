"""An entry of a forwarding table: which way frames to a MAC address go.

Rules: an entry that names a destination is in the table that its link has of its own (a VXLAN's), any other in the
table of the bridge that its link is a port of. No kernel keeps a protocol number for such entries, so they are whose
their link is: what routing daemons put there says that it was learned, and is left out with all else that was learned.
Frames of broadcasts and to unknown addresses (the zero MAC) and to groups may go many ways, an entry each.
Source: bridge(8), linux/neighbour.h, drivers/net/vxlan/vxlan_core.c, net/bridge/br_fdb.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link.vxlan import default_remotes
from weft.records import dataclass
from weft.state import Change, Key, Keyed, Op, link_key
from weft.wire.codec import NLM_F_APPEND, NLM_F_CREATE, NLM_F_REPLACE
from weft.wire.fdb import (
    NDA_PORT,
    NDA_VNI,
    NTF_MASTER,
    NTF_SELF,
    NUD_NOARP,
    NUD_PERMANENT,
    Entry,
    FdbMessage,
    change_entry,
)
from weft.wire.link import LinkMessage
from weft.wire.neighbour import NDA_DST, RTM_DELNEIGH, RTM_NEWNEIGH

EVERYWHERE = "00:00:00:00:00:00"
"""The MAC of a VXLAN's entries for all that has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fdb(Keyed):
    """`dst`: address in the underlay, "" for an entry of a bridge's table; `port` (UDP, 0: the link's) and `vni` (-1:
    the link's) go with it. `master`: the bridge's ifname, "" where `dst` is given; `vid` goes with it, 0 for none, and
    `local`: the bridge takes the frames for itself instead of sending them by the port, as it always does with an entry
    of its own, of which it is both the link and the master."""

    netns: str
    ifname: str
    mac: str
    dst: str = ""
    port: int = 0
    vni: int = -1
    master: str = ""
    vid: int = 0
    local: bool = False

    def identify(self) -> Key:
        """Of a MAC that goes many ways, the destination tells one from the others."""
        return Key("fdb", self.netns, f"{self.ifname} {self.mac}{self._where}")

    @property
    def _where(self) -> str:
        if not self.dst:
            return f" master vlan {self.vid}" if self.vid else " master"
        return f" dst {self.dst}" if self.many else ""

    @property
    def many(self) -> bool:
        """Whether the table may have several entries of the MAC."""
        return bool(self.dst) and (self.mac == EVERYWHERE or bool(int(self.mac[:2], 16) & 1))

    @property
    def lives_on(self) -> tuple[Key, ...]:
        link = link_key(self.netns, self.ifname)
        return (link, link_key(self.netns, self.master)) if self.master not in ("", self.ifname) else (link,)

    @property
    def by_itself(self) -> bool:
        """Whether the link itself has the table that it is in."""
        return bool(self.dst) or self.master == self.ifname


def requests(change: Change, names: Names) -> Iterator[Request]:
    """REPLACE even where it is made, as with neighbours: what stands in the way was learned. Among many, what is not in
    its key makes it another entry for the kernel."""
    before, after = change.before, change.after
    if isinstance(before, Fdb) and (change.op is not Op.UPDATE or before.many):
        yield Request(before.netns, _message(RTM_DELNEIGH, 0, before, names))
    if isinstance(after, Fdb):
        flags = NLM_F_CREATE | (NLM_F_APPEND if after.many else NLM_F_REPLACE)
        yield Request(after.netns, _message(RTM_NEWNEIGH, flags, after, names))


def _message(kind: int, flags: int, fdb: Fdb, names: Names) -> bytes:
    entry = Entry(
        state=NUD_PERMANENT if fdb.dst or fdb.local else NUD_NOARP,
        flags=NTF_SELF if fdb.by_itself else NTF_MASTER,
        dst=fdb.dst,
        port=fdb.port,
        vni=fdb.vni if fdb.vni >= 0 else None,
        vid=fdb.vid,
    )
    return change_entry(kind, flags, names.ifindex(link_key(fdb.netns, fdb.ifname)), fdb.mac, entry)


def script(change: Change) -> Iterator[str]:
    before, after = change.before, change.after
    if isinstance(before, Fdb) and (change.op is not Op.UPDATE or before.many):
        yield _command("del", before)
    if isinstance(after, Fdb):
        yield _command("append" if after.many else "replace", after)


def _command(verb: str, fdb: Fdb) -> str:
    words: list[str | int] = ["fdb", verb, fdb.mac, "dev", fdb.ifname]
    if fdb.dst:
        said = (("dst", fdb.dst), ("port", fdb.port or ""), ("vni", fdb.vni if fdb.vni >= 0 else ""))
        words += [word for name, value in said if value != "" for word in (name, value)]
        words.append("self")
    else:
        words += [
            "self" if fdb.by_itself else "master",
            *(("vlan", fdb.vid) if fdb.vid else ()),
            "permanent" if fdb.local else "static",
        ]
    return command.bridge(fdb.netns, *words)


def said(entries: Sequence[FdbMessage], links: Mapping[int, LinkMessage]) -> Iterator[FdbMessage]:
    """Those that somebody put there. The kernel itself makes one for each link's own MAC in its bridge's table, one for
    what a VXLAN has as its remote or group, and of an entry without a VLAN a copy for every VLAN of the port."""
    if not entries:
        return
    remotes = {index: default_remotes(link.info) for index, link in links.items()}
    macs = {index: link.mac for index, link in links.items()}
    plain = {(entry.ifindex, entry.mac) for entry in entries if entry.master and not entry.vid}
    for entry in entries:
        index, mac = entry.ifindex, entry.mac
        if entry.master:
            own = entry.local and mac in (macs.get(index), macs.get(entry.master))
            by_kernel = own or (entry.vid and (index, mac) in plain)
        else:
            by_kernel = mac == EVERYWHERE and entry.attributes[NDA_DST] in remotes.get(index, ())
        if index in links and not by_kernel:
            yield entry


def parse(netns: str, ifname_of: Callable[[int], str], seen: FdbMessage) -> Fdb:
    found = seen.attributes
    if seen.master:
        return Fdb(
            netns=netns,
            ifname=ifname_of(seen.ifindex),
            mac=seen.mac,
            master=ifname_of(seen.master),
            vid=seen.vid,
            local=seen.local,
        )
    return Fdb(
        netns=netns,
        ifname=ifname_of(seen.ifindex),
        mac=seen.mac,
        dst=found[NDA_DST],
        port=found.get(NDA_PORT, 0),
        vni=found.get(NDA_VNI, -1),
    )


ROW = Kind(
    name="fdb",
    cls=Fdb,
    backend="rtnl",
    owner=Owner.GROUND,
    in_place=frozenset({"dst", "port", "vni", "local"}),
    requests=requests,
    script=script,
    parse=parse,
)
