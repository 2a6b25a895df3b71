"""What a kind of kernel object is to the rest of weft: one row.

Rules: a kind is pure. `requests` turns a change into what the kind's backend speaks; `parse` turns what the backend
read into objects. Neither does I/O. The numbers that only the running kernel knows (ifindex, namespace fd) come from
`Names`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from enum import Enum
from typing import Any, Protocol

from weft.records import dataclass
from weft.state import Change, KernelObject, Key
from weft.wire.link import LinkInfo


class Owner(Enum):
    """How an object says whose it is; `ownership` reads it."""

    ALIAS = "alias"  # links: weft/<host id>/<scope>/<object>; on lo for a namespace
    COMMENT = "comment"  # the same mark as the comment of a rule in somebody else's chain
    PROTOCOL = "protocol"  # addresses, routes, rules, neighbours: protocol 119 on a link that is ours
    GROUND = "ground"  # entries of forwarding tables, which keep no mark: their link's owner
    MEMBERSHIP = "membership"  # what a bridge keeps of a port: the port's owner; if wanted, the bridge's
    HANDLE = "handle"  # qdiscs and classes: their link's owner; elsewhere the handle of the root that the ledger knows
    TABLE = "table"  # nft objects: the table is named after the scope
    ENVIRONMENT = "environment"  # programs: the mark that they were started with
    LEDGER = "ledger"  # settings: the ledger of former values


class Names(Protocol):
    """Numbers that only the running kernel knows. Source: rtnetlink(7), namespaces(7)."""

    def ifindex(self, link: Key) -> int:
        """Index of a link that exists, or the one reserved for a link about to be made.

        Raises: KernelRefused (ENODEV) where there is neither.
        """

    def netns_fd(self, netns: str) -> int:
        """An open file descriptor of the namespace."""

    def coming(self, link: Key) -> KernelObject | None:
        """The link that the commit under way makes at that key: what one message may do for two objects."""

    def is_watched(self, netns: str) -> bool:
        """Whether udev may look at a link of the namespace while it is being made."""

    def info_kind(self, link: Key) -> str:
        """The kernel's word for the kind of a link that exists or is coming, "" for hardware.

        Raises: KernelRefused (ENODEV) where there is neither.
        """

    def keeps_secondaries(self, link: Key) -> bool:
        """Whether an IPv4 address on the link lives on when the one that it is secondary to goes.

        Raises: KernelRefused (ENODEV) where the link is not there.
        """


@dataclass(frozen=True, slots=True)
class Request:
    """One message for a backend, to be sent from inside `netns`. `payload` is in the backend's language: for rtnl the
    bytes of one netlink message or one of its own verbs (make a namespace, open a tap), for nft a line of nft
    commands, for settings (path, text), for programs a verb of kinds/process.py."""

    netns: str
    payload: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A row of the table of kinds.

    `cls`: its dataclass. `backend`: "rtnl", "nft", "setting", "link-setting", "process". `in_place`: fields that are
    changed on the living object; a difference in any other field replaces it, and so does one of such fields where
    `replaces(before, after)`. `held`: a process may hold it open, so it is never deleted before the commit record.
    `info_kind`: the kernel's word for a kind of link; `port_of`: where this is what a master keeps of a link, its word
    for the kind of the master; `tc_kind`: its word for a kind of qdisc. `below`: for a kind of link that names the one
    it stands on in its own data, how that is read: an index, 0 for none.
    `requests`: the change in the backend's language.
    `parse`: the backend's reading to an object (what it is given is the backend's to say; a link's is given a Seen,
    and says None where the link is not of the kind after all).
    `script`: the ip, nft and sysctl commands that do the same; `closing`: those that only work when all is there.
    `claims`: names beside the key that must be unique in
    the kernel (altnames), so that plan can order a release before a claim. `cascade(before, after, dependent)`:
    whether the kernel drops `dependent`, which lives on the object, when that is changed in place;
    `unsettles(dependent)`: whether it then changes `dependent`, which must be said again. `former`: what was
    observed, as a goal to come back to: less what nobody could give back; `remade`: the same, of one that goes.
    `alone`: the fields that no two links of the kind, made from one namespace, have in common.
    """

    name: str
    cls: type[Any]
    backend: str
    owner: Owner
    in_place: frozenset[str] = frozenset()
    replaces: Callable[[Any, Any], bool] = field(default=lambda before, after: False)
    held: bool = False
    info_kind: str = ""
    port_of: str = ""
    tc_kind: str = ""
    below: Callable[[LinkInfo], int] | None = None
    requests: Callable[[Change, Names], Iterable[Request]]
    script: Callable[[Change], Iterable[str]]
    closing: Callable[[Change], Iterable[str]] = field(default=lambda change: ())
    parse: Callable[..., Any]
    claims: Callable[[Any], Iterable[tuple[str, ...]]] = field(default=lambda _: ())
    cascade: Callable[[Any, Any, KernelObject], bool] = field(default=lambda before, after, dependent: False)
    unsettles: Callable[[KernelObject], bool] = field(default=lambda dependent: False)
    former: Callable[[Any], Any] = field(default=lambda observed: observed)
    remade: Callable[[Any], Any] = field(default=lambda observed: observed)
    alone: tuple[str, ...] = ()


class KindTable:
    """All kinds by class. `KINDS.of(obj)` is the row of an object."""

    def __init__(self, rows: Iterable[Kind]) -> None:
        self._by_class: dict[type[Any], Kind] = {row.cls: row for row in rows}
        self._by_name: dict[str, Kind] = {row.name: row for row in self._by_class.values()}
        self._by_info: dict[str, list[Kind]] = {}
        self._by_port: dict[str, list[Kind]] = {}
        self._by_tc: dict[str, Kind] = {row.tc_kind: row for row in self._by_class.values() if row.tc_kind}
        for row in self._by_class.values():
            for found, word in ((self._by_info, row.info_kind), (self._by_port, row.port_of)):
                if word:
                    found.setdefault(word, []).append(row)

    def of(self, obj: KernelObject) -> Kind:
        return self._by_class[type(obj)]

    def named(self, name: str) -> Kind:
        return self._by_name[name]

    def of_links(self, info_kind: str) -> Sequence[Kind]:
        """The rows of links for which the kernel has one word (tun: taps and tuns); none for a kind not weft's."""
        return self._by_info.get(info_kind, ())

    def of_ports(self, info_kind: str) -> Sequence[Kind]:
        """The rows of what a master of that kind keeps of its ports."""
        return self._by_port.get(info_kind, ())

    def of_qdisc(self, tc_kind: str) -> Kind | None:
        """The row of qdiscs of one kind; None for a kind not weft's."""
        return self._by_tc.get(tc_kind)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_class.values())
