"""weft's one sanctioned touch of another's firewall: a marked rule in its user chain. Source: nft(8)."""

from __future__ import annotations

from collections.abc import Iterable

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.netns import ground
from weft.kinds.nft.commands import Command, Line, MarkedRule, Stage, in_netns, shell
from weft.records import dataclass
from weft.state import Change, Key, Keyed, Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class NftForeignRule(Keyed):
    """weft's sanctioned rule in somebody else's chain (DOCKER-USER), put first in it. `comment` is the mark."""

    netns: str
    family: str
    table: str
    chain: str
    rule: str
    comment: str

    def identify(self) -> Key:
        return Key("nft-foreign-rule", self.netns, f"{self.family} {self.table} {self.chain} {self.comment}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return ground(self.netns)


def requests(change: Change, names: Names) -> Iterable[Request]:
    return in_netns(_rule(change).netns, _commands(change))


def script(change: Change) -> Iterable[str]:
    return shell(_rule(change).netns, _commands(change))


def parse(netns: str, family: str, table: str, chain: str, text: str) -> NftForeignRule | None:
    """The rule of one listed line, or None where it bears no mark of weft."""
    rule, quoted, comment = text.rpartition(' comment "')
    if not quoted or Mark.parse(comment.rstrip('"')) is None:
        return None
    return NftForeignRule(netns=netns, family=family, table=table, chain=chain, rule=rule, comment=comment.rstrip('"'))


def _rule(change: Change) -> NftForeignRule:
    assert isinstance(change.object, NftForeignRule)
    return change.object


def _commands(change: Change) -> list[Command]:
    held = _rule(change)
    chain = f"{held.family} {held.table} {held.chain}"
    commands: list[Command] = []
    if change.before is not None:
        commands.append(MarkedRule(Stage.DROP_RULE, chain, held.comment))
    if change.after is not None:
        commands.append(Line(Stage.ADD_RULE, f'insert rule {chain} {held.rule} comment "{held.comment}"'))
    return commands


ROW = Kind(
    name="nft-foreign-rule",
    cls=NftForeignRule,
    backend="nft",
    owner=Owner.COMMENT,
    in_place=frozenset(),
    requests=requests,
    script=script,
    parse=parse,
)
