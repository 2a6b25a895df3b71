"""Connections that groups no longer allow are cut: answers pass unasked, so a rule that goes must take its own along.

Rules: after the transaction, under its locks; an apply that was led back cuts nothing. Every connection of a tenant
whose filter changed is judged by what is wanted now: what another rule still allows goes on. What cannot be cut now
(a namespace that goes at this moment) is no failure of the apply.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from weft.backends.conntrack import Conntrack
from weft.compiler.groups.layout import BRIDGE
from weft.diff import Changes
from weft.reach.connection import Admission
from weft.state import Change, KernelObject, Op, State


def sever(conntrack: Conntrack, desired: State, places: Collection[str]) -> int:
    """End what `desired` refuses in these namespaces, and say how many. Raises: NotPermitted, KernelRefused."""
    held: dict[str, list[KernelObject]] = defaultdict(list)
    for key, obj in desired.items():
        if key.netns in places:
            held[key.netns].append(obj)
    return sum(_sever(conntrack, netns, objects) for netns, objects in held.items())


def _sever(conntrack: Conntrack, netns: str, objects: list[KernelObject]) -> int:
    there = conntrack.connections(netns)
    if not there:
        return 0
    admission = Admission(objects)
    refused = [connection for connection in there if admission.refuses(connection)]
    return conntrack.end(netns, refused) if refused else 0


def narrowed(changes: Changes) -> set[str]:
    """The namespaces of filters that may let less through than before."""
    return {key.netns for key, change in changes.items() if key.table.startswith("nft-") and _narrows(change)}


def filtered(desired: State) -> set[str]:
    """The namespaces that have filters."""
    return {key.netns for key in desired if key.table == "nft-table" and key.name.startswith(f"{BRIDGE} ")}


def _narrows(change: Change) -> bool:
    """One more element lets more through, or is of a port that had no connections yet."""
    is_filter = change.key.name.startswith(f"{BRIDGE} ")
    return is_filter and not (change.op is Op.CREATE and change.key.table == "nft-element")
