"""A network namespace with a name under /run/netns. Its mark is the alias of its `lo`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.state import HOST, Change, Key, netns_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """Source: namespaces(7), ip-netns(8). `alias` None: somebody else's."""

    name: str
    alias: str | None = None

    @property
    def key(self) -> Key:
        return netns_key(self.name)

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return ()


def ground(netns: str) -> tuple[Key, ...]:
    """The namespace as something to live on; the host's own is always there."""
    return () if netns == HOST else (netns_key(netns),)


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> Namespace:
    raise NotImplementedError


ROW = Kind(
    name="netns",
    cls=Namespace,
    backend="rtnl",
    owner=Owner.ALIAS,
    in_place=frozenset({"alias"}),
    held=True,
    requests=requests,
    script=script,
    parse=parse,
)
