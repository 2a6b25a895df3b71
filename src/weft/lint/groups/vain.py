"""Rules that nothing ever comes to: another one decides before them, or nobody is at the other end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import prod

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.lint.groups.islands import Islands
from weft.lint.groups.rules import Ruled, covers, decides_before, matched, unfolded, ways
from weft.model.intent import Intent, Path, Tenant
from weft.model.security import Action

MOST_PAIRS = 100_000
"""Of what rules of one group and way match, held against each other; of more nothing is said."""


def shadowed_rules(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A rule all of which one that says the opposite decides before it."""
    for name, tenant in intent.tenants.items():
        addresses = unfolded(tenant.address_groups) if tenant.security_groups else {}
        for group, rules in ways(name, tenant):
            if not group.audit and any(rule.action is Action.DENY for rule, _ in rules):
                yield from _shadowed(rules, addresses)


def _shadowed(rules: Sequence[Ruled], addresses: dict[str, tuple[str, ...]]) -> Iterator[Finding]:
    taken = [(rule, path, matched(rule, path, addresses)) for rule, path in rules]
    sizes = {action: sum(len(found) for rule, _, found in taken if rule.action is action) for action in Action}
    if prod(sizes.values()) > MOST_PAIRS:
        return
    by_action = {action: [one for one in taken if one[0].action is action] for action in Action}
    opposites = {Action.ALLOW: by_action[Action.DENY], Action.DENY: by_action[Action.ALLOW]}
    for rule, path, found in taken:
        for other, at, wide in opposites[rule.action] if found else ():
            if other.protocol not in (None, rule.protocol) or not decides_before(other, rule):
                continue
            if all(any(of == family and covers(has, match) for of, has in wide) for family, match in found):
                what = f"nothing comes to it: rule {at[-1]}, to {other.action.value}, goes before it and has all of it"
                better = f"a priority below {other.priority}, or " if other.priority > 1 else ""
                yield Finding(path=path, what=what, fix=f"{better}take it out", severity="warning")
                break


def memberless_groups(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A rule whose other end is a group that no port is in, or none that any port of its own group gets to."""
    islands: Islands | None = None
    for name, tenant in intent.tenants.items():
        members = _members(tenant)
        for _, rules in ways(name, tenant):
            for rule, path in rules:
                other = rule.remote.group if rule.remote else None
                if other is None or other not in tenant.security_groups:
                    continue
                islands = islands or Islands(intent)
                yield from _unmet(name, path, (path[3], other), members, islands)


def _unmet(
    tenant: str, path: Path, groups: tuple[str, str], members: dict[str, list[str]], islands: Islands
) -> Iterator[Finding]:
    own, other = groups
    if not members[own]:
        return  # nobody asks for the rule
    where = (*path, "remote", "group")
    if not members[other]:
        what = f"no port is in group {other}, so nobody comes to it by this rule"
        fix = f"security_groups: [{other}] on a port, or take the rule out"
        yield Finding(path=where, what=what, fix=fix, severity="warning")
        return
    here = {islands.of(tenant, port) for port in members[own]}
    if not any(islands.of(tenant, port) in here for port in members[other]):
        what = f"no way leads between a port of {own} and one of {other}: they are on networks that nothing joins"
        fix = "a router with both networks, or take the rule out"
        yield Finding(path=where, what=what, fix=fix, severity="warning")


def _members(tenant: Tenant) -> dict[str, list[str]]:
    """The tenant's ports by group."""
    found: dict[str, list[str]] = defaultdict(list)
    for port, held in tenant.ports.items():
        for group in held.security_groups or ():
            found[group].append(port)
    return found
