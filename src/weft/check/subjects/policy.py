"""Rules of policy routing that lead what is for weft's networks elsewhere, before the main table is asked.

Rules: only what holds for every packet counts: a rule with a mark, a source or a link is taken not to. Tailscale's and
VPNs' tables of routes come this way. Source: ip-rule(8).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from weft.check.finding import Finding
from weft.check.symptoms import Symptoms
from weft.kinds.ip.route import MAIN_TABLE, Route
from weft.kinds.ip.rule import Rule
from weft.state import PROTOCOL


def find(symptoms: Symptoms) -> Iterator[Finding]:
    for wanted in symptoms.routes:
        if wanted.protocol == PROTOCOL and wanted.table == MAIN_TABLE and wanted.ifnames:
            elsewhere = _led_astray(wanted, symptoms)
            if elsewhere:
                yield _told(wanted, *elsewhere)


def _led_astray(wanted: Route, symptoms: Symptoms) -> tuple[Rule, Route] | None:
    """The first rule that leads it elsewhere, and the route there."""
    ahead = (rule for rule in symptoms.rules if rule.family == wanted.family and rule.action == "lookup")
    for rule in sorted(ahead, key=lambda rule: rule.priority):
        if rule.src or rule.iif or rule.oif or rule.fwmark or (rule.dst and not _within(wanted.dst, rule.dst)):
            continue
        if rule.table == MAIN_TABLE:
            return None
        for route in symptoms.routes:
            if route.table == rule.table and _meet(route.dst, wanted.dst) and route.ifnames != wanted.ifnames:
                return rule, route
    return None


def _told(wanted: Route, rule: Rule, route: Route) -> Finding:
    whose = " (Tailscale's)" if rule.table == 52 else ""
    ip = "ip -6" if wanted.family == 6 else "ip"
    return Finding(
        level="error",
        what=f"rule {rule.priority} asks table {rule.table}{whose} first, where {route.dst} leads to "
        f"{', '.join(route.ifnames) or route.type}",
        why=f"what is for {wanted.dst} never gets to {', '.join(wanted.ifnames)}, where weft's network is",
        mend="another prefix here or there; or a rule before it",
        command=f"{ip} rule add priority {max(rule.priority - 10, 1)} to {wanted.dst} lookup main",
    )


def _meet(one: str, other: str) -> bool:
    a, b = ip_network(one), ip_network(other)
    return a.version == b.version and a.overlaps(b)


def _within(inner: str, outer: str) -> bool:
    a, b = ip_network(inner), ip_network(outer)
    return a.version == b.version and a.subnet_of(b)  # type: ignore[arg-type]
