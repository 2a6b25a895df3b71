"""A tenant: a namespace that only bridges, its networks, and who is on which.

Rules: nothing in the namespace has an address or routes; packets cross it without passing hooks of the internet's
protocols, unless that is how connections are followed here (groups/tracking.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from weft.compiler.assignment import Claimant
from weft.compiler.draft import Draft
from weft.compiler.footings import Footings
from weft.compiler.joint import compile_joint
from weft.compiler.network import NetworkPlace, TenantPlace, Way, compile_network
from weft.compiler.qos.policy import Policies
from weft.compiler.router.ports import trusted
from weft.compiler.settings import compile_sysctl
from weft.kinds.netns import Namespace
from weft.kinds.setting.sysctl import BRIDGE_CALLS
from weft.model.intent import Tenant
from weft.model.sharing import NetworkKey, PortKey, visitors_of

Held = tuple[str, ...]

_QUIET = ("net/ipv6/conf/default/disable_ipv6", "net/ipv6/conf/all/disable_ipv6")
_BRIDGE_CALLS = (*BRIDGE_CALLS.values(), "net/bridge/bridge-nf-call-arptables")


def place_tenant(draft: Draft, name: str, tenant: Tenant, policies: Policies) -> TenantPlace:
    """All that is derived for a tenant."""
    former, path = tenant.was or name, ("tenants", name)
    return TenantPlace(
        name=name,
        former=former,
        netns=draft.names.tenant_netns(former),
        policies=policies,
        qos=policies.find(draft, tenant.qos, (*path, "qos"), name),
        port_qos=policies.find(draft, tenant.port_qos, (*path, "port_qos"), name),
    )


def compile_tenant(
    draft: Draft,
    place: TenantPlace,
    tenant: Tenant,
    ways: Mapping[NetworkKey, Way],
    footings: Footings,
    *,
    followed: bool,
) -> dict[str, NetworkPlace]:
    """Put the tenant's namespace and bridges; its networks by name. `ways`: what leads out of each; `footings`: what
    the networks stand on outside; `followed`: whether connections are, by the hooks of inet."""
    name, path = place.name, ("tenants", place.name)
    draft.put(Namespace(name=place.netns, alias=draft.names.mark(f"tenants/{name}")), path)
    if "ipv6" in draft.facts.features:
        for sysctl in _QUIET:
            compile_sysctl(draft, place.netns, sysctl, "1", path)
    if "br_netfilter" in draft.facts.features:
        by_inet = "1" if followed else "0"
        for sysctl, value in zip(_BRIDGE_CALLS, (by_inet, by_inet, "0"), strict=True):
            compile_sysctl(draft, place.netns, sysctl, value, path)
    compiled = {
        n: compile_network(draft, place, n, spec, ways[name, n], footings.of(name, n))
        for n, spec in tenant.networks.items()
    }
    found = {n: network for n, network in compiled.items() if network is not None}
    for spec, visitors in visitors_of(tenant).items():
        if spec in found:
            found[spec].visitors = frozenset(visitors)
    for network in found.values():
        compile_joint(draft, network)
    return found


def claimants(
    place: TenantPlace, tenant: Tenant, ports: Iterable[str], held: Callable[[PortKey], Held | None]
) -> Iterator[Claimant]:
    """The named ports as those who want addresses. `held`: what each has now."""
    for name in ports:
        port = trusted(tenant.ports[name])
        former = port.was or name
        has = held((place.name, name)) or held((place.former, former)) or ()
        yield Claimant(place, name, port, former, has)
