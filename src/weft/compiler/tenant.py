"""A tenant: a namespace that only bridges, its networks, and who is on which.

Rules: nothing in the namespace has an address or routes; packets cross it without passing hooks of the internet's
protocols, unless that is how connections are followed here (groups/tracking.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from weft.compiler.assignment import Claimant
from weft.compiler.draft import Draft
from weft.compiler.groups import compile_security, follows
from weft.compiler.joint import compile_joint
from weft.compiler.network import Segment, TenantPlace, Way, compile_network
from weft.compiler.qos.policy import Policies
from weft.compiler.router.ports import trusted
from weft.compiler.settings import compile_sysctl
from weft.compiler.stands import Stands
from weft.kinds.netns import Namespace
from weft.model.intent import Tenant

PortKey = tuple[str, str]
"""(tenant, port), as in Facts.held."""
NetworkKey = tuple[str, str]
"""(tenant, network)."""
Held = tuple[str, ...]

_QUIET = ("net/ipv6/conf/default/disable_ipv6", "net/ipv6/conf/all/disable_ipv6")
_BRIDGE_HOOKS = tuple(f"net/bridge/bridge-nf-call-{of}" for of in ("iptables", "ip6tables", "arptables"))


def compile_tenant(
    draft: Draft, name: str, tenant: Tenant, ways: Mapping[NetworkKey, Way], stands: Stands, policies: Policies
) -> dict[str, Segment]:
    """Put the tenant's namespace and bridges; its networks by name. `ways`: what leads out of each; `stands`: what the
    networks stand on outside."""
    former = tenant.was or name
    path = ("tenants", name)
    place = TenantPlace(
        name=name,
        former=former,
        netns=draft.names.tenant_netns(former),
        policies=policies,
        qos=policies.find(draft, tenant.qos, (*path, "qos"), name),
        port_qos=policies.find(draft, tenant.port_qos, (*path, "port_qos"), name),
    )
    draft.put(Namespace(name=place.netns, alias=draft.names.mark(f"tenants/{name}")), path)
    if "ipv6" in draft.facts.features:
        for sysctl in _QUIET:
            compile_sysctl(draft, place.netns, sysctl, "1", path)
    if "br_netfilter" in draft.facts.features:
        by_inet = "1" if follows(draft.facts, tenant) else "0"
        for sysctl, value in zip(_BRIDGE_HOOKS, (by_inet, by_inet, "0"), strict=True):
            compile_sysctl(draft, place.netns, sysctl, value, path)
    compiled = {
        n: compile_network(draft, place, n, network, ways[name, n], stands.footing(name, n))
        for n, network in tenant.networks.items()
    }
    found = {n: segment for n, segment in compiled.items() if segment is not None}
    for segment in found.values():
        compile_joint(draft, segment)
    compile_security(draft, name, tenant, place.netns, found.values())
    return found


def claimants(
    name: str, tenant: Tenant, ports: Iterable[str], held: Callable[[PortKey], Held | None]
) -> Iterator[Claimant]:
    """The named ports as those who want addresses. `held`: what each has now."""
    for port_name in ports:
        port = trusted(tenant.ports[port_name])
        former = port.was or port_name
        has = held((name, port_name)) or held((tenant.was or name, former)) or ()
        yield Claimant(port_name, port, former, has)
