"""Who asks for what of the way out, by the intent: policies by name looked up, defaults of ports found.

Rules: a port's own `qos` goes before its network's `port_qos`, that before its tenant's; also where the network is
another tenant's, by whose names its `port_qos` goes. A policy of the tenant's goes before one of the file's of the same
name.
"""

from __future__ import annotations

from weft.compiler.qos.demand import Shares, guarantees
from weft.model.intent import Intent, Port, Tenant
from weft.model.qos import QosPolicy, QosUse
from weft.model.sharing import PortKey, network_key, network_of

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
    policy = port_policy(intent, key[0], port) if port else None
    return policy is not None and guarantees(policy)


def port_policy(intent: Intent, name: str, port: Port) -> QosPolicy | None:
    """What a port of the tenant `name` asks for, None where nothing."""
    use, whose = port_use(intent, name, port)
    return None if use is None else resolved(intent, whose, use)


def port_use(intent: Intent, name: str, port: Port) -> tuple[QosUse | None, Tenant]:
    """What holds for a port of the tenant `name`, and by whose names."""
    tenant, owner = intent.tenants[name], intent.tenants.get(network_key(name, port)[0])
    network = network_of(intent, name, port)
    if port.qos is None and owner is not None and network is not None and network.port_qos is not None:
        return network.port_qos, owner
    return port.qos or tenant.port_qos, tenant


def resolved(intent: Intent, tenant: Tenant, use: QosUse) -> QosPolicy:
    """The policy by its name, or what stands in place. An unknown name, others report, asks for nothing."""
    if use.policy is None:
        return use
    return tenant.qos_policies.get(use.policy) or intent.qos_policies.get(use.policy, _NOTHING)


def _ports(intent: Intent, name: str, tenant: Tenant) -> list[tuple[PortKey, QosPolicy]]:
    found = ((port_name, port_policy(intent, name, port)) for port_name, port in tenant.ports.items())
    return [((name, port), policy) for port, policy in found if policy is not None]
