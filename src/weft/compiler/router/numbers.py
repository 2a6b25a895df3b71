"""Numbers of routing tables and priorities of rules, of which the host has one set for everybody.

Rules: a number follows from an id, so that it stays; where somebody has it, the next free one is taken. Priorities lie
behind the kernel's rule for VRFs and before those of VPNs that lead everything away (Tailscale begins at 5210): a rule
for what comes from one router concerns nobody else. What a rule has already it keeps. Source: ip-rule(8).
"""

from __future__ import annotations

from collections.abc import Set
from hashlib import sha256

from weft.compiler.draft import Draft

FIRST_TABLE, TABLES = 0x57000000, 1 << 20
"""Routing tables of external networks."""
FIRST_PRIORITY, PRIORITIES = 1_100, 4_000
"""Priorities of routers' rules."""
NEAR_PRIORITY = 1_090
"""Of the rules before them, one for each router and subnet of its external network."""


def table_number(draft: Draft, identity: str, taken: set[int]) -> int:
    """The table of an external network, now taken."""
    number = _free(identity, FIRST_TABLE, TABLES, taken, draft.facts.tables_taken)
    assert number is not None, "a million tables"
    taken.add(number)
    return number


def rule_priority(identity: str, held: int | None, taken: set[int]) -> int | None:
    """The priority of a router's rules, now taken; None where there is none left. `held`: what they have already;
    `taken`: by others."""
    is_kept = held is not None and held not in taken
    number = held if is_kept else _free(identity, FIRST_PRIORITY, PRIORITIES, taken)
    if number is not None:
        taken.add(number)
    return number


def _free(identity: str, first: int, count: int, *taken: Set[int]) -> int | None:
    at = int.from_bytes(sha256(f"{identity}/number".encode()).digest()[:6], "big")
    numbers = (first + (at + step) % count for step in range(count))
    return next((number for number in numbers if not any(number in others for others in taken)), None)
