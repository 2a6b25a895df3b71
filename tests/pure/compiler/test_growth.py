"""What compiling costs grows as what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import pytest

from tests.growth import demand_linear
from tests.pure.compiler.intents import facts, router_routes
from weft.compiler import CompileError, compile
from weft.facts import ForeignLink
from weft.model.intent import AddressPair, Attach, Intent, NamespaceConfig, Network, Port, RouteSpec, Subnet, Tenant
from weft.model.links import BridgeLink, DummyLink, HostLink, VxlanLink
from weft.model.qos import QosDirection, QosUse
from weft.model.router import ExternalNetwork, ExternalSubnet, Router, RouterGateway, RouterInterface
from weft.model.security import Remote, SecurityGroup, SecurityRule
from weft.model.segment import SegmentSpec
from weft.model.stacked import BondLink, IpvlanLink, MacvlanLink

GBIT = 10**9
SUBNETS = (Subnet(cidr="10.0.0.0/16"),)
SHARE = QosUse(egress=QosDirection(rate=10**6))


def lines(count: int) -> Intent:
    """So many links, a network with a guarantee on each."""
    links: dict[str, HostLink] = {f"d{at}": DummyLink(capacity=GBIT) for at in range(count)}
    networks = {f"n{at}": Network(subnets=SUBNETS, segment=SegmentSpec(link=f"d{at}")) for at in range(count)}
    ports = {f"p{at}": Port(network=f"n{at}", attach=Attach(netns=f"p{at}"), qos=SHARE) for at in range(count)}
    tenants = {"t": Tenant(networks=networks, ports=ports)}
    return Intent(name="lab", tenants=tenants, host=NamespaceConfig(links=links))


def owners(count: int) -> Intent:
    """So many tenants with an aggregate each, on VLANs of one link; each has a port more without a guard."""
    tenants = {
        f"t{at}": Tenant(
            qos=SHARE,
            networks={"n": Network(subnets=SUBNETS, segment=SegmentSpec(link="d", vlan=at + 1), qos=SHARE)},
            ports={
                "p": Port(network="n", attach=Attach(netns=f"p{at}"), qos=SHARE),
                "q": Port(network="n", attach=Attach(netns=f"q{at}"), port_security=False),
            },
        )
        for at in range(count)
    }
    return Intent(name="lab", tenants=tenants, host=NamespaceConfig(links={"d": DummyLink(capacity=1000 * GBIT)}))


def pairs(count: int) -> Intent:
    """One port that may speak as so many prefixes, half of them within others."""
    said = (AddressPair(ip=f"10.{at // 2}.0.0/{16 + at % 2}") for at in range(count))
    port = Port(network="n", attach=Attach(netns="p"), allowed_address_pairs=tuple(said))
    return Intent(name="lab", tenants={"t": Tenant(networks={"n": Network(subnets=SUBNETS)}, ports={"p": port})})


def shared(count: int) -> Intent:
    """So many macvlans of one link, and ipvlans of another."""
    links: dict[str, HostLink] = {"d": DummyLink(), "e": DummyLink()}
    links |= {f"m{at}": MacvlanLink(link="d") for at in range(count)}
    links |= {f"i{at}": IpvlanLink(link="e") for at in range(count)}
    return Intent(name="lab", host=NamespaceConfig(links=links))


def bonds(count: int) -> Intent:
    links: dict[str, HostLink] = {f"d{at}": DummyLink() for at in range(count)}
    links |= {f"b{at}": BondLink(mode="active-backup", members=(f"d{at}",)) for at in range(count)}
    return Intent(name="lab", host=NamespaceConfig(links=links))


def routes(count: int) -> Intent:
    """So many routes, each by a next hop on another link, and as many tunnels."""
    subnets = [f"10.{at}.0" for at in range(count)]
    links: dict[str, HostLink] = {
        f"d{at}": DummyLink(addresses=(f"{subnet}.1/24",)) for at, subnet in enumerate(subnets)
    }
    links |= {f"t{at}": VxlanLink(vni=at, remote=f"{subnet}.2") for at, subnet in enumerate(subnets)}
    led = tuple(RouteSpec(to=f"172.16.{at}.0/24", via=f"{subnet}.3") for at, subnet in enumerate(subnets))
    return Intent(name="lab", host=NamespaceConfig(links=links, routes=led))


def groups(count: int) -> Intent:
    """So many groups, each with a port, that hear of each other."""
    rules = [SecurityRule(remote=Remote(group=f"g{(at + 1) % count}")) for at in range(count)]
    ports = {
        f"p{at}": Port(network="n", attach=Attach(netns=f"p{at}"), security_groups=(f"g{at}",)) for at in range(count)
    }
    held = {f"g{at}": SecurityGroup(ingress=(rule,)) for at, rule in enumerate(rules)}
    tenant = Tenant(networks={"n": Network(subnets=SUBNETS)}, ports=ports, security_groups=held)
    return Intent(name="lab", tenants={"t": tenant})


def priorities(count: int) -> Intent:
    """One group of so many rules, each of its own priority."""
    rules = tuple(SecurityRule(protocol=6, ports=((at + 1, at + 1),), priority=at + 1) for at in range(count))
    port = Port(network="n", attach=Attach(netns="p"), security_groups=("g",))
    tenant = Tenant(
        networks={"n": Network(subnets=SUBNETS)}, ports={"p": port}, security_groups={"g": SecurityGroup(ingress=rules)}
    )
    return Intent(name="lab", tenants={"t": tenant})


def members(count: int) -> Intent:
    """So many ports in one group that has as many rules."""
    rules = tuple(SecurityRule(protocol=6, ports=((at + 1, at + 1),)) for at in range(count))
    ports = {f"p{at}": Port(network="n", attach=Attach(netns=f"p{at}"), security_groups=("g",)) for at in range(count)}
    tenant = Tenant(
        networks={"n": Network(subnets=SUBNETS)}, ports=ports, security_groups={"g": SecurityGroup(ingress=rules)}
    )
    return Intent(name="lab", tenants={"t": tenant})


def outside(count: int) -> Intent:
    """So many external networks, each with a router, and bridges that networks join, each with a line out."""
    links: dict[str, HostLink] = {f"e{at}": DummyLink(addresses=(f"172.16.{at}.1/24",)) for at in range(count)}
    links |= {f"b{at}": BridgeLink() for at in range(count)}
    links |= {f"d{at}": DummyLink(master=f"b{at}", capacity=GBIT) for at in range(count)}
    externals = {
        f"e{at}": ExternalNetwork(link=f"e{at}", subnets=(ExternalSubnet(cidr=f"172.16.{at}.0/24"),))
        for at in range(count)
    }
    networks = {
        f"n{at}": Network(subnets=(Subnet(cidr=f"10.{at}.0.0/16"),), segment=SegmentSpec(link=f"b{at}"))
        for at in range(count)
    }
    routers = {
        f"r{at}": Router(interfaces=(RouterInterface(network=f"n{at}"),), gateway=RouterGateway(network=f"e{at}"))
        for at in range(count)
    }
    tenants = {"t": Tenant(networks=networks, routers=routers)}
    return Intent(name="lab", tenants=tenants, external_networks=externals, host=NamespaceConfig(links=links))


@pytest.mark.parametrize(
    "made", [lines, owners, pairs, shared, bonds, routes, groups, priorities, members, outside, router_routes]
)
def test_four_times_as_much_is_little_more_than_four_times_the_work(made: Callable[[int], Intent]) -> None:
    def compiling(count: int) -> Callable[[], object]:
        return partial(compile, made(count), facts())

    demand_linear(compiling)


def missing(count: int) -> Intent:
    """So many links and external networks, each upon a link of the host's that is not there."""
    links: dict[str, HostLink] = {f"m{at}": MacvlanLink(link=f"gone{at}") for at in range(count)}
    links |= {f"there{at}": HostLink(existing=True, mtu=1400) for at in range(count)}
    externals = {
        f"e{at}": ExternalNetwork(link=f"away{at}", subnets=(ExternalSubnet(cidr=f"172.16.{at}.0/24"),))
        for at in range(count)
    }
    return Intent(name="lab", host=NamespaceConfig(links=links), external_networks=externals)


@pytest.mark.parametrize("lenient", [False, True])
def test_so_many_links_that_are_not_there_are_found_at_little_more_than_so_much_work(lenient: bool) -> None:
    def compiling(count: int) -> Callable[[], object]:
        there = {f"eth{at}": ForeignLink(ifname=f"eth{at}") for at in range(count)}

        def compiled() -> None:
            with nullcontext() if lenient else pytest.raises(CompileError):
                compile(missing(count), facts(links=there), lenient=lenient)

        return compiled

    demand_linear(compiling)
