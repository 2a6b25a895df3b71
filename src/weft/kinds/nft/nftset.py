"""A named set or map. Source: nft(8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.nft.commands import Command, Line, Stage, in_netns, shell
from weft.records import dataclass
from weft.state import Change, Key, Keyed


@dataclass(frozen=True, slots=True, kw_only=True)
class NftSet(Keyed):
    """A set, or a map where `data` is not "". `type` and `data` as nft prints them ("ipv4_addr", "ifname . ipv4_addr",
    "verdict"); `flags` sorted ("interval", "timeout")."""

    netns: str
    family: str
    table: str
    name: str
    type: str
    data: str = ""
    flags: tuple[str, ...] = ()

    def identify(self) -> Key:
        return Key("nft-set", self.netns, f"{self.family} {self.table} {self.name}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (Key("nft-table", self.netns, f"{self.family} {self.table}"),)


def requests(change: Change, names: Names) -> Iterable[Request]:
    return in_netns(_set(change).netns, _commands(change))


def script(change: Change) -> Iterable[str]:
    return shell(_set(change).netns, _commands(change))


def parse(netns: str, family: str, table: str, name: str, body: Sequence[str]) -> NftSet:
    """`body`: the lines between the braces, stripped."""
    words = dict(line.partition(" ")[::2] for line in body)
    kind, _, data = words.get("type", "").partition(" : ")
    flags = tuple(sorted(filter(None, words.get("flags", "").split(","))))
    return NftSet(netns=netns, family=family, table=table, name=name, type=kind, data=data, flags=flags)


def _set(change: Change) -> NftSet:
    assert isinstance(change.object, NftSet)
    return change.object


def _commands(change: Change) -> list[Command]:
    commands: list[Command] = []
    if isinstance(change.before, NftSet):
        commands.append(Line(Stage.DROP_SET, f"delete {_target(change.before)}"))
    if isinstance(change.after, NftSet):
        commands.append(Line(Stage.ADD_SET, f"add {_target(change.after)} {{ {_body(change.after)} }}"))
    return commands


def _target(held: NftSet) -> str:
    return f"{'map' if held.data else 'set'} {held.family} {held.table} {held.name}"


def _body(held: NftSet) -> str:
    data = f" : {held.data}" if held.data else ""
    flags = f" flags {','.join(held.flags)};" if held.flags else ""
    return f"type {held.type}{data};{flags}"


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
