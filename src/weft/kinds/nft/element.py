"""One element of a set or map, written exactly as nft prints it. Source: nft(8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.state import Change, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class NftElement:
    """One element of a set or map. `element` and `value` as nft prints them; `value` "" in a set."""

    netns: str
    family: str
    table: str
    set: str
    element: str
    value: str = ""

    @property
    def key(self) -> Key:
        return Key("nft-element", self.netns, f"{self.family} {self.table} {self.set} {self.element}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (Key("nft-set", self.netns, f"{self.family} {self.table} {self.set}"),)


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> NftElement:
    raise NotImplementedError


ROW = Kind(
    name="nft-element",
    cls=NftElement,
    backend="nft",
    owner=Owner.TABLE,
    in_place=frozenset({"value"}),
    requests=requests,
    script=script,
    parse=parse,
)
