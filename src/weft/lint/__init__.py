"""What is legal in an intent and still does harm on this machine: warnings, never refusals.

Rules: pure, over intent and facts. A rule is a function in one of the modules here, and says nothing where the facts do
not tell. A warning says what will happen and what would prevent it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.lint.groups.floating import silent_floating
from weft.lint.groups.vain import memberless_groups, shadowed_rules
from weft.lint.limits import LIMITS, conntrack, neighbours
from weft.lint.mtu import large_links, lost_ipv6, uneven_ports
from weft.lint.next_hops import unreached_next_hops, vacant_next_hops
from weft.lint.qos.ceilings import ceils_beyond_line, ceils_beyond_whole
from weft.lint.qos.figures import bursts
from weft.lint.qos.marks import foreign_marks
from weft.lint.qos.order import marks_that_do_not_classify, priority_inversions
from weft.lint.qos.places import bbr_that_is_dropped, limits_in_reach
from weft.lint.qos.shadows import shadowed_classes
from weft.lint.ranges import shared_ranges
from weft.lint.spoofing import unguarded_ports
from weft.lint.tcp import absent_congestion_controls
from weft.model.intent import Intent

__all__ = ["LIMITS", "RULES", "lint"]

Rule = Callable[[Intent, Facts], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    neighbours,
    conntrack,
    shared_ranges,
    unguarded_ports,
    uneven_ports,
    lost_ipv6,
    large_links,
    absent_congestion_controls,
    unreached_next_hops,
    vacant_next_hops,
    bursts,
    ceils_beyond_line,
    ceils_beyond_whole,
    shadowed_classes,
    priority_inversions,
    marks_that_do_not_classify,
    foreign_marks,
    limits_in_reach,
    bbr_that_is_dropped,
    silent_floating,
    shadowed_rules,
    memberless_groups,
)


def lint(intent: Intent, facts: Facts) -> list[Finding]:
    """All warnings, in the order of the rules."""

    def said() -> Iterator[Finding]:
        for rule in RULES:
            yield from rule(intent, facts)

    return list(said())
