"""What filters do, in the words of the file: what each rule has let through or stopped, what each port lost, and who
spoke to whom when packets were dropped.

Rules: plain data. A rate is None until there were two readings.
"""

from __future__ import annotations

from enum import StrEnum

from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What was counted; of the time between two readings, where it says so."""

    packets: int = 0
    bytes: int = 0
    rate_pps: float | None = None
    rate_bps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """`direction`: ingress or egress. `words`: what it fits. `action`: allow, deny, or audit of a rule that would deny.
    `logs`: whether it says so. `where`: file:line:column."""

    direction: str
    action: str
    words: str
    priority: int
    logs: bool
    where: str
    counted: Sum


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """`name`: TENANT/GROUP."""

    name: str
    audit: bool
    where: str
    rules: tuple[RuleView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortLosses:
    """What one port (`name`: TENANT/PORT) did not get or get out: by no rule, by a deny rule, by speaking as another;
    and what an audited group would have dropped."""

    name: str
    where: str
    no_rule_in: Sum
    no_rule_out: Sum
    denied_in: Sum
    denied_out: Sum
    would_drop_in: Sum
    would_drop_out: Sum
    spoofed: Sum


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltersView:
    """`strangers`: what links that are not weft's have lost in the bridges of a scope, by namespace and ifname.
    `missing`: the tenants whose filter is not there, so that nothing counts."""

    scope: str
    groups: tuple[GroupView, ...]
    ports: tuple[PortLosses, ...]
    strangers: tuple[tuple[str, str, Sum], ...] = ()
    missing: tuple[str, ...] = ()


class Reason(StrEnum):
    """Why a packet did not go on, or would not have."""

    NO_RULE = "no rule"
    RULE = "rule"
    SPOOFED = "spoofed"
    STRANGER = "not weft's link"
    ROUTER = "router"


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Who spoke to whom: ports as TENANT/PORT, else addresses. `what`: `tcp/80`, `icmp echo-request`, `arp`. `seen`:
    how many packets of it were told of, which is a sample."""

    source: str
    target: str
    what: str
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropView:
    """`what`: in words. `port`: TENANT/PORT where it happened, a router, or "". `where`: of the rule, or of the port,
    file:line:column. `fate`: drop, audit (passed, and would be dropped) or allow (of a rule with a log). `counted`:
    None where only samples are known. `talks`: the most frequent first; `seen`: all samples."""

    reason: Reason
    what: str
    port: str
    where: str
    fate: str
    counted: Sum | None
    seen: int
    talks: tuple[Talk, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One packet that a rule told of. `at`: seconds since the epoch."""

    at: float
    scope: str
    fate: str
    what: str
    port: str
    where: str
    source: str
    target: str
    talk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DropsView:
    """`since`: seconds since the epoch from which on; `lasted_s`: how long was counted, 0 where nothing was. `samples`:
    how it is known who spoke: `recorder`, `live` or `none`. `missed`: how often more was told than was taken.
    `missing`: the tenants whose filter is not there, so that nothing counts."""

    scope: str
    since: float
    lasted_s: float
    samples: str
    missed: int
    drops: tuple[DropView, ...]
    missing: tuple[str, ...] = ()
