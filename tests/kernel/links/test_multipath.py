"""Routes of several next hops: both families, weights, changed and taken away, and traffic over each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.rtnl_world import create, delete, led, pair, some, spaces, update, whole
from tests.world import World
from weft.backends.rtnl import Rtnl
from weft.diff import diff
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import NextHop, Route
from weft.plan import plan
from weft.state import KernelObject, State

OVER_BOTH = (NextHop(ifname="eth1", via="10.0.1.1", weight=1), NextHop(ifname="eth2", via="10.0.2.1", weight=3))
OVER_BOTH6 = (NextHop(ifname="eth1", via="fd00:1::1", weight=2), NextHop(ifname="eth2", via="fd00:2::1"))
ROUTES = [
    Route(netns="web", dst="192.0.2.0/24", nexthops=OVER_BOTH),
    Route(netns="web", dst="192.0.2.0/24", table=1000, metric=9, mtu=1300, src="10.0.1.5", nexthops=OVER_BOTH),
    Route(netns="web", dst="192.0.2.0/24", nexthops=(*OVER_BOTH6[:1], *OVER_BOTH[1:])),
    Route(netns="web", dst="192.0.2.0/24", nexthops=(NextHop(ifname="eth1"), replace(OVER_BOTH[1], onlink=True))),
    Route(netns="web", dst="fd09::/64", metric=1024, nexthops=OVER_BOTH6),
]


@pytest.fixture
def rtnl(world: World) -> Iterator[Rtnl]:
    with world.inside(), closing(Rtnl()) as backend:
        yield backend


@pytest.fixture
def web(rtnl: Rtnl) -> list[KernelObject]:
    """A namespace with two links to another, each with an address of either family at both ends."""
    objects: list[KernelObject] = [*spaces("far", "web")]
    for number in (1, 2):
        objects += led(pair(number, "far", "web"))
        for netns, ifname, host in (("web", f"eth{number}", 5), ("far", f"wp{number}", 1)):
            objects.append(Address(netns=netns, ifname=ifname, cidr=f"10.0.{number}.{host}/24"))
            objects.append(Address(netns=netns, ifname=ifname, cidr=f"fd00:{number}::{host}/64", nodad=True))
    create(rtnl, *objects)
    return objects


def routes(world: World, route: Route) -> list[dict[str, Any]]:
    family = "-6" if route.family == 6 else "-4"
    listed = world.json("ip", "-j", family, "route", "show", "table", str(route.table), "proto", "119", netns="web")
    return [found for found in listed if found["dst"] == route.dst]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.dst}-{route.table}")
def test_several_next_hops(world: World, rtnl: Rtnl, web: list[KernelObject], route: Route) -> None:
    create(rtnl, route)
    (seen,) = routes(world, route)
    assert {(hop["dev"], hop["weight"]) for hop in seen["nexthops"]} == {(h.ifname, h.weight) for h in route.nexthops}
    for hop in seen["nexthops"]:
        via = hop.get("gateway") or hop.get("via", {}).get("host", "")
        assert via in {known.via for known in route.nexthops if known.ifname == hop["dev"]}
    for state in (whole(rtnl, "web", "far"), some(rtnl, [*web, route])):
        assert diff(state, State.of([*web, route])) == {}
    delete(rtnl, whole(rtnl, "web")[route.key])
    assert routes(world, route) == []


@pytest.mark.parametrize("route", [ROUTES[0], ROUTES[4]], ids=["ipv4", "ipv6"])
def test_weights_and_number_change_in_place(world: World, rtnl: Rtnl, web: list[KernelObject], route: Route) -> None:
    one, other = route.nexthops
    single = replace(route, nexthops=(), ifname=one.ifname, via=one.via)
    create(rtnl, route)
    for wanted in (replace(route, nexthops=(replace(one, weight=7), other)), single, route):
        before = whole(rtnl, "web")[route.key]
        update(rtnl, before, wanted)
        assert diff(whole(rtnl, "web", "far"), State.of([*web, wanted])) == {}
        assert len(routes(world, route)) == 1


@pytest.mark.parametrize("route", [ROUTES[0], ROUTES[4]], ids=["ipv4", "ipv6"])
def test_nothing_of_it_stays_when_one_of_its_links_goes(
    world: World, rtnl: Rtnl, web: list[KernelObject], route: Route
) -> None:
    """The plan takes away a link and the route; the kernel alone would keep an IPv6 route's other next hop."""
    create(rtnl, route)
    observed = whole(rtnl, "web", "far")
    gone = {"eth1", "wp1"}
    left = State(
        (key, obj) for key, obj in observed.items() if key != route.key and getattr(obj, "ifname", "") not in gone
    )
    for step in plan(observed, left).steps():
        rtnl.commit(step.changes)
    assert routes(world, route) == []
    assert diff(whole(rtnl, "web", "far"), left) == {}


