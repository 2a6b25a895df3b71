"""weft's one sanctioned touch of another's firewall: a marked rule in its user chain. Source: nft(8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.netns import ground
from weft.state import Change, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class NftForeignRule:
    """weft's sanctioned rule in somebody else's chain (DOCKER-USER), put first in it. `comment` is the mark."""

    netns: str
    family: str
    table: str
    chain: str
    rule: str
    comment: str

    @property
    def key(self) -> Key:
        return Key("nft-foreign-rule", self.netns, f"{self.family} {self.table} {self.chain} {self.comment}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return ground(self.netns)


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> NftForeignRule:
    raise NotImplementedError


ROW = Kind(
    name="nft-foreign-rule",
    cls=NftForeignRule,
    backend="nft",
    owner=Owner.ALIAS,
    in_place=frozenset(),
    requests=requests,
    script=script,
    parse=parse,
)
