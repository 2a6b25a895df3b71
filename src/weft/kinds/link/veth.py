"""One end of a veth pair. The pair is two objects, each naming the other; the kernel makes and drops both at once.

Rules: the end whose key sorts first is the leader: its creation makes both ends, its fellow's creation only adds the
fellow's own attributes. Source: veth(4), linux/veth.h.
"""

from __future__ import annotations

from collections.abc import Iterable

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims, link_cascade
from weft.kinds.link.reading import Seen
from weft.kinds.netns import ground
from weft.records import dataclass
from weft.state import BIRTH_GROUP, Key, link_key
from weft.wire.codec import text, u32
from weft.wire.link import IFLA_GROUP, IFLA_IFNAME, IFLA_NET_NS_FD, veth_info


@dataclass(frozen=True, slots=True, kw_only=True)
class Veth(Link):
    peer_netns: str
    peer_ifname: str

    @property
    def peer(self) -> Key:
        return link_key(self.peer_netns, self.peer_ifname)

    @property
    def leads(self) -> bool:
        return self.key < self.peer

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return ground(self.netns) + ground(self.peer_netns)


def _create(end: Veth, names: Names) -> Iterable[Request]:
    """The leader makes both ends, each with all that it is born with where both are in the commit; a fellow whose
    leader came before is given everything."""
    if end.leads:
        yield writing.birth(end, names, _fellow_info(end, names))
        yield from writing.dress(end, names, ())
    elif names.coming(end.peer) is not None:
        yield from writing.dress(end, names, ("master",) if end.master else (), up=end.born_up)
    else:
        yield from writing.dress(end, names, (*writing.AT_BIRTH, "master"), up=end.born_up)


def _fellow_info(leader: Veth, names: Names) -> bytes:
    """The other end cannot be born up (the kernel opens it before it knows of its peer), nor with a master."""
    fellow = names.coming(leader.peer)
    if isinstance(fellow, Veth):
        born = writing.at_birth(fellow, names, master=False)
    else:
        born = [text(IFLA_IFNAME, leader.peer_ifname), u32(IFLA_GROUP, BIRTH_GROUP)]
    if leader.peer_netns != leader.netns:
        born.append(u32(IFLA_NET_NS_FD, names.netns_fd(leader.peer_netns)))
    return veth_info(names.ifindex(leader.peer), *born)


def _script_create(end: Veth) -> Iterable[str]:
    """`ip` makes both ends at the leader's turn; each end says its own attributes."""
    if end.leads:
        words = ("link", "add", "name", end.ifname, "type", "veth", "peer", "name", end.peer_ifname)
        where = "" if end.peer_netns == end.netns else f" netns {command.netns_argument(end.peer_netns)}"
        yield command.ip(end.netns, *words) + where


def parse(seen: Seen) -> Veth | None:
    """None where the other end was taken to where nobody finds it."""
    peer = seen.other
    return None if peer is None else Veth(**seen.fields, peer_netns=peer.netns, peer_ifname=peer.name)


ROW = Kind(
    name="veth",
    cls=Veth,
    backend="rtnl",
    owner=Owner.ALIAS,
    info_kind="veth",
    in_place=LINK_FIELDS,
    requests=writing.requests_with(Veth, _create),
    script=writing.script_with(Veth, _script_create),
    parse=parse,
    claims=altname_claims,
    cascade=link_cascade,
)
