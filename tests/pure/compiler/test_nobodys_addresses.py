"""Prefixes of which no host can have addresses, wherever a file names one: each refused in its place."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from tests.pure.compiler.intents import MACHINE, findings
from weft.model.intent import AddressPair, Attach, Intent, Network, Pools, Port, Subnet, Tenant, Uplink
from weft.model.router import ExternalNetwork, ExternalSubnet, Router, RouterGateway, RouterInterface, RouterRoute

BOTH = (Subnet(cidr="10.1.0.0/24"), Subnet(cidr="fd00:1::/64"))
VIA = {4: "10.1.0.9", 6: "fd00:1::9"}
WHY = {
    "127.5.0.0/24": "127.5.0.0/24 is loopback, every machine has it for itself",
    "224.0.0.0/24": "224.0.0.0/24 is multicast, no host has it",
    "ff05::/64": "ff05::/64 is multicast, no host has it",
    "::1/128": "::1/128 is loopback, every machine has it for itself",
    "::ffff:0:0/96": "::ffff:0:0/96 is IPv4 within IPv6, no host has it",
}
MEETS = {"::/64": "::/64 holds ::1/128: loopback", "126.0.0.0/7": "126.0.0.0/7 holds 127.0.0.0/8: loopback"}
HAD = ("240.5.0.0/24", "0.5.0.0/24", "255.255.255.0/24", "::2:0/112", "fd77::/48")
"""The kernel's neighbours answer for these: tried."""


def of_tenant(cidr: str, network: Network, **more: object) -> Intent:
    tenant = Tenant(networks={"n": network}, **more)  # type: ignore[arg-type]
    pools = Pools(**{f"ipv{ip_network(cidr).version}": cidr})
    return Intent(name="lab", tenants={"t": tenant}, pools=pools if network.uplink else Pools())


def routed(cidr: str) -> Intent:
    route = RouterRoute(to=cidr, via=VIA[ip_network(cidr).version])
    routers = {"r": Router(interfaces=(RouterInterface(network="n"),), routes=(route,))}
    return of_tenant(cidr, Network(subnets=BOTH), routers=routers)


def outside(cidr: str) -> Intent:
    externals = {"x": ExternalNetwork(link="eth0", subnets=(ExternalSubnet(cidr=cidr),))}
    routers = {"r": Router(interfaces=(RouterInterface(network="n"),), gateway=RouterGateway(network="x"))}
    tenants = {"t": Tenant(networks={"n": Network(subnets=BOTH)}, routers=routers)}
    return Intent(name="lab", tenants=tenants, external_networks=externals)


def speaking(cidr: str) -> Intent:
    port = Port(network="n", attach=Attach(netns="p"), allowed_address_pairs=(AddressPair(ip=cidr),))
    return of_tenant(cidr, Network(subnets=BOTH), ports={"p": port})


MADE = {
    ("tenants", "t", "networks", "n", "subnets", "0"): lambda cidr: of_tenant(
        cidr, Network(subnets=(Subnet(cidr=cidr),))
    ),
    ("pools",): lambda cidr: of_tenant(cidr, Network(subnets=BOTH, uplink=Uplink.NAT)),
    ("external_networks", "x", "subnets", "0"): outside,
    ("tenants", "t", "ports", "p", "allowed_address_pairs", "0", "ip"): speaking,
    ("tenants", "t", "routers", "r", "routes", "0"): routed,
}


def said(wanted: Intent, at: tuple[str, ...]) -> list[str]:
    known = findings(wanted, links=MACHINE.links)
    return [one.what for one in known if one.severity == "error" and one.path[: len(at)] == at]


@pytest.mark.parametrize("at", MADE, ids=".".join)
def test_what_no_host_can_have_is_refused(at: tuple[str, ...]) -> None:
    for cidr, why in WHY.items():
        assert why in said(MADE[at](cidr), at), cidr
    for cidr in HAD:
        assert not said(MADE[at](cidr), at), cidr


@pytest.mark.parametrize("at", list(MADE)[:3], ids=".".join)
def test_a_prefix_that_holds_some_of_it_is_refused_where_any_of_it_may_be_given(at: tuple[str, ...]) -> None:
    for cidr, why in MEETS.items():
        assert any(why in one for one in said(MADE[at](cidr), at)), cidr


@pytest.mark.parametrize("at", list(MADE)[3:], ids=".".join)
def test_a_wider_prefix_of_whom_one_hears_or_asks_is_none_of_it(at: tuple[str, ...]) -> None:
    assert not said(MADE[at]("126.0.0.0/7"), at)


def test_single_addresses_that_are_nobody_s() -> None:
    at = ("tenants", "t", "ports", "p", "allowed_address_pairs", "0", "ip")
    for cidr, why in {"0.0.0.0/32": "no address", "::/128": "no address", "255.255.255.255/32": "everybody's"}.items():
        assert any(why in one for one in said(speaking(cidr), at)), "or it could ask for everybody's address"
    assert not said(speaking("fe80::9/128"), at) and not said(speaking("0.0.0.0/0"), at)


def test_an_external_network_of_one_address() -> None:
    at = ("external_networks", "x", "subnets", "0")
    assert "192.0.2.9/32 is one address, no subnet" in said(outside("192.0.2.9/32"), at)
    assert not said(outside("203.0.113.8/31"), at)


def test_a_router_says_once_where_a_prefix_leads() -> None:
    routes = tuple(RouterRoute(to="10.9.0.0/16", via=via) for via in ("10.1.0.9", "10.1.0.8"))
    routers = {"r": Router(interfaces=(RouterInterface(network="n"),), routes=routes)}
    wanted = Intent(name="lab", tenants={"t": Tenant(networks={"n": Network(subnets=BOTH)}, routers=routers)})
    at = ("tenants", "t", "routers", "r", "routes")
    assert said(wanted, at) == ["tenants.t.routers.r.routes.0 says where 10.9.0.0/16 leads"]
