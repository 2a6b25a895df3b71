"""What the nft kinds ask of their backend: commands with a place in a transaction.

Rules: one transaction holds many changes, and nftables wants names to exist before they are used and to be unused
before they go. So every command has a stage, and a transaction is sorted by it; the order of changes within a stage
is kept. Source: nft(8), net/netfilter/nf_tables_api.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from shlex import quote

from weft.kinds.base import Request
from weft.kinds.command import beside_net, within
from weft.records import dataclass


class Stage(IntEnum):
    """Places in a transaction, first to last."""

    DROP_TABLE = 0
    ADD_TABLE = 1
    DROP_RULE = 2
    DROP_ELEMENT = 3
    DROP_SET = 4
    DROP_CHAIN = 5
    ADD_CHAIN = 6
    ADD_SET = 7
    ADD_ELEMENT = 8
    ADD_RULE = 9


@dataclass(frozen=True, slots=True)
class Line:
    """One nft command, whole."""

    stage: Stage
    text: str


@dataclass(frozen=True, slots=True)
class Elements:
    """Elements of one set to be added or deleted; the backend joins neighbours into one command.
    `target`: family, table and set."""

    stage: Stage
    target: str
    body: str

    @property
    def verb(self) -> str:
        return "add" if self.stage is Stage.ADD_ELEMENT else "delete"


@dataclass(frozen=True, slots=True)
class MarkedRule:
    """A rule to be deleted that only its comment tells; the backend finds its handle. `chain`: family, table, name."""

    stage: Stage
    chain: str
    comment: str


_SENDERS = "socket cgroupv2"
"""What nft looks up under /sys."""

Command = Line | Elements | MarkedRule


def in_netns(netns: str, commands: Iterable[Command]) -> Iterable[Request]:
    return [Request(netns, command) for command in commands]


def command_text(command: Command) -> str:
    """The command as nft takes it; a marked rule's handle is the shell's to find (see `shell`)."""
    match command:
        case Line(_, text):
            return text
        case Elements(_, target, body):
            return f"{command.verb} element {target} {{ {body} }}"
        case MarkedRule(_, chain, _):
            return f"delete rule {chain} handle"


def shell(netns: str, commands: Sequence[Command]) -> Iterable[str]:
    """Shell lines that do the same with nft(8)."""
    nft = f"{within(netns)}nft"
    for command in commands:
        if isinstance(command, MarkedRule):
            yield f"{nft} {command_text(command)} {_handle_of(nft, command)}"
        else:
            text = command_text(command)
            yield f"{beside_net(netns) + 'nft' if _SENDERS in text else nft} {quote(text)}"


def _handle_of(nft: str, rule: MarkedRule) -> str:
    pattern = quote(f's|.* comment "{rule.comment}" # handle ||p')
    return f"$({nft} -a list chain {rule.chain} | sed -n {pattern})"
