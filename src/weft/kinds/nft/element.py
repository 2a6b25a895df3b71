"""One element of a set or map, written exactly as nft prints it. Source: nft(8)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.nft.commands import Command, Elements, Stage, in_netns, shell
from weft.records import dataclass, maker
from weft.state import Change, Key, Keyed, quick_key

_A_LINE = 500
"""Elements: a word of the shell's may have 128 kB (execve(2))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NftElement(Keyed):
    """One element of a set or map. `element` and `value` as nft prints them; `value` "" in a set."""

    netns: str
    family: str
    table: str
    set: str
    element: str
    value: str = ""

    def identify(self) -> Key:
        return quick_key(("nft-element", self.netns, f"{self.family} {self.table} {self.set} {self.element}"))

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return _ground(self.netns, self.family, self.table, self.set)


new_element = maker(NftElement)


@lru_cache(maxsize=1 << 14)
def _ground(netns: str, family: str, table: str, name: str) -> tuple[Key, ...]:
    """The key of a set: the same one for all of its elements, of which there are more than of all else."""
    return (Key("nft-set", netns, f"{family} {table} {name}"),)


def requests(change: Change, names: Names) -> Iterable[Request]:
    held = _element(change)
    return in_netns(held.netns, _commands(change, held))


def script(change: Change) -> Iterable[str]:
    held = _element(change)
    return shell(held.netns, _commands(change, held))


def script_together(elements: Iterable[NftElement]) -> Iterable[str]:
    """Shell lines that add many: some of a set in one command, for people to paste."""
    of: dict[tuple[str, str], list[str]] = {}
    for held in elements:
        of.setdefault((held.netns, f"{held.family} {held.table} {held.set}"), []).append(_body(held))
    for (netns, target), bodies in of.items():
        parts = (bodies[at : at + _A_LINE] for at in range(0, len(bodies), _A_LINE))
        yield from shell(netns, [Elements(Stage.ADD_ELEMENT, target, ", ".join(part)) for part in parts])


def parse(netns: str, family: str, table: str, set_name: str, element: str, value: str) -> NftElement:
    return new_element(netns=netns, family=family, table=table, set=set_name, element=element, value=value)


def _element(change: Change) -> NftElement:
    held = change.object
    assert isinstance(held, NftElement)
    return held


def _commands(change: Change, held: NftElement) -> list[Command]:
    """A map's element cannot be changed, only deleted and added, which one transaction hides."""
    target = f"{held.family} {held.table} {held.set}"
    commands: list[Command] = []
    if change.before is not None:
        commands.append(Elements(Stage.DROP_ELEMENT, target, held.element))
    if change.after is not None:
        commands.append(Elements(Stage.ADD_ELEMENT, target, _body(held)))
    return commands


def _body(held: NftElement) -> str:
    return f"{held.element} : {held.value}" if held.value else held.element


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
