"""An nftables table, named after its scope. Source: nft(8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.netns import ground
from weft.state import Change, Key

TABLE_PREFIX = "weft-"


@dataclass(frozen=True, slots=True, kw_only=True)
class NftTable:
    netns: str
    family: str
    name: str

    @property
    def key(self) -> Key:
        return Key("nft-table", self.netns, f"{self.family} {self.name}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return ground(self.netns)


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> NftTable:
    raise NotImplementedError


ROW = Kind(
    name="nft-table",
    cls=NftTable,
    backend="nft",
    owner=Owner.TABLE,
    in_place=frozenset(),
    requests=requests,
    script=script,
    parse=parse,
)
