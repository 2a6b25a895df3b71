"""Whose network a port is on: its own tenant's, or one that another tenant shares with it.

Rules: `TENANT/NAME` names another tenant's, `NAME` one's own; nothing else of the intent crosses tenants.
"""

from __future__ import annotations

from weft.model.intent import Intent, Network, Port, Tenant

NetworkKey = tuple[str, str]
"""(tenant, network)."""
PortKey = tuple[str, str]
"""(tenant, port)."""


def network_key(tenant: str, port: Port) -> NetworkKey:
    """The network that a port of the tenant names, whether it is there or not."""
    owner, _, name = port.network.rpartition("/")
    return owner or tenant, name


def network_of(intent: Intent, tenant: str, port: Port) -> Network | None:
    """None where there is no such network."""
    owner, name = network_key(tenant, port)
    held = intent.tenants.get(owner)
    return held.networks.get(name) if held else None


def visitors_of(tenant: Tenant) -> dict[str, tuple[str, ...]]:
    """By shared network, the tenants that it is shared with."""
    found: dict[str, dict[str, None]] = {}
    for share in tenant.share:
        found.setdefault(share.network, {}).update(dict.fromkeys(share.with_))
    return {network: tuple(visitors) for network, visitors in found.items()}
