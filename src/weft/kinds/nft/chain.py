"""A chain and its rules. Rule texts are written exactly as `nft -s list` prints them, so that what is read compares
equal as text. Source: nft(8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.state import Change, Key, link_key


@dataclass(frozen=True, slots=True, kw_only=True)
class NftChain:
    """A chain with all of its rules in order. A base chain has `type`, `hook` and `priority` (a number); `device` in
    netdev only. A rule is its text; a counter in it is written `counter`."""

    netns: str
    family: str
    table: str
    name: str
    rules: tuple[str, ...] = ()
    type: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = "accept"
    device: str = ""

    @property
    def key(self) -> Key:
        return Key("nft-chain", self.netns, f"{self.family} {self.table} {self.name}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        table = Key("nft-table", self.netns, f"{self.family} {self.table}")
        return (table, link_key(self.netns, self.device)) if self.device else (table,)


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> NftChain:
    raise NotImplementedError


ROW = Kind(
    name="nft-chain",
    cls=NftChain,
    backend="nft",
    owner=Owner.TABLE,
    in_place=frozenset({"rules", "policy"}),
    requests=requests,
    script=script,
    parse=parse,
)
