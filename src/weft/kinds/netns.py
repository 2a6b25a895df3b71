"""A network namespace with a name under /run/netns. Its mark is the alias of its `lo`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.ip import base_rules
from weft.kinds.verbs import DropNamespace, MakeNamespace
from weft.records import dataclass
from weft.state import HOST, Change, Key, Keyed, Op, netns_key
from weft.wire.link import LOOPBACK_INDEX, link_alias, set_link


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace(Keyed):
    """Source: namespaces(7), ip-netns(8). `alias` without a mark: somebody else's. `lost_rules`: as observed, those of
    its base rules that somebody has deleted. `adopt`: as a link's. `newborn`: as observed, no more than a file by its
    name, which a kill left before there was a namespace on it."""

    name: str
    alias: str | None = None
    lost_rules: tuple[str, ...] = ()
    adopt: bool = field(default=False, compare=False)
    newborn: bool = field(default=False, compare=False)

    def identify(self) -> Key:
        return netns_key(self.name)

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return ()


def ground(netns: str) -> tuple[Key, ...]:
    """The namespace as something to live on; the host's own is always there."""
    return () if netns == HOST else (netns_key(netns),)


def requests(change: Change, names: Names) -> Iterable[Request]:
    match change.op, change.before, change.after:
        case Op.UPDATE, Namespace() as before, Namespace() as after:
            yield Request(after.name, _mark(after))
            yield from (Request(after.name, rule) for rule in base_rules.remade(before.lost_rules))
        case _, before, after:
            if isinstance(before, Namespace):
                yield Request(HOST, DropNamespace(before.name))
            if isinstance(after, Namespace):
                yield Request(HOST, MakeNamespace(after.name, _mark(replace(after, adopt=False))))


def _mark(namespace: Namespace) -> bytes:
    """`lo` is up wherever weft made the namespace."""
    mark = (link_alias(namespace.alias),) if namespace.alias is not None else ()
    return set_link(LOOPBACK_INDEX, *mark, up=None if namespace.adopt else True)


def script(change: Change) -> Iterable[str]:
    match change.op, change.before, change.after:
        case Op.UPDATE, Namespace() as before, Namespace() as after:
            yield _script_mark(after)
            yield from base_rules.script(after.name, before.lost_rules)
        case _, before, after:
            if isinstance(before, Namespace):
                yield command.ip(HOST, "netns", "del", before.name)
            if isinstance(after, Namespace):
                yield command.ip(HOST, "netns", "add", after.name)
                yield _script_mark(replace(after, adopt=False))


def _script_mark(namespace: Namespace) -> str:
    alias = ("alias", namespace.alias) if namespace.alias is not None else ()
    return command.ip(namespace.name, "link", "set", "dev", "lo", *alias, *(() if namespace.adopt else ("up",)))


def parse(netns: str, alias: str, lost_rules: tuple[str, ...] = ()) -> Namespace:
    return Namespace(name=netns, alias=alias, lost_rules=lost_rules)


def _former(namespace: Namespace) -> Namespace:
    """No way back leads to where rules are missing."""
    return replace(namespace, lost_rules=())


ROW = Kind(
    name="netns",
    cls=Namespace,
    backend="rtnl",
    owner=Owner.ALIAS,
    in_place=frozenset({"alias", "lost_rules"}),
    held=True,
    requests=requests,
    script=script,
    parse=parse,
    former=_former,
    remade=_former,
)
