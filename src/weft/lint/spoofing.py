"""Ports that nothing keeps from speaking as another."""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.model.intent import Intent, Tenant


def unguarded_ports(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A filter in the port's own namespace would be whoever's who is root there, and the link is the machine's."""
    for tenant_name, tenant in intent.tenants.items():
        for name, network in tenant.networks.items():
            segment, ports = network.segment, _guarded(tenant, name)
            if segment is None or segment.mode is None or not ports:
                continue
            more = f" and {len(ports) - 3} more" if len(ports) > 3 else ""
            what = f"{', '.join(ports[:3])}{more} stand on {segment.link} itself, without a bridge"
            yield Finding(
                path=("tenants", tenant_name, "networks", name, "segment", "mode"),
                what=f"{what}: nothing keeps who is root there from speaking as another",
                fix="`port_security: false` for those that may be trusted, or a segment without `mode`",
                severity="warning",
            )


def _guarded(tenant: Tenant, network: str) -> list[str]:
    """The ports on a network that expect to be kept from it."""
    return [name for name, port in tenant.ports.items() if port.network == network and port.port_security]
