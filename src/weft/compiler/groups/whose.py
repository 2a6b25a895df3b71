"""Which rule of the user's an element of a filter counts for, and what a level is without some of its rules.

Rules: nothing is compiled here that `rules.py` does not compile for the kernel too, and only the level that is asked
for. A rule goes by its path in the intent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import field, replace

from weft.compiler.draft import Draft
from weft.compiler.groups.checks import Groups, check_groups
from weft.compiler.groups.layout import FilterTable
from weft.compiler.groups.parties import Party
from weft.compiler.groups.rules import IN, OUT, Counted, Direction, Level, compile_level, level_chain
from weft.compiler.naming import Names
from weft.facts import Facts
from weft.kinds.nft.chain import IP, NftChain
from weft.kinds.nft.nftset import NftSet
from weft.model.intent import Path
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A chain of rules: one level of one group, way, family and domain."""

    direction: Direction
    level: Level
    family: int
    domain: str


@dataclass(slots=True)
class Whose:
    """The rules of one tenant's groups, in its own filter or in that of another who shares a network with it."""

    party: Party
    scope: str
    _groups: Groups | None = None
    _places: dict[str, _Place] | None = None
    _counted: dict[str, Mapping[tuple[str, str], Path]] = field(default_factory=dict)

    def rule(self, chain: str, set_name: str, element: str) -> Path | None:
        """The path of the rule that an element of a set of the chain is of; `set_name` "" and a line of the chain
        itself. None where no rule of the file says so."""
        if chain not in self._counted:
            place = self._known().get(chain)
            counts = self._compile(place, ())[2] if place is not None else ()
            self._counted[chain] = {(found.set, found.element): found.path for found in counts}
        return self._counted[chain].get((set_name, element))

    def group(self, chain: str) -> str:
        """The group that a chain is of, as its tenant calls it; "" for another chain."""
        place = self._known().get(chain)
        return place.direction.own_name if place is not None else ""

    def without(self, chain: str, rules: Collection[Path]) -> list[NftChain | NftSet]:
        """The chain, and its sets, as they were if these rules were not in the file."""
        made, sets, _ = self._compile(self._known()[chain], rules)
        return [made, *sets]

    def _compile(self, place: _Place, rules: Collection[Path]) -> tuple[NftChain, list[NftSet], list[Counted]]:
        direction = replace(place.direction, left_out=frozenset(rules))
        table = FilterTable(netns="", name="")
        return compile_level(table, direction, place.level, place.family, place.domain, self._checked())

    def _checked(self) -> Groups:
        if self._groups is None:
            draft = Draft(Facts(host_id=""), Names(self.scope, ""))
            self._groups = check_groups(draft, self.party.name, self.party.tenant)
        return self._groups

    def _known(self) -> Mapping[str, _Place]:
        if self._places is None:
            self._places = dict(self._all())
        return self._places

    def _all(self) -> Iterator[tuple[str, _Place]]:
        for group in self.party.tenant.security_groups:
            for way in (IN, OUT):
                direction = self.party.direction(self._checked(), group, way)
                for level in direction.levels():
                    for family in IP:
                        for domain in self.party.domains:
                            place = _Place(direction=direction, level=level, family=family, domain=domain)
                            yield level_chain(way, family, direction.group, level, domain), place
