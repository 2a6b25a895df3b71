"""The host's policy routing, and whom it answers for: what others have of it, and what the scope holds already. Pure.

Rules: a protocol number is proof enough here that something is weft's, unless the ledger has it for another scope: what
is the scope's own must not count as taken, or it would move.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.backends.former import Entry
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import MAIN_TABLE, Route
from weft.kinds.ip.rule import Rule
from weft.records import dataclass
from weft.state import HOST, PROTOCOL, KernelObject, Key, State

KERNELS_OWN = frozenset({0, 253, MAIN_TABLE, 255})
"""Tables that everybody uses. Source: linux/rtnetlink.h."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The host's rules, tables and neighbour entries, for one scope."""

    observed: State
    entries: Mapping[Key, Entry]
    scope: str

    def facts(self) -> dict[str, Any]:
        """As Facts has them."""
        return {
            "host_neighbours": self.neighbours(),
            "rules_held": self.held(),
            "rules_taken": frozenset((rule.family, rule.priority) for rule in self._of_others(Rule)),
            "tables_taken": self.tables(),
        }

    def neighbours(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted((held.ifname, held.address) for held in self._of_others(Neighbour)))

    def held(self) -> dict[tuple[str, int], int]:
        """(link that packets come in by, family) to the priority of the scope's rule of all that comes."""
        rules = (obj for obj in self.observed.values() if isinstance(obj, Rule) and obj.netns == HOST)
        whole = (rule for rule in rules if rule.iif and rule.suppressed is None)
        return {(rule.iif, rule.family): rule.priority for rule in whole if self._is_own(rule)}

    def tables(self) -> frozenset[int]:
        named = {rule.table for rule in self._of_others(Rule)} | {route.table for route in self._of_others(Route)}
        return frozenset(named - KERNELS_OWN)

    def _of_others(self, kind: type[Any]) -> list[Any]:
        there = (obj for obj in self.observed.values() if isinstance(obj, kind) and obj.key.netns == HOST)
        return [obj for obj in there if not self._is_own(obj)]

    def _is_own(self, obj: KernelObject) -> bool:
        entry = self.entries.get(obj.key)
        return getattr(obj, "protocol", None) == PROTOCOL and (entry is None or self.scope in entry.scopes)
