"""Which elements of a tenant's filter count for which rule of the file. Pure.

Rules: the same shapes as those of the filter, by the same functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weft.compiler.draft import Draft
from weft.compiler.groups.checks import Groups, check_groups
from weft.compiler.groups.layout import IP, Room
from weft.compiler.groups.matches import Match, matches
from weft.compiler.groups.rules import IN, OUT, Counted, compile_level
from weft.compiler.groups.security import direction_of
from weft.compiler.groups.tracking import overlapping
from weft.compiler.naming import Names
from weft.facts import Facts
from weft.model.intent import Path, Tenant
from weft.model.security import SecurityRule
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A rule of the file. `way`: in or out; `counted`: all that counts for it; `matches`: what it fits, by family."""

    group: str
    way: str
    rule: SecurityRule
    path: Path
    counted: tuple[Counted, ...]
    matches: Mapping[int, tuple[Match, ...]]


def tallies(name: str, tenant: Tenant) -> Iterator[Tally]:
    """Of every rule of the tenant `name`, in the order of the file."""
    draft = Draft(Facts(host_id=""), Names("", ""))
    groups = check_groups(draft, name, tenant)
    domains = ["", *(f".on.{network}" for network in overlapping(tenant))]
    for group in tenant.security_groups:
        for way in (IN, OUT):
            yield from _of(groups, ("tenants", name), group, way, domains)


def _of(groups: Groups, path: Path, group: str, way: str, domains: list[str]) -> Iterator[Tally]:
    direction = direction_of(groups, path, group, way)
    found: dict[Path, list[Counted]] = {(*direction.path, str(at)): [] for at in range(len(direction.rules))}
    room = Room(netns="", name="")
    for level in direction.levels():
        for family in IP:
            for domain in domains:
                _, _, counts = compile_level(room, direction, level, family, domain, groups)
                for counted in counts:
                    found[counted.path].append(counted)
    for (at, counted_for), rule in zip(found.items(), direction.rules, strict=True):
        fitting = {family: tuple(matches(rule, at, family, groups.addresses)) for family in IP}
        yield Tally(group=group, way=way, rule=rule, path=at, counted=tuple(counted_for), matches=fitting)
