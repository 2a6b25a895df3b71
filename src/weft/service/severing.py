"""Connections that groups no longer allow are cut: answers pass unasked, so a rule that goes must take its own along.
So are those of a floating IP that leads elsewhere now, in both directions, in every router that it moved from or to.
What a router remembers by an address that it gave up leads nowhere, and would as long as packets come: forgotten, it
goes on by the address that the router has now.

Rules: in the transaction, before its journal ends, so that a kill loses none of it; an apply that was led back cuts
nothing. Every connection of a tenant whose filter changed is judged by what is wanted now, or of a way that was cut
short by what is there at its end: what another rule still allows goes on, and what was barred and is allowed again is
set free. What is cut of TCP or UDP is barred, or the served end's next packet would begin it anew. What cannot be cut
now (a namespace that goes at this moment) is no failure of the apply.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Container, Mapping
from functools import partial
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Protocol

from weft.compiler.groups.layout import BRIDGE
from weft.diff import Changes
from weft.netlink.namespaces import Namespaces
from weft.state import Change, KernelObject, Op, State

if TYPE_CHECKING:
    from weft.backends.conntrack import Conntrack
    from weft.reach.connection import Connection


class Judge(Protocol):
    """Says of a connection whether it may not go on."""

    def refuses(self, connection: Connection) -> bool: ...


def sever(namespaces: Namespaces, desired: State, places: Collection[str]) -> int:
    """End what `desired` refuses in these namespaces, and say how many. Raises: NotPermitted, KernelRefused."""
    from weft.reach.connection import Admission  # only who has filters pays for it

    judges = {netns: partial(Admission, held) for netns, held in _held(desired, places).items()}
    return _end(namespaces, judges, bar=True)


def divert(namespaces: Namespaces, desired: State, moved: Mapping[str, Collection[str]]) -> int:
    """End what goes by floating IPs that lead elsewhere now, and say how many. `moved`: these, by router. Raises:
    NotPermitted, KernelRefused."""
    from weft.reach.redirection import Redirection

    held = _held(desired, moved)
    return _end(namespaces, {netns: partial(Redirection, held.get(netns, ()), moved[netns]) for netns in moved})


class _Addressed:
    """Refuses what has any of some addresses, before or behind a translation."""

    def __init__(self, prefixes: Collection[str]) -> None:
        held = list(map(ip_network, prefixes))
        self._addresses = {str(prefix.network_address) for prefix in held if prefix.num_addresses == 1}
        self._wide = [prefix for prefix in held if prefix.num_addresses > 1]

    def refuses(self, connection: Connection) -> bool:
        ends = {connection.source, connection.target, *connection.answer[:2]}
        return not ends.isdisjoint(self._addresses) or any(self._is_within(end) for end in ends if end)

    def _is_within(self, address: str) -> bool:
        return bool(self._wide) and any(ip_address(address) in prefix for prefix in self._wide)


def forget(namespaces: Namespaces, gone: Mapping[str, Collection[str]]) -> int:
    """End what goes by addresses that are given up, and say how many. `gone`: prefixes, by namespace. Raises:
    NotPermitted, KernelRefused."""
    return _end(namespaces, {netns: partial(_Addressed, gone[netns]) for netns in gone})


def _held(desired: State, places: Container[str]) -> dict[str, list[KernelObject]]:
    held: dict[str, list[KernelObject]] = defaultdict(list)
    for key, obj in desired.items():
        if key.netns in places:
            held[key.netns].append(obj)
    return held


def _end(namespaces: Namespaces, judges: Mapping[str, Callable[[], Judge]], *, bar: bool = False) -> int:
    from weft.backends.conntrack import Conntrack

    conntrack = Conntrack(namespaces)
    return sum(_end_in(conntrack, netns, judge, bar=bar) for netns, judge in judges.items())


def _end_in(conntrack: Conntrack, netns: str, judge: Callable[[], Judge], *, bar: bool) -> int:
    there = conntrack.connections(netns)
    if not there:
        return 0
    judging = judge()
    wrong = [connection for connection in there if judging.refuses(connection) is not connection.barred]
    return conntrack.end(netns, wrong, bar=bar) if wrong else 0


def narrowed(changes: Changes) -> set[str]:
    """The namespaces of filters that may let less through than before."""
    return {key.netns for key, change in changes.items() if key.table.startswith("nft-") and _narrows(change)}


def _narrows(change: Change) -> bool:
    """One more element lets more through, or is of a port that had no connections yet."""
    is_filter = change.key.name.startswith(f"{BRIDGE} ")
    return is_filter and not (change.op is Op.CREATE and change.key.table == "nft-element")
