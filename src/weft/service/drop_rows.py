"""What was dropped, sorted by what dropped it and where: a row for each rule, and for each port and reason.

Rules: rows of counters and what rules told meet by what they are about. A rule's counter does not say at which port;
then the ports whose own counters moved are named. A router's drops are counted by the kernel for its namespace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field

from weft.backends.filter_counts import FilterGlance
from weft.compiler.groups.logs import ALLOW, AUDITED, DENIED, DROP, DROPPED, GUARD, STRANGER, WOULD_DROP
from weft.compiler.groups.tallies import Tally
from weft.kinds.nft.counts import Counts
from weft.model.intent import Path
from weft.model.security import Action
from weft.picture.filters import DropView, Reason, Sum, Talk
from weft.records import dataclass
from weft.service.filters import IN, OUT, Difference, ScopeFilters, TenantFilter, port_name, rule_of_group
from weft.service.told import NO_RULE, SPOOFED, Told
from weft.state import netns_key

MOST_TALKS = 5

ROUTERS: Mapping[str, str] = {
    "IpExt.InNoRoutes": "no route for an IPv4 packet",
    "Ip.OutNoRoutes": "no route for an IPv4 packet of its own",
    "Ip.InAddrErrors": "an IPv4 address that cannot be",
    "TcpExt.IPReversePathFilter": "a source to which another way leads (rp_filter)",
    "Ip.FragFails": "an IPv4 packet too large for the next link",
    "Ip6InNoRoutes": "no route for an IPv6 packet",
    "Ip6OutNoRoutes": "no route for an IPv6 packet of its own",
    "Ip6InAddrErrors": "an IPv6 address that cannot be",
    "Ip6InTooBigErrors": "an IPv6 packet too large for the next link",
}
"""What is shown of what the kernel counts for a namespace. Source: linux/snmp.h, net/ipv4/proc.c, net/ipv6/proc.c."""


@dataclass(slots=True)
class _Row:
    reason: Reason
    fate: str
    what: str
    port: str
    path: Path
    counted: Sum | None = None
    seen: int = 0
    talks: Counter[tuple[str, str, str]] = field(default_factory=Counter)


class DropRows:
    """Of one scope."""

    def __init__(self, filters: ScopeFilters) -> None:
        self._filters = filters
        self._rows: dict[tuple[str, ...], _Row] = {}

    def add_counted(self, now: FilterGlance, before: FilterGlance, routers: Mapping[str, Path]) -> None:
        """What was counted between two glances. `routers`: places in the file by namespace."""
        counted = Difference(now, before, only_since=True)
        for tenant_filter in self._filters.by_netns.values():
            self._ports(tenant_filter, counted)
            self._rules(tenant_filter, counted)
            for link, _ in now.filters.get(tenant_filter.netns, Counts()).of_set(STRANGER):
                if self._filters.is_strange(tenant_filter.netns, link):
                    lost = counted.element(tenant_filter.netns, STRANGER, f'"{link}"')
                    what = f"{link} is on the bridge and is not weft's"
                    self._count(Reason.STRANGER, DROP, (tenant_filter.netns, link), what, "", (), lost)
        for netns, path in routers.items():
            self._router(now, before, netns, path)

    def add_told(self, found: Iterable[Told]) -> None:
        """What rules told, but of what they let through."""
        for told in found:
            if told.fate == ALLOW:
                continue
            row = self._rows.setdefault(told.about, _Row(told.reason, told.fate, told.what, told.port, told.path))
            row.seen += 1
            row.talks[told.source, told.target, told.words] += 1
            self._say_more(row, told)

    def views(self) -> tuple[DropView, ...]:
        """The most first."""
        rows = sorted(self._rows.values(), key=lambda row: (-_packets(row), -row.seen, row.what, row.port))
        return tuple(self._view(row) for row in rows)

    # inside

    def _say_more(self, row: _Row, told: Told) -> None:
        """A counter of a port does not say what it spoke, one of a rule not at which port."""
        if row.what == SPOOFED:
            row.what = told.what
        elif told.what.removeprefix(f"{SPOOFED}: ") not in row.what:
            row.what = f"{row.what}, {told.what.removeprefix(f'{SPOOFED}: ')}"
        if told.reason is Reason.RULE and told.port and told.port not in row.port.split(", "):
            row.port = f"{row.port}, {told.port}" if row.port else told.port

    def _ports(self, tenant_filter: TenantFilter, counted: Difference) -> None:
        for link, path in tenant_filter.ports.items():
            name, element = port_name(path), f'"{link}"'
            for way in (IN, OUT):
                for set_name, fate in ((DROPPED[way], DROP), (AUDITED[way], WOULD_DROP)):
                    lost = counted.element(tenant_filter.netns, set_name, element)
                    at = (*path, "security_groups")
                    self._count(Reason.NO_RULE, fate, (way, *path), NO_RULE[way], name, at, lost)
            spoofed = counted.element(tenant_filter.netns, GUARD, element)
            self._count(Reason.SPOOFED, DROP, path, SPOOFED, name, path, spoofed)

    def _rules(self, tenant_filter: TenantFilter, counted: Difference) -> None:
        for tally in tenant_filter.tallies:
            if tally.rule.action is Action.DENY:
                what = rule_of_group(tally)
                fate = WOULD_DROP if tally.is_audited else DROP
                ports = _only_port(tenant_filter, tally, counted) if fate == DROP else ""
                lost = counted.tallies([(tenant_filter.netns, tally)])
                self._count(Reason.RULE, fate, (tenant_filter.netns, *tally.path), what, ports, tally.path, lost)

    def _router(self, now: FilterGlance, before: FilterGlance, netns: str, path: Path) -> None:
        elapsed_s = now.at_s - before.at_s
        for name, what in ROUTERS.items():
            lost = now.routers.get(netns, {}).get(name, 0) - before.routers.get(netns, {}).get(name, 0)
            if lost > 0 and elapsed_s > 0:
                router = f"router {path[1]}/{path[3]}"
                told = Sum(packets=lost, rate_pps=lost / elapsed_s)
                self._count(Reason.ROUTER, DROP, (netns, name), what, router, path, told)

    def _count(
        self, reason: Reason, fate: str, about: tuple[str, ...], what: str, port: str, path: Path, lost: Sum
    ) -> None:
        if lost.packets:
            self._rows[reason.value, fate, *about] = _Row(reason, fate, what, port, path, lost)

    def _view(self, row: _Row) -> DropView:
        return DropView(
            reason=row.reason,
            what=row.what,
            port=row.port,
            where=self._filters.where(row.path) if row.path else "",
            fate=row.fate,
            counted=row.counted,
            seen=row.seen,
            talks=tuple(
                Talk(source=source, target=target, what=what, seen=seen)
                for (source, target, what), seen in row.talks.most_common(MOST_TALKS)
            ),
        )


def routers_of(filters: ScopeFilters) -> dict[str, Path]:
    """The namespaces of weft's own that are no tenant's bridges, with their places in the file."""
    paths = filters.prepared.paths
    namespaces = (key for key in filters.prepared.desired if key.table == "netns" and key.name not in filters.by_netns)
    found = {key.name: paths.get(netns_key(key.name), ()) for key in namespaces}
    return {netns: path for netns, path in found.items() if len(path) == 4 and path[2] in ("networks", "routers")}


def _only_port(tenant_filter: TenantFilter, tally: Tally, counted: Difference) -> str:
    """The port at which a rule denied something, where it can be but one."""
    moved = [
        path for link, path in tenant_filter.ports.items()
        if path[1] == tally.party.name and counted.element(tenant_filter.netns, DENIED[tally.way], f'"{link}"').packets
    ]  # fmt: skip
    return port_name(moved[0]) if len(moved) == 1 else ""


def _packets(row: _Row) -> int:
    return row.counted.packets if row.counted else 0
