"""Which of the cgroups that an intent names are there. nft knows them by the numbers that their folders have now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from weft.model.intent import Intent
from weft.model.qos import QosMatch, QosPolicy

ROOT = Path("/sys/fs/cgroup")
"""Where nft looks for cgroups of version 2. Source: nftables src/datatype.c cgroupv2_type_parse."""


def is_mounted() -> bool:
    """Whether the cgroups of version 2 are where nft looks for them. Source: cgroups(7)."""
    return (ROOT / "cgroup.controllers").exists()


def found(intent: Intent) -> frozenset[str]:
    named = {match.cgroup for policy in _policies(intent) for match in _matches(policy) if match.cgroup}
    return frozenset(path for path in named if (ROOT / path / "cgroup.procs").exists()) if named else frozenset()


def _policies(intent: Intent) -> Iterator[QosPolicy]:
    yield from intent.qos_policies.values()
    for tenant in intent.tenants.values():
        yield from tenant.qos_policies.values()
        yield from (port.qos for port in tenant.ports.values() if port.qos)
        yield from (network.port_qos for network in tenant.networks.values() if network.port_qos)
        yield from (tenant.port_qos,) if tenant.port_qos else ()
    for config in (intent.host, *intent.namespaces.values()):
        yield from (link.qos for link in (config.links.values() if config else ()) if link.qos)


def _matches(policy: QosPolicy) -> Iterator[QosMatch]:
    for direction in (policy.egress, policy.ingress):
        for held in direction.classes.values() if direction else ():
            yield from held.match
