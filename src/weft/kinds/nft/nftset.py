"""A named set or map. Source: nft(8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.state import Change, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class NftSet:
    """A set, or a map where `data` is not "". `type` and `data` as nft prints them ("ipv4_addr", "ifname . ipv4_addr",
    "verdict"); `flags` sorted ("interval", "timeout")."""

    netns: str
    family: str
    table: str
    name: str
    type: str
    data: str = ""
    flags: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return Key("nft-set", self.netns, f"{self.family} {self.table} {self.name}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (Key("nft-table", self.netns, f"{self.family} {self.table}"),)


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> NftSet:
    raise NotImplementedError


ROW = Kind(
    name="nft-set",
    cls=NftSet,
    backend="nft",
    owner=Owner.TABLE,
    in_place=frozenset(),
    requests=requests,
    script=script,
    parse=parse,
)
