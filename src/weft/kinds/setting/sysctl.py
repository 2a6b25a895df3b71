"""A sysctl of one namespace. Source: sysctl(8), Documentation/networking/ip-sysctl.rst."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.netns import ground
from weft.state import Change, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Sysctl:
    """`name` as under /proc/sys with `/` for the separator ("net/ipv4/ip_forward"), so that a dotted interface name
    is no riddle. `value` as read, white space folded to single blanks. A setting always exists: to create one is to
    change it and to note the former value in the ledger, to delete it is to put the former value back."""

    netns: str
    name: str
    value: str

    @property
    def key(self) -> Key:
        return Key("sysctl", self.netns, self.name)

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return ground(self.netns)


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> Sysctl:
    raise NotImplementedError


ROW = Kind(
    name="sysctl",
    cls=Sysctl,
    backend="setting",
    owner=Owner.LEDGER,
    in_place=frozenset({"value"}),
    requests=requests,
    script=script,
    parse=parse,
)
