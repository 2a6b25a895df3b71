"""Small intents and a machine for tests of the compiler."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from weft.compiler import CompileError, Finding, compile
from weft.facts import FEATURES, Facts, ForeignLink
from weft.model.intent import Attach, Intent, NamespaceConfig, Network, Port, Subnet, TapAttach, Tenant
from weft.model.router import Router, RouterInterface, RouterRoute

MACHINE = Facts(
    host_id="h0",
    features=frozenset(FEATURES),
    links={"eth0": ForeignLink(ifname="eth0", mtu=1500, addresses=("192.0.2.10/24",))},
    egress_links=("eth0",),
)


def facts(**known: Any) -> Facts:
    return replace(MACHINE, **known)


def port(netns: str = "x", **fields: Any) -> Port:
    return Port(network="n", attach=Attach(netns=netns), **fields)


def tap(**fields: Any) -> Port:
    return Port(network="n", attach=Attach(tap=TapAttach(**fields)))


def intent(
    network: Network,
    p: Port | None = None,
    *,
    host: NamespaceConfig | None = None,
    namespaces: dict[str, NamespaceConfig] | None = None,
    **ports: Port,
) -> Intent:
    """A tenant `t` with a network `n` and the given ports."""
    ports = {"p": p, **ports} if p else ports
    tenants = {"t": Tenant(networks={"n": network}, ports=ports)}
    return Intent(name="lab", tenants=tenants, host=host, namespaces=namespaces or {})


def findings(wanted: Intent, **known: Any) -> list[Finding]:
    """What is wrong with an intent on the machine, warnings aside."""
    try:
        compile(wanted, facts(**known))
    except CompileError as error:
        return list(error.findings)
    return []


def router_routes(count: int) -> Intent:
    """So many routes of a router with as many networks, each by a port of one."""
    networks = {f"n{at}": Network(subnets=(Subnet(cidr=f"10.{at}.0.0/16"),)) for at in range(count)}
    ports = {
        f"p{at}": Port(network=f"n{at}", attach=Attach(netns=f"p{at}"), addresses=(f"10.{at}.0.9",))
        for at in range(count)
    }
    routes = tuple(RouterRoute(to=f"172.16.{at}.0/24", via=f"10.{at}.0.9") for at in range(count))
    router = Router(interfaces=tuple(RouterInterface(network=name) for name in networks), routes=routes)
    return Intent(name="lab", tenants={"t": Tenant(networks=networks, ports=ports, routers={"r": router})})
