"""Ports that nothing keeps from speaking as another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.model.intent import Intent
from weft.model.sharing import NetworkKey, network_key


def unguarded_ports(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A filter in the port's own namespace would belong to whoever is root there, and the link is the machine's."""
    guarded = _guarded(intent)
    for tenant_name, tenant in intent.tenants.items():
        for name, network in tenant.networks.items():
            segment = network.segment
            if segment is None or segment.mode is None:
                continue
            ports = guarded.get((tenant_name, name), ())
            if not ports:
                continue
            more = f" and {len(ports) - 3} more" if len(ports) > 3 else ""
            stand = "stands" if len(ports) == 1 else "stand"
            what = f"{', '.join(ports[:3])}{more} {stand} on {segment.link} itself, without a bridge"
            yield Finding(
                path=("tenants", tenant_name, "networks", name, "segment", "mode"),
                what=f"{what}: nothing keeps who is root there from speaking as another",
                fix="`port_security: false` for those that may be trusted, or a segment without `mode`",
                severity="warning",
            )


def _guarded(intent: Intent) -> Mapping[NetworkKey, list[str]]:
    """By network, the ports on it that expect to be kept from it, of whichever tenant."""
    found: dict[NetworkKey, list[str]] = {}
    for owner, tenant in intent.tenants.items():
        for name, port in tenant.ports.items():
            network = network_key(owner, port)
            if port.port_security:
                found.setdefault(network, []).append(name if owner == network[0] else f"{owner}/{name}")
    return found