@pytest.mark.parametrize("address", ["192.0.2.1", "fd09::1"])
def test_packets_take_both_ways(world: World, rtnl: Rtnl, web: list[KernelObject], address: str) -> None:
    """The far end has the address; flows of many sources spread over both links."""
    width = 128 if ":" in address else 32
    route = replace(ROUTES[4] if ":" in address else ROUTES[0], dst=f"{address}/{width}")
    create(rtnl, route)
    world.run("ip", "addr", "add", f"{address}/{width}", "dev", "lo", netns="far")
    policy = "net.ipv6.fib_multipath_hash_policy" if ":" in address else "net.ipv4.fib_multipath_hash_policy"
    world.run("sysctl", "-qw", f"{policy}=1", netns="web")
    assert world.ping(address, netns="web")
    send = (
        "import socket; family = socket.AF_INET6 if ':' in '%s' else socket.AF_INET\n"
        "for n in range(400): socket.socket(family, socket.SOCK_DGRAM).sendto(b'x' * 9000, ('%s', 9 + n))"
    )
    before = {ifname: sent(world, ifname) for ifname in ("eth1", "eth2")}
    world.run("python3", "-c", send % (address, address), netns="web")
    grown = {ifname: sent(world, ifname) - before[ifname] for ifname in before}
    assert min(grown.values()) > 400_000, grown


FILE = """
weft: 1
name: ways
namespaces:
  web:
    links: {"eth[1-2]": {kind: veth, peer: "far{n}", addresses: ["10.0.{n}.5/24"]}}
    routes:
      - to: 192.0.2.0/24
        nexthops: [{via: 10.0.1.1, dev: eth1, weight: 3}, {via: 10.0.2.1, dev: eth2}]
"""


def test_by_the_commands(world: World, tmp_path: Path) -> None:
    """What is in a journal, in a saved plan and in JSON has to be written down."""
    (tmp_path / "weft.yaml").write_text(FILE)

    def weft(*words: str, check: bool = True) -> str:
        return world.run("weft", *words, check=check, cwd=tmp_path).stdout

    planned = json.loads(weft("plan", "-o", "json", check=False))
    (told,) = [change["wanted"]["nexthops"] for change in planned["changes"] if change["kind"] == "route"]
    assert [(hop["via"], hop["ifname"], hop["weight"]) for hop in told] == [
        ("10.0.1.1", "eth1", 3),
        ("10.0.2.1", "eth2", 1),
    ]
    said = weft("plan", "--out", "kept.plan", check=False)
    assert "nexthops via 10.0.1.1 dev eth1 weight 3; via 10.0.2.1 dev eth2" in said
    weft("apply", "-y", "kept.plan")
    (route,) = world.json("ip", "-j", "route", "show", "192.0.2.0/24", netns="web")
    assert [hop["weight"] for hop in route["nexthops"]] == [3, 1]
    assert "is as asked" in weft("status")
    weft("destroy", "-y", "ways")
    assert world.names() == []


def sent(world: World, ifname: str) -> int:
    (seen,) = world.json("ip", "-j", "-s", "link", "show", "dev", ifname, netns="web")
    return int(seen["stats64"]["tx"]["bytes"])
