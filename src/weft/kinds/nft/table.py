"""An nftables table, named after its scope. Source: nft(8)."""

from __future__ import annotations

from collections.abc import Iterable

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.netns import ground
from weft.kinds.nft.commands import Command, Line, Stage, in_netns, shell
from weft.records import dataclass
from weft.state import Change, Key, Keyed

TABLE_PREFIX = "weft-"


@dataclass(frozen=True, slots=True, kw_only=True)
class NftTable(Keyed):
    netns: str
    family: str
    name: str

    def identify(self) -> Key:
        return Key("nft-table", self.netns, f"{self.family} {self.name}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return ground(self.netns)


def requests(change: Change, names: Names) -> Iterable[Request]:
    return in_netns(_table(change).netns, _commands(change))


def script(change: Change) -> Iterable[str]:
    return shell(_table(change).netns, _commands(change))


def parse(netns: str, family: str, name: str) -> NftTable:
    return NftTable(netns=netns, family=family, name=name)


def _table(change: Change) -> NftTable:
    assert isinstance(change.object, NftTable)
    return change.object


def _commands(change: Change) -> list[Command]:
    table = f"{_table(change).family} {_table(change).name}"
    if change.after is not None:
        return [Line(Stage.ADD_TABLE, f"add table {table}")]
    # Adding first makes the deletion of a table that is already gone no error, within one transaction.
    return [Line(Stage.DROP_TABLE, f"add table {table}"), Line(Stage.DROP_TABLE, f"delete table {table}")]


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
