"""What the rules of a group match, and whether another one has all of that.

Rules: a rule is taken apart as the compiler does (`compiler.groups.matches`), so both mean the same by it. Only one
rule at a time is held against another: what several together cover is not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from weft.compiler.groups.matches import IpNetwork, Match, matches
from weft.model.intent import Path, Tenant
from weft.model.security import Action, SecurityGroup, SecurityRule

FAMILIES = (4, 6)
Ruled = tuple[SecurityRule, Path]


def ways(tenant: str, held: Tenant) -> Iterator[tuple[SecurityGroup, list[Ruled]]]:
    """Each group twice, with its rules of one way and of the other."""
    for name, group in held.security_groups.items():
        for way, rules in (("ingress", group.ingress), ("egress", group.egress or ())):
            path = ("tenants", tenant, "security_groups", name, way)
            yield group, [(rule, (*path, str(at))) for at, rule in enumerate(rules)]


def decides_before(one: SecurityRule, other: SecurityRule) -> bool:
    """Whether what both match is the first one's to decide. At one priority deny beats allow."""
    return (one.priority, one.action is Action.ALLOW) < (other.priority, other.action is Action.ALLOW)


def matched(rule: SecurityRule, path: Path, groups: Mapping[str, Sequence[str]]) -> list[tuple[int, Match]]:
    """What it matches, with the family."""
    return [(family, match) for family in FAMILIES for match in matches(rule, path, family, groups)]


def covers(wide: Match, narrow: Match) -> bool:
    """Whether all that `narrow` matches is matched by `wide`, both of one family."""
    if wide.protocol not in (None, narrow.protocol) or wide.group not in ("", narrow.group):
        return False
    if wide.span is not None and not (narrow.span and wide.span[0] <= narrow.span[0] <= narrow.span[1] <= wide.span[1]):
        return False
    return wide.net is None or (narrow.net is not None and _is_within(narrow.net, wide.net))


def _is_within(narrow: IpNetwork, wide: IpNetwork) -> bool:
    """Of one family."""
    low, high = int(narrow.network_address), int(narrow.broadcast_address)
    return int(wide.network_address) <= low and high <= int(wide.broadcast_address)


def unfolded(groups: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Address groups as prefixes, those of the groups that they name included."""
    return {name: tuple(_members(name, groups, {name})) for name in groups}


def _members(name: str, groups: Mapping[str, Sequence[str]], seen: set[str]) -> Iterator[str]:
    for member in groups.get(name, ()):
        if "/" in member or ":" in member or member.replace(".", "").isdecimal():
            yield member
        elif member not in seen:
            seen.add(member)
            yield from _members(member, groups, seen)
