"""Who has which address outside: floating IPs are the user's own words, so they come before what is chosen.

Rules: an address that a router has, because it was free once, is not taken from it: one thing more moves no other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from weft.compiler.addressing import number_of
from weft.compiler.draft import Draft
from weft.compiler.groups.checks import no_such
from weft.compiler.router.external import ExternalPlace, claim
from weft.model.intent import Intent, Path, Tenant

FloatingKey = tuple[str, str]
"""(tenant, floating IP)."""


def floating_path(tenant: str, address: str) -> Path:
    return ("tenants", tenant, "floating_ips", address)


def claim_floating(draft: Draft, intent: Intent, externals: Mapping[str, ExternalPlace]) -> Collection[FloatingKey]:
    """Take the floating IPs of all tenants; those that can be had."""
    held, had = _held_by_routers(draft, intent), []
    for tenant, content in intent.tenants.items():
        for address, floating in content.floating_ips.items():
            path, external = floating_path(tenant, address), externals.get(floating.network)
            if external is None:
                if floating.network not in intent.external_networks:
                    no_such(draft, (*path, "network"), "external_network", floating.network, intent.external_networks)
                continue
            if address in held:
                draft.error(path, f"{address} is that of router {held[address]} already", "another address")
            elif claim(draft, external, address, f"tenant {tenant}", path):
                had.append((tenant, address))
    return had


def is_floating(tenant: Tenant, port: str) -> bool:
    """Whether any floating IP of the tenant leads to the port."""
    held = tenant.floating_ips.values()
    return any(port == one.port or any(port == forward.port for forward in one.forward) for one in held)


def _held_by_routers(draft: Draft, intent: Intent) -> dict[str, str]:
    """The addresses that routers have by themselves, and will keep."""
    found: dict[str, str] = {}
    for tenant, content in intent.tenants.items():
        for name, router in content.routers.items():
            given = {number_of(address)[0] for address in router.gateway.addresses} if router.gateway else {4, 6}
            for family in {4, 6} - given:
                key, former = (tenant, name, family), (content.was or tenant, router.was or name, family)
                address = draft.facts.pool_held.get(key) or draft.facts.pool_held.get(former)
                if address:
                    found[address] = f"{tenant}/{name}"
    return found
