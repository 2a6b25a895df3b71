"""What routers and external networks must be beyond the types of their fields, and whom they name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from weft.errors import Problem
from weft.files.nodes import Entries, Items, Origins, Place, Scalar
from weft.model.router import ExternalNetwork, RouterGateway, RouterInterface
from weft.model.words import closest

Report = Callable[[Place, str, str], None]
_TRUTHS = frozenset({"true", "yes", "on", "false", "no", "off"})


def _interface(node: Entries, report: Report) -> None:
    given = [key for key in ("network", "port") if key in node.entries]
    if len(given) > 1:
        what = "an interface is on a network, or is a port"
        report(node.entries["port"].place, what, "keep one of the two: a port has its network and its addresses")
    if not given:
        report(node.place, "the interface does not say where", "a network's name, or {port: NAME}")
    if "port" in node.entries and "address" in node.entries:
        report(node.entries["address"].place, "the address of a port is its own", "`addresses:` of the port")


def _gateway(node: Entries, report: Report) -> None:
    snat = node.entries.get("snat")
    if snat is None or not isinstance(snat.value, Items):
        return
    texts = [item.text.lower() for item in snat.value.items if isinstance(item, Scalar)]
    if not texts:
        report(snat.value.place, "snat says nothing", "true, false, or addresses")
    elif len(texts) > 1 and _TRUTHS & set(texts):
        report(snat.value.place, "snat is true, false, or a list of addresses", "keep one of them")


def _external(node: Entries, report: Report) -> None:
    subnets = node.entries.get("subnets")
    if subnets is not None and isinstance(subnets.value, Items) and not subnets.value.items:
        report(subnets.value.place, "an external network has addresses", "`subnets: [203.0.113.0/24]`")


ROUTER_CHECKS: Mapping[type[Any], Callable[[Entries, Report], None]] = {
    RouterInterface: _interface,
    RouterGateway: _gateway,
    ExternalNetwork: _external,
}


def router_references(data: Any, tenant: str, origins: Origins) -> Iterator[Problem]:
    """Networks, ports and external networks that a tenant's routers name and nobody has."""
    content = data["tenants"][tenant]
    known = {key: _names(content, key) for key in ("networks", "ports")}
    for name, router in _names(content, "routers").items():
        path = ("tenants", tenant, "routers", name)
        interfaces = router.get("interfaces") if isinstance(router, dict) else None
        for at, interface in enumerate(interfaces if isinstance(interfaces, list) else ()):
            for key in ("network", "port"):
                told = interface.get(key) if isinstance(interface, dict) else None
                there = known[f"{key}s"]
                if isinstance(told, str) and told not in there:
                    where = origins.value_at((*path, "interfaces", str(at), key))
                    yield _unknown(where, f"tenant {tenant} has no {key} {told}", told, there)
        gateway = router.get("gateway") if isinstance(router, dict) else None
        told, there = gateway.get("network") if isinstance(gateway, dict) else None, _names(data, "external_networks")
        if isinstance(told, str) and told not in there:
            where = origins.value_at((*path, "gateway", "network"))
            yield _unknown(
                where, f"there is no external network {told}", told, there, "add it under external_networks:"
            )


def _names(data: Any, key: str) -> dict[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _unknown(where: str, what: str, told: str, there: Mapping[str, Any], otherwise: str = "there are none") -> Problem:
    meant = closest(told, there)
    fix = f"did you mean {meant}?" if meant else f"known: {', '.join(there)}" if there else otherwise
    return Problem(where=where, what=what, fix=fix)
