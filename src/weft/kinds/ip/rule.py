"""A policy routing rule. Source: ip-rule(8), linux/fib_rules.h."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.netns import ground
from weft.state import Change, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`family` 4 or 6; `priority` must be unique in it for weft's own. `src`, `dst`: prefixes, "" for all. `fwmark` and
    `fwmask`: 32 bits. `action`: "lookup", "blackhole", "unreachable", "prohibit"."""

    netns: str
    family: int
    priority: int
    src: str = ""
    dst: str = ""
    iif: str = ""
    oif: str = ""
    fwmark: int = 0
    fwmask: int = 0
    table: int = 0
    action: str = "lookup"
    protocol: int | None = None

    @property
    def key(self) -> Key:
        return Key("rule", self.netns, f"inet{'6' if self.family == 6 else ''} {self.priority}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return ground(self.netns)


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> Rule:
    raise NotImplementedError


ROW = Kind(
    name="rule",
    cls=Rule,
    backend="rtnl",
    owner=Owner.PROTOCOL,
    in_place=frozenset(),
    requests=requests,
    script=script,
    parse=parse,
)
