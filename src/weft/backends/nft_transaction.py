"""Changes of one namespace into the text of one nft transaction, and lines of that text back to changes. Pure.

Rules: the text has one command a line, sorted by stage; whatever lives in a table that goes is not named, for it goes
with the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import groupby

from weft.backends.nameless import NO_NAMES
from weft.kinds import KINDS
from weft.kinds.nft import chain as chain_kind
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.commands import Command, Elements, Line, MarkedRule, Stage, command_text
from weft.kinds.nft.foreign_rule import NftForeignRule
from weft.kinds.nft.listing import Listing
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.records import dataclass
from weft.state import Change, Key, Op

Step = tuple[Command, Change]

_PLACED = re.compile(r"insert rule \S+ \S+ \S+ handle ")


@dataclass(frozen=True, slots=True)
class Transaction:
    """`lines` of nft commands; `changes`: the change that each line belongs to."""

    lines: tuple[str, ...]
    changes: tuple[Change, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    @property
    def has_placed_rules(self) -> bool:
        """Whether a rule goes before another one: nft then reads all rules of the namespace first."""
        return any(map(_PLACED.match, self.lines))

    def change_at(self, line: int) -> Change:
        """The change of a line counted from 1; the first one where nft named none."""
        return self.changes[min(max(line, 1), len(self.changes)) - 1]


def without_the_dropped(changes: Sequence[Change]) -> list[Change]:
    """The changes less the deletions of what goes with its table."""
    gone = {c.key for c in changes if c.op is Op.DELETE and isinstance(c.object, NftTable)}
    if not gone:
        return list(changes)
    return [c for c in changes if c.op is not Op.DELETE or _table_of(c) not in gone or c.key in gone]


def tolerant(changes: Iterable[Change], present: frozenset[Key]) -> list[Change]:
    """The changes as they must be where part of what they start from is gone: a deletion is done, the rest creates."""
    kept: list[Change] = []
    for change in changes:
        if change.before is None or change.key in present or isinstance(change.object, NftForeignRule):
            kept.append(change)
        elif change.after is not None:
            kept.append(Change(Op.CREATE, None, change.after))
    return kept


def needs_listing(changes: Iterable[Change]) -> list[str]:
    """Targets of `list` that tell the handles and rules which the changes depend on."""
    targets: dict[str, None] = {}
    for change in changes:
        if change.op is Op.CREATE:
            continue
        held = change.object
        if isinstance(held, NftForeignRule):
            targets[f"chain {held.family} {held.table} {held.chain}"] = None
        elif (change.op is Op.UPDATE and isinstance(held, NftChain)) or _is_replaced_set(change):
            targets[f"table {table_name(held)}"] = None
    return list(targets)


def table_name(held: object) -> str:
    """Family and name of the table that an nft object is or is in."""
    assert hasattr(held, "family")
    return f"{held.family} {held.name if isinstance(held, NftTable) else held.table}"  # type: ignore[attr-defined]


def steps(changes: Sequence[Change], listing: Listing) -> list[Step]:
    """The commands of all changes, each beside its change, in the order of a transaction."""
    rewritten = _chains_to_rewrite(changes, listing)
    named = {change.key for change in changes}
    found: list[Step] = []
    for change in [*changes, *(change for key, change in rewritten.items() if key not in named)]:
        found += [(command, change) for command in _commands(change, listing, rewritten.keys())]
    found.sort(key=lambda step: step[0].stage)
    return found


def assemble(found: Iterable[Step], *, joined: bool = True) -> Transaction:
    """The text. `joined`: neighbouring elements of a set share a command, which is fast; apart, a complaint names the
    very element."""
    lines: list[str] = []
    changes: list[Change] = []
    for text, change in _joined(found) if joined else ((command_text(c), change) for c, change in found):
        lines.append(text)
        changes.append(change)
    return Transaction(tuple(lines), tuple(changes))


def _joined(found: Iterable[Step]) -> Iterator[tuple[str, Change]]:
    for group, members in groupby(found, key=_group):
        together = list(members)
        if group is None:
            yield from ((command_text(command), change) for command, change in together)
        else:
            bodies = ", ".join(command.body for command, _ in together if isinstance(command, Elements))
            yield command_text(Elements(group[0], group[1], bodies)), together[0][1]


def _group(step: Step) -> tuple[Stage, str] | None:
    command = step[0]
    return (command.stage, command.target) if isinstance(command, Elements) else None


def _commands(change: Change, listing: Listing, rewritten: Set[Key]) -> Iterator[Command]:
    held = change.object
    if isinstance(held, NftChain) and change.op is Op.UPDATE and change.key not in rewritten:
        yield from chain_kind.edits(held, listing.rules.get(held.key, ()))
        return
    for request in KINDS.of(held).requests(change, NO_NAMES):
        if isinstance(request.payload, MarkedRule):
            yield from _removals(request.payload, change, listing)
        else:
            yield request.payload


def _removals(rule: MarkedRule, change: Change, listing: Listing) -> Iterator[Command]:
    """The marked rule as often as it is there: none where somebody has deleted it."""
    ending = f' comment "{rule.comment}"'
    for listed in listing.rules.get(Key("nft-chain", change.key.netns, rule.chain), ()):
        if listed.text.endswith(ending):
            yield Line(rule.stage, f"delete rule {rule.chain} handle {listed.handle}")


def _chains_to_rewrite(changes: Sequence[Change], listing: Listing) -> dict[Key, Change]:
    """Chains whose rules name a set that is replaced: a set in use cannot go, so they let go of it and take it up."""
    gone = (change.object for change in changes if change.op is Op.REPLACE)
    replaced = {(table_name(held), held.name) for held in gone if isinstance(held, NftSet)}
    if not replaced:
        return {}
    wanted = {c.key: c for c in changes}
    found: dict[Key, Change] = {}
    for held in listing.objects:
        if isinstance(held, NftChain) and any((table_name(held), name) in replaced for name in _sets_named(held)):
            found[held.key] = wanted.get(held.key, Change(Op.UPDATE, held, held))
    return found


def _sets_named(held: NftChain) -> set[str]:
    return set(re.findall(r"@([\w/.-]+)", " ".join(held.rules)))


def _is_replaced_set(change: Change) -> bool:
    return change.op is Op.REPLACE and isinstance(change.object, NftSet)


def _table_of(change: Change) -> Key | None:
    """The table whose end would be this object's; a rule on foreign ground is never such."""
    held = change.object
    if isinstance(held, NftForeignRule):
        return None
    return Key("nft-table", change.key.netns, table_name(held))
