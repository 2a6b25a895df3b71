"""Networks that several tenants' ports are on: who may be there, and what a visitor may not be.

Rules: a network stays its owner's; a visitor's port has its bridge end in the owner's namespace and all else from its
own tenant. What the network's peace depends on is the owner's alone: a visitor is no gateway there, and speaks as
itself only. Source: OpenStack Networking's policy, where port_security_enabled and allowed_address_pairs are for the
network's owner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft.compiler.assignment import Claimant
from weft.compiler.draft import Draft
from weft.compiler.network import NetworkPlace
from weft.model.intent import Intent, Path, Port, Tenant
from weft.model.sharing import network_key
from weft.model.words import closest

Networks = Mapping[str, Mapping[str, NetworkPlace]]
"""By tenant and network; those that are wrong are not there."""


def check_shares(draft: Draft, intent: Intent) -> None:
    """Find shares of what is not there, and with whom it cannot be."""
    for name, tenant in intent.tenants.items():
        known: dict[tuple[str, str], Path] = {}
        for at, share in enumerate(tenant.share):
            path = ("tenants", name, "share", str(at))
            if share.network not in tenant.networks:
                draft.error((*path, "network"), *_no_network(name, tenant, share.network))
            else:
                _check_bridge(draft, tenant, share.network, (*path, "network"))
            for which, visitor in enumerate(share.with_):
                _check_visitor(draft, intent, name, visitor, (*path, "with", str(which)))
                first = known.setdefault((share.network, visitor), path)
                if first is not path or visitor in share.with_[:which]:
                    what = f"{share.network} is shared with {visitor} already"
                    draft.error((*path, "with", str(which)), what, "take one of the two out")


def _check_bridge(draft: Draft, tenant: Tenant, network: str, path: Path) -> None:
    segment = tenant.networks[network].segment
    if segment is not None and segment.mode:
        what = f"the ports of network {network} stand on {segment.link} itself, where nobody tells tenants apart"
        draft.error(path, what, "a segment without `mode`")


def _check_visitor(draft: Draft, intent: Intent, owner: str, visitor: str, path: Path) -> None:
    if visitor == owner:
        draft.error(path, "a network is its own tenant's without being shared", "take it out")
    elif visitor not in intent.tenants:
        draft.error(path, *_no_tenant(intent, visitor))


def find_network(draft: Draft, intent: Intent, networks: Networks, claimant: Claimant) -> NetworkPlace | None:
    """The network that a port names; None, with a finding, where it may not be there. One that is wrong itself has its
    findings already."""
    owner, name = network_key(claimant.tenant.name, claimant.port)
    path = (*claimant.path, "network")
    if owner not in intent.tenants:
        draft.error(path, *_no_tenant(intent, owner))
        return None
    if name not in intent.tenants[owner].networks:
        draft.error(path, *_no_network(owner, intent.tenants[owner], name))
        return None
    network = networks[owner].get(name)
    if network is None or "/" not in claimant.port.network:
        return network
    if owner == claimant.tenant.name:
        draft.error(path, f"{name} is the port's own tenant's", f"`network: {name}`")
        return None
    return network if _may_be_there(draft, network, claimant) else None


def _may_be_there(draft: Draft, network: NetworkPlace, claimant: Claimant) -> bool:
    visitor, path = claimant.tenant.name, claimant.path
    if visitor not in network.visitors:
        what = f"network {network.tenant}/{network.name} is not shared with tenant {visitor}"
        fix = f"in tenant {network.tenant}, `share: [{{network: {network.name}, with: [{visitor}]}}]`"
        draft.error((*path, "network"), what, fix)
        return False
    for key in _of_owners_only(claimant.port):
        what = f"on network {network.tenant}/{network.name} a port of tenant {visitor} speaks as itself alone"
        draft.error((*path, key), what, "leave it out, or a port of the network's own tenant")
    return True


def _of_owners_only(port: Port) -> Sequence[str]:
    said = {
        "attach": port.attach.router,
        "port_security": not port.port_security and not port.attach.router,
        "allowed_address_pairs": bool(port.allowed_address_pairs),
    }
    return [key for key, is_said in said.items() if is_said]


def _no_tenant(intent: Intent, name: str) -> tuple[str, str]:
    meant = closest(name, intent.tenants)
    return f"there is no tenant {name}", f"did you mean {meant}?" if meant else f"there are: {_listed(intent.tenants)}"


def _no_network(owner: str, tenant: Tenant, name: str) -> tuple[str, str]:
    return f"tenant {owner} has no network {name}", f"its networks: {_listed(tenant.networks)}"


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names) or "none"
