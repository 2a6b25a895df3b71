"""What may be to blame where two ports do not reach each other as they should: differences from what was asked for, on
their way.

Rules: what the way itself needs comes first, then what stands on its links, then what else decides about packets in
the namespaces that it leads through; a route of weft's that the way does not need is no suspect. Of two that should be
apart the way is not known: there, every difference in what their tenants have is a suspect, other people's first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from enum import IntEnum
from typing import TypeAlias

from weft.reach import Expectation, Reach
from weft.service.prepared import Prepared
from weft.service.status import Difference, Drift
from weft.state import HOST, netns_key

Suspect: TypeAlias = Difference

_DECIDING = frozenset({"route", "rule", "sysctl", "nft-table", "nft-chain", "nft-set", "nft-element", "netns"})
"""Tables whose objects concern all that passes a namespace."""


_STRANGE = (Drift.FOREIGN, Drift.EXTRA)


class _Nearness(IntEnum):
    ON_THE_WAY = 0
    BESIDE_IT = 1
    AROUND = 2


class Suspects:
    """The differences of one look at the machine."""

    def __init__(self, prepared: Prepared, differences: Sequence[Difference]) -> None:
        self._prepared = prepared
        self._differences = differences
        self._tenants: dict[str, set[str]] = defaultdict(set)
        for key, path in prepared.paths.items():
            if path[:1] == ("tenants",):
                self._tenants[path[1]].add(key.name if key.table == "netns" else key.netns)

    def of(self, expectations: Sequence[Expectation]) -> tuple[Suspect, ...]:
        """Those of one pair, the nearest first."""
        near: list[tuple[_Nearness, bool, int]] = []
        for at, difference in enumerate(self._differences):
            nearness = [found for one in expectations if (found := self._nearness(difference, one)) is not None]
            if nearness:
                near.append((min(nearness), difference.drift not in _STRANGE, at))
        return tuple(self._differences[at] for *_, at in sorted(near))

    def _nearness(self, difference: Difference, expectation: Expectation) -> _Nearness | None:
        key = difference.key
        if expectation.reach is Reach.NO:
            return _Nearness.AROUND if key.netns in self._surroundings(expectation) else None
        if key in expectation.objects or key in map(netns_key, expectation.places):
            return _Nearness.ON_THE_WAY
        if key.table == "route" and difference.drift not in _STRANGE:
            return None
        if any(ground in expectation.objects for ground in self._prepared.grounds(key) if ground.table == "link"):
            return _Nearness.BESIDE_IT
        is_strange_link = key.table == "link" and difference.drift in _STRANGE
        if key.netns in expectation.places and key.table in _DECIDING:
            return _Nearness.AROUND
        return _Nearness.AROUND if is_strange_link and key.netns in _namespaces(expectation) else None

    def _surroundings(self, expectation: Expectation) -> set[str]:
        tenants = (expectation.source.tenant, expectation.target.tenant)
        return {HOST, *expectation.places, *(netns for tenant in tenants for netns in self._tenants[tenant])}


def _namespaces(expectation: Expectation) -> set[str]:
    """All that the way leads through, those of bridges too; of the host's links most have nothing to do with it."""
    return {key.netns for key in expectation.objects if key.table == "link"} - {HOST}
