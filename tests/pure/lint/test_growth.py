"""What looking for harm costs grows as the file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.growth import demand_linear
from tests.pure.compiler.intents import facts, router_routes
from weft.facts import ForeignLink
from weft.lint import lint
from weft.model.intent import Attach, Intent, NamespaceConfig, Network, Port, RouteSpec, Subnet, Tenant
from weft.model.segment import SegmentSpec

KNOWN = facts(links={"eth0": ForeignLink(ifname="eth0", addresses=("192.0.2.10/24",))})


def host_routes(count: int) -> Intent:
    """So many routes of a link to next hops that as many others lead to."""
    led = tuple(RouteSpec(to=f"10.{at}.0.0/16", dev="eth0") for at in range(count))
    by_them = tuple(RouteSpec(to=f"172.16.{at}.0/24", via=f"10.{at}.0.1", dev="eth0") for at in range(count))
    return Intent(name="lab", host=NamespaceConfig(routes=(*led, *by_them)))


def upon_links(count: int) -> Intent:
    """So many networks without a bridge, a port on each."""
    segment = SegmentSpec(link="eth0", mode="macvlan")
    networks = {f"n{at}": Network(subnets=(Subnet(cidr=f"10.{at}.0.0/16"),), segment=segment) for at in range(count)}
    ports = {f"p{at}": Port(network=f"n{at}", attach=Attach(netns=f"p{at}")) for at in range(count)}
    return Intent(name="lab", tenants={"t": Tenant(networks=networks, ports=ports)})


@pytest.mark.parametrize("made", [host_routes, router_routes, upon_links])
def test_four_times_as_much_is_little_more_than_four_times_the_work(made: Callable[[int], Intent]) -> None:
    def looking(count: int) -> Callable[[], object]:
        return partial(lint, made(count), KNOWN)

    demand_linear(looking)
