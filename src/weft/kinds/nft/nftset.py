"""A named set or map. Source: nft(8).

Rules: the elements of a set are objects of their own, so that one more costs one. Not so those of a set that counts:
they may overlap what they follow (prefixes, ranges of ports), which the kernel refuses but in one transaction, so they
are a field of the set and change all at once; those that stay keep their counters. What is in a dynamic set, which
rules of packets fill, is the kernel's own affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.nft.commands import Command, Elements, Line, Stage, in_netns, shell
from weft.records import dataclass
from weft.state import Change, Key, Keyed, Op

TYPEOF = "typeof "
COUNTER = "counter"
DYNAMIC = "dynamic"

ADDRESS_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}
"""Of each family, as nft prints it."""

MANY = 400_000
"""Comparisons: nft looks for each element of ranges that is to go among all there are, two million in a second. Above
so many the set is emptied and filled anew, and its counters begin again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NftSet(Keyed):
    """A set, or a map where `data` is not "". `type` and `data` as nft prints them ("ipv4_addr", "ifname . ipv4_addr",
    "verdict"), or what follows `typeof`, with that word; `flags` sorted ("interval", "timeout"). `counted`: each
    element has a counter; `elements` then are all of it, as nft prints them, sorted, in a map with ` : ` and what each
    leads to; none of a dynamic one."""

    netns: str
    family: str
    table: str
    name: str
    type: str
    data: str = ""
    flags: tuple[str, ...] = ()
    counted: bool = False
    elements: tuple[str, ...] = ()

    def identify(self) -> Key:
        return Key("nft-set", self.netns, f"{self.family} {self.table} {self.name}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (Key("nft-table", self.netns, f"{self.family} {self.table}"),)


def requests(change: Change, names: Names) -> Iterable[Request]:
    return in_netns(_set(change).netns, _commands(change))


def script(change: Change) -> Iterable[str]:
    """Chains that elements lead to may come later in a script: they are declared, which harms none that is there."""
    held = _set(change)
    led_to = (element.partition(" : goto ")[2] for element in held.elements) if change.after is not None else ()
    targets = dict.fromkeys(filter(None, led_to))
    declared: list[Command] = [
        Line(Stage.ADD_CHAIN, f"add chain {held.family} {held.table} {name}") for name in targets
    ]
    return shell(held.netns, [*declared, *_commands(change)])


def parse(netns: str, family: str, table: str, name: str, body: Sequence[str]) -> NftSet:
    """`body`: the lines between the braces, stripped."""
    words = dict(line.partition(" ")[::2] for line in body)
    declared = words.get("type") or f"{TYPEOF}{words.get('typeof', '')}"
    kind, _, data = declared.partition(" : ")
    flags = tuple(sorted(filter(None, words.get("flags", "").split(","))))
    return NftSet(
        netns=netns,
        family=family,
        table=table,
        name=name,
        type=kind,
        data=data,
        flags=flags,
        counted=COUNTER in words,
    )


def _set(change: Change) -> NftSet:
    assert isinstance(change.object, NftSet)
    return change.object


def _commands(change: Change) -> list[Command]:
    if change.op is Op.UPDATE:
        assert isinstance(change.before, NftSet) and isinstance(change.after, NftSet)
        return _edits(change.before, change.after)
    commands: list[Command] = []
    if isinstance(change.before, NftSet):
        commands.append(Line(Stage.DROP_SET, f"delete {_target(change.before)}"))
    if isinstance(change.after, NftSet):
        commands.append(Line(Stage.ADD_SET, f"add {_target(change.after)} {{ {_body(change.after)} }}"))
    return commands


def _edits(before: NftSet, after: NftSet) -> list[Command]:
    """What goes first, so that what comes may overlap it."""
    there, wanted = set(before.elements), set(after.elements)
    gone = [element for element in before.elements if element not in wanted]
    new = [element for element in after.elements if element not in there]
    if len(gone) * len(before.elements) > MANY:
        flush = Line(Stage.DROP_ELEMENT, f"flush set {_name(before)}")
        return [flush, *_elements(Stage.ADD_ELEMENT, after, after.elements)]
    return [*_elements(Stage.DROP_ELEMENT, before, gone), *_elements(Stage.ADD_ELEMENT, after, new)]


def _elements(stage: Stage, held: NftSet, elements: Iterable[str]) -> list[Command]:
    return [Elements(stage, _name(held), element) for element in elements]


def _target(held: NftSet) -> str:
    return f"{'map' if held.data else 'set'} {_name(held)}"


def _name(held: NftSet) -> str:
    return f"{held.family} {held.table} {held.name}"


def _body(held: NftSet) -> str:
    data = f" : {held.data}" if held.data else ""
    flags = f" flags {','.join(held.flags)};" if held.flags else ""
    counter = f" {COUNTER};" if held.counted else ""
    word = "" if held.type.startswith(TYPEOF) else "type "
    elements = f" elements = {{ {', '.join(held.elements)} }};" if held.elements else ""
    return f"{word}{held.type}{data};{flags}{counter}{elements}"


ROW = Kind(
    name="nft-set",
    cls=NftSet,
    backend="nft",
    owner=Owner.TABLE,
    in_place=frozenset({"elements"}),
    requests=requests,
    script=script,
    parse=parse,
)
