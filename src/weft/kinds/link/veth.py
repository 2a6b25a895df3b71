"""One end of a veth pair. The pair is two objects, each naming the other; the kernel makes and drops both at once.

Rules: the end whose key sorts first is the leader: its creation makes both ends, its fellow's creation only adds the
fellow's own attributes. Source: veth(4), linux/veth.h.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims
from weft.kinds.netns import ground
from weft.state import Change, Key, link_key


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


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> Veth:
    raise NotImplementedError


ROW = Kind(
    name="veth",
    cls=Veth,
    backend="rtnl",
    owner=Owner.ALIAS,
    in_place=LINK_FIELDS,
    requests=requests,
    script=script,
    parse=parse,
    claims=altname_claims,
)
