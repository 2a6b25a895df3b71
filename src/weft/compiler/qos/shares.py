"""Who asks for what of the way out, by the intent: policies by name looked up, defaults of ports found.

Rules: a port's own `qos` goes before its network's `port_qos`, that before its tenant's. A policy of the tenant's goes
before one of the file's of the same name.
"""

from __future__ import annotations

from weft.compiler.qos.demand import Shares, guarantees
from weft.compiler.tenant import PortKey
from weft.model.intent import Intent, Port, Tenant
from weft.model.qos import QosPolicy, QosUse

_NOTHING = QosPolicy()


def shares_of(intent: Intent) -> Shares:
    """All of an intent's."""
    tenants = intent.tenants.items()
    links = intent.host.links.items() if intent.host else ()
    ports = ((key, policy) for name, tenant in tenants for key, policy in _ports(intent, name, tenant))
    return Shares(
        capacity_bps={name: link.capacity for name, link in links if link.capacity is not None},
        ports=dict(ports),
        networks={
            (name, of): resolved(intent, tenant, network.qos)
            for name, tenant in tenants
            for of, network in tenant.networks.items()
            if network.qos is not None
        },
        tenants={name: resolved(intent, tenant, tenant.qos) for name, tenant in tenants if tenant.qos is not None},
        links={name: link.qos for name, link in links if link.qos is not None},
    )


def asks_for_share(intent: Intent, key: PortKey) -> bool:
    """Whether a port asks for a guarantee."""
    tenant = intent.tenants[key[0]]
    port = tenant.ports.get(key[1])
    policy = port_policy(intent, tenant, port) if port else None
    return policy is not None and guarantees(policy)


def port_policy(intent: Intent, tenant: Tenant, port: Port) -> QosPolicy | None:
    """What a port asks for, None where nothing."""
    network = tenant.networks.get(port.network)
    use = port.qos or (network.port_qos if network else None) or tenant.port_qos
    return None if use is None else resolved(intent, tenant, use)


def resolved(intent: Intent, tenant: Tenant, use: QosUse) -> QosPolicy:
    """The policy by its name, or what stands in place. An unknown name, others report, asks for nothing."""
    if use.policy is None:
        return use
    return tenant.qos_policies.get(use.policy) or intent.qos_policies.get(use.policy, _NOTHING)


def _ports(intent: Intent, name: str, tenant: Tenant) -> list[tuple[PortKey, QosPolicy]]:
    found = ((port_name, port_policy(intent, tenant, port)) for port_name, port in tenant.ports.items())
    return [((name, port), policy) for port, policy in found if policy is not None]
