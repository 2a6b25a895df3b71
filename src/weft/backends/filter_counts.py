"""Reads what the filters of tenants have counted, and what routers' namespaces have thrown away: one listing for each
table, one look at /proc for each namespace.

Rules: only reads. Contexts are kept from one reading to the next, for whoever looks again every second, while their
labels mean the same. Source: proc(5) (net/snmp, net/netstat, net/snmp6), nft(8).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from weft.backends.libnftables import COUNTING, Complaint, Context
from weft.backends.visit import visiting
from weft.kinds.nft.counts import Counts, read_counts
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.records import dataclass

_PROC = Path("/proc/thread-self/net")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterGlance:
    """What had been counted at one time. `at_s`: seconds on a clock that only runs forward. `filters`: by namespace;
    `routers`: by namespace, the kernel's own counters by name."""

    at_s: float
    filters: Mapping[str, Counts] = field(default_factory=dict)
    routers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class FilterReader:
    """Of one machine."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._contexts: dict[str, tuple[tuple[int, int] | None, Context]] = {}

    def close(self) -> None:
        for _, context in self._contexts.values():
            context.close()
        self._contexts.clear()

    def read(self, tables: Mapping[str, str], routers: Iterable[str] = ()) -> FilterGlance:
        """`tables`: by namespace, family and name. What is not there is left out. Raises: NotPermitted,
        FeatureMissing."""
        at_s = time.monotonic()
        filters, thrown = {}, {}
        for netns, table in tables.items():
            with suppress(NamespaceGone, Complaint), visiting(self._namespaces, netns):
                filters[netns] = read_counts(self._context(netns).ask(f"list table {table}"))
        for netns in routers:
            with suppress(NamespaceGone, FileNotFoundError), visiting(self._namespaces, netns):
                thrown[netns] = _proc_counters()
        return FilterGlance(at_s=at_s, filters=filters, routers=thrown)

    def _context(self, netns: str) -> Context:
        """The namespace's context; the thread must be in the namespace."""
        identity = self._namespaces.identity(netns)
        held = self._contexts.get(netns)
        if held is not None and held[0] == identity:
            return held[1]
        if held is not None:
            held[1].close()
        made = Context(COUNTING)
        self._contexts[netns] = identity, made
        return made


def _proc_counters() -> dict[str, int]:
    """By `Group.Name`: `Ip.OutNoRoutes`, `TcpExt.IPReversePathFilter`; of IPv6 `Ip6InNoRoutes`."""
    found: dict[str, int] = {}
    for file in ("snmp", "netstat"):
        lines = (_PROC / file).read_text().splitlines()
        for names, values in zip(lines[::2], lines[1::2], strict=False):
            group, _, said = names.partition(": ")
            pairs = zip(said.split(), values.partition(": ")[2].split(), strict=False)
            found.update((f"{group}.{name}", int(value)) for name, value in pairs)
    for line in (_PROC / "snmp6").read_text().splitlines():
        name, value = line.split()
        found[name] = int(value)
    return found
