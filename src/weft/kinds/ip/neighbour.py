"""A permanent neighbour entry, or a proxy one. Source: ip-neighbour(8), linux/neighbour.h."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.state import Change, Key, link_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """`address` without prefix length; `mac` None for a proxy entry (answered for, not looked up)."""

    netns: str
    ifname: str
    address: str
    mac: str | None = None
    proxy: bool = False
    protocol: int | None = None

    @property
    def key(self) -> Key:
        return Key("neighbour", self.netns, f"{self.ifname} {'proxy ' if self.proxy else ''}{self.address}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (link_key(self.netns, self.ifname),)


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> Neighbour:
    raise NotImplementedError


ROW = Kind(
    name="neighbour",
    cls=Neighbour,
    backend="rtnl",
    owner=Owner.PROTOCOL,
    in_place=frozenset({"mac"}),
    requests=requests,
    script=script,
    parse=parse,
)
