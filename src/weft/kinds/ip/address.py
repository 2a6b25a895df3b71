"""An address on a link. Source: rtnetlink(7), linux/if_addr.h."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.state import Change, Key, link_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """`cidr`: address and prefix length, canonical ("10.0.0.1/24", "fd00::1/64"). `nodad`: IPv6 used at once, without
    duplicate address detection; not compared. `protocol`: IFA_PROTO as read, None where the kernel gives none."""

    netns: str
    ifname: str
    cidr: str
    nodad: bool | None = None
    protocol: int | None = None

    @property
    def key(self) -> Key:
        return Key("address", self.netns, f"{self.ifname} {self.cidr}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (link_key(self.netns, self.ifname),)

    @property
    def family(self) -> int:
        return 6 if ":" in self.cidr else 4


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> Address:
    raise NotImplementedError


ROW = Kind(
    name="address",
    cls=Address,
    backend="rtnl",
    owner=Owner.PROTOCOL,
    in_place=frozenset(),
    requests=requests,
    script=script,
    parse=parse,
)
