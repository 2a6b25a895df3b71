"""Whose groups a tenant's filter has: its own, and those of the tenants that it shares networks with. Pure.

Rules: for whoever reads a filter. What is compiled (security.py) has the same names and domains, by the same functions.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.groups.checks import Groups
from weft.compiler.groups.layout import of_visitor
from weft.compiler.groups.rules import Direction
from weft.compiler.groups.security import direction_of
from weft.compiler.groups.tracking import overlapping
from weft.model.intent import Intent, Tenant
from weft.model.sharing import visitors_of
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A tenant whose groups a filter has. `visitor`: the name of it that its chains bear, "" for the filter's own
    tenant; `domains`: the suffixes of its chains and sets."""

    name: str
    tenant: Tenant
    visitor: str = ""
    domains: tuple[str, ...] = ("",)

    def named(self, group: str) -> str:
        """A group as chains and sets are named after it."""
        return of_visitor(self.visitor, group) if self.visitor else group

    def direction(self, groups: Groups, group: str, way: str) -> Direction:
        """`groups`: of this tenant."""
        found = direction_of(groups, ("tenants", self.name), group, way)
        return found.of_visitor(self.visitor) if self.visitor else found


def parties(intent: Intent, owner: str) -> Iterator[Party]:
    """Of the filter of tenant `owner`, itself first."""
    tenant = intent.tenants[owner]
    apart = overlapping(tenant)
    yield Party(name=owner, tenant=tenant, domains=("", *map(_domain, apart)))
    found: dict[str, dict[str, None]] = {}
    for network, visitors in visitors_of(tenant).items():
        for visitor in visitors:
            found.setdefault(visitor, {})[_domain(network) if network in apart else ""] = None
    for name, domains in found.items():
        held = intent.tenants[name]
        yield Party(name=name, tenant=held, visitor=held.was or name, domains=tuple(domains))


def _domain(network: str) -> str:
    return f".on.{network}"
