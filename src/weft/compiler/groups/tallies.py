"""Which elements of a tenant's filter count for which rule of the file. Pure.

Rules: the same shapes as those of the filter, by the same functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weft.compiler.draft import Draft
from weft.compiler.groups.checks import Groups, check_groups
from weft.compiler.groups.layout import FilterTable
from weft.compiler.groups.matches import Match, matches
from weft.compiler.groups.parties import Party, parties
from weft.compiler.groups.rules import IN, OUT, Counted, compile_level
from weft.compiler.naming import Names
from weft.facts import Facts
from weft.kinds.nft.chain import IP
from weft.model.intent import Intent, Path
from weft.model.security import Action, SecurityRule
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A rule of the file in one filter. `party`: whose it is; `way`: in or out; `counted`: all that counts for it;
    `matches`: what it fits, by family."""

    party: Party
    group: str
    way: str
    rule: SecurityRule
    path: Path
    counted: tuple[Counted, ...]
    matches: Mapping[int, tuple[Match, ...]]

    @property
    def is_audited(self) -> bool:
        """Whether it would deny, and only tells."""
        return self.rule.action is Action.DENY and self.party.tenant.security_groups[self.group].audit


def tallies(intent: Intent, owner: str) -> Iterator[Tally]:
    """Of every rule in the filter of the tenant `owner`, in the order of the file, visitors' behind its own."""
    for party in parties(intent, owner):
        draft = Draft(Facts(host_id=""), Names("", ""))
        groups = check_groups(draft, party.name, party.tenant)
        for group in party.tenant.security_groups:
            for way in (IN, OUT):
                yield from _of(groups, party, group, way)


def _of(groups: Groups, party: Party, group: str, way: str) -> Iterator[Tally]:
    direction = party.direction(groups, group, way)
    found: dict[Path, list[Counted]] = {(*direction.path, str(at)): [] for at in range(len(direction.rules))}
    table = FilterTable(netns="", name="")
    for level in direction.levels():
        for family in IP:
            for domain in party.domains:
                _, _, counts = compile_level(table, direction, level, family, domain, groups)
                for counted in counts:
                    found[counted.path].append(counted)
    for (at, counted_for), rule in zip(found.items(), direction.rules, strict=True):
        fitting = {family: tuple(matches(rule, at, family, groups.addresses)) for family in IP}
        yield Tally(party=party, group=group, way=way, rule=rule, path=at, counted=tuple(counted_for), matches=fitting)
