"""What is wrong with routers and external networks as they are written: a part of checks.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weft.files.nodes import Entries, Items, Report, Scalar
from weft.model.router import ExternalNetwork, RouterGateway, RouterInterface

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
