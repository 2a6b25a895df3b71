"""Addresses, routes, rules and neighbours by the rtnl backend on the real kernel, judged by `ip`."""

import socket
from contextlib import closing
from dataclasses import replace

import pytest

from tests.kernel.rtnl_world import create, delete, led, mac, pair, some, spaces, update, whole
from tests.world import World
from weft.backends.rtnl import Rtnl
from weft.backends.visit import visiting
from weft.diff import diff
from weft.errors import KernelRefused
from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.netlink.events import Events
from weft.netlink.namespaces import Namespaces
from weft.state import PROTOCOL, KernelObject, State, netns_key


def addresses(world: World, netns: str, ifname: str) -> list[str]:
    (seen,) = world.json("ip", "-j", "addr", "show", "dev", ifname, netns=netns)
    return [f"{a['local']}/{a['prefixlen']}" for a in seen["addr_info"] if a["scope"] != "link"]


def test_addresses_of_both_families(world: World, rtnl: Rtnl) -> None:
    ends = led(pair(1, "shop", "web"))
    four = Address(netns="web", ifname="eth1", cidr="10.0.0.5/24")
    six = Address(netns="web", ifname="eth1", cidr="fd00::5/64", nodad=True)
    create(rtnl, *spaces("shop", "web"), *ends, four, six)
    assert addresses(world, "web", "eth1") == ["10.0.0.5/24", "fd00::5/64"]
    (seen,) = world.json("ip", "-j", "-6", "addr", "show", "dev", "eth1", netns="web")
    assert not any("tentative" in a for a in seen["addr_info"] if a["scope"] == "global")
    found = whole(rtnl, "web")
    assert {obj.cidr for obj in found.values() if isinstance(obj, Address)} == {"10.0.0.5/24", "fd00::5/64"}
    assert all(obj.protocol == PROTOCOL for obj in found.values() if isinstance(obj, Address))
    delete(rtnl, four, six, six)
    assert addresses(world, "web", "eth1") == []


def test_an_address_goes_without_its_secondaries(world: World, rtnl: Rtnl) -> None:
    ends = led(pair(1, "shop", "web"))
    both = [Address(netns="web", ifname="eth1", cidr=f"10.0.0.{n}/24") for n in (5, 6)]
    create(rtnl, *spaces("shop", "web"), *ends, *both)
    delete(rtnl, both[0])
    assert addresses(world, "web", "eth1") == ["10.0.0.6/24"]


def test_a_foreign_link_s_settings_are_not_touched_for_an_address(world: World, rtnl: Rtnl) -> None:
    world.run("ip", "link", "add", "foreign", "type", "bridge")
    address = Address(netns="", ifname="foreign", cidr="10.0.0.5/24")
    create(rtnl, address)
    delete(rtnl, address)
    promote = world.run("sysctl", "-n", "net.ipv4.conf.foreign.promote_secondaries").stdout.strip()
    assert promote == world.run("sysctl", "-n", "net.ipv4.conf.default.promote_secondaries").stdout.strip()


ROUTES = [
    Route(netns="web", dst="0.0.0.0/0", via="10.0.0.1", ifname="eth1"),
    Route(netns="web", dst="::/0", via="fd00::1", ifname="eth1", metric=1024),
    Route(netns="web", dst="10.8.0.0/16", via="fe80::1", ifname="eth1"),
    Route(netns="web", dst="10.9.0.0/16", via="192.0.2.1", ifname="eth1", onlink=True, table=1000, metric=7),
    Route(netns="web", dst="10.10.0.0/16", ifname="eth1", src="10.0.0.5", mtu=1300, advmss=1200, initcwnd=20),
    Route(netns="web", dst="10.11.0.0/16", type="blackhole"),
    Route(netns="web", dst="fd11::/64", type="unreachable", metric=1024),
    Route(netns="web", dst="fd12::/64", ifname="eth1", metric=5, initrwnd=30),
]


@pytest.fixture
def web(rtnl: Rtnl) -> list[KernelObject]:
    """A port in a namespace of its own with an address of each family."""
    ends = led(pair(1, "shop", "web"))
    objects: list[KernelObject] = [*spaces("shop", "web"), *ends]
    objects.append(Address(netns="web", ifname="eth1", cidr="10.0.0.5/24"))
    objects.append(Address(netns="web", ifname="eth1", cidr="fd00::5/64", nodad=True))
    create(rtnl, *objects)
    return objects


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.dst)
def test_routes(world: World, rtnl: Rtnl, web: list[KernelObject], route: Route) -> None:
    create(rtnl, route)
    family = "-6" if route.family == 6 else "-4"
    dst = "default" if route.dst.endswith("/0") else route.dst
    (seen,) = world.json("ip", "-j", "-d", family, "route", "show", "table", str(route.table), "proto", "119",
                         netns="web")  # fmt: skip
    assert seen["dst"] == dst and seen["type"] == route.type and seen.get("metric", 0) == route.metric
    if route.via:
        assert route.via in (seen.get("gateway"), seen.get("via", {}).get("host"))
    metrics = (seen.get("metrics") or [{}])[0]
    assert {name: metrics.get(name) for name in ("mtu", "advmss", "initcwnd", "initrwnd")} == {
        "mtu": route.mtu, "advmss": route.advmss, "initcwnd": route.initcwnd, "initrwnd": route.initrwnd
    }  # fmt: skip
    assert diff(whole(rtnl, "web"), State.of([*web[1:2], *web[2:], route])).keys() <= {netns_key("web"), *NOT_WEB(web)}
    assert diff(some(rtnl, [route]), State.of([route])) == {}
    delete(rtnl, route, route)
    assert whole(rtnl, "web").keys().isdisjoint({route.key})


def NOT_WEB(objects: list[KernelObject]) -> set[object]:  # noqa: N802
    return {obj.key for obj in objects if obj.key.netns != "web"}


def test_a_route_of_weft_s_is_changed_in_one_step(world: World, rtnl: Rtnl, web: list[KernelObject]) -> None:
    route = ROUTES[0]
    create(rtnl, route)
    observed = whole(rtnl, "web")[route.key]
    with closing(Namespaces()) as namespaces, visiting(namespaces, "web"):
        events = Events(("route",))
    with events:
        update(rtnl, observed, replace(route, via="10.0.0.254", mtu=1400))
        told = [*events.read(timeout_s=5), *events.read(timeout_s=0.1)]
    told = [event for event in told if event.body[0] == socket.AF_INET]  # those of IPv6 are the kernel's own, and late
    assert [event.gone for event in told] == [False], "between the two there was none"
    (seen,) = world.json("ip", "-j", "route", "show", "default", netns="web")
    assert seen["gateway"] == "10.0.0.254" and seen["metrics"] == [{"mtu": 1400}]


def test_a_route_that_is_not_weft_s_stands_in_the_way(world: World, rtnl: Rtnl, web: list[KernelObject]) -> None:
    world.run("ip", "route", "add", "default", "via", "10.0.0.9", netns="web")
    with pytest.raises(KernelRefused, match="File exists"):
        create(rtnl, ROUTES[0])


RULES = [
    Rule(netns="web", family=4, priority=100, src="10.0.0.0/24", table=10),
    Rule(netns="web", family=6, priority=101, dst="fd00::/64", iif="eth1", fwmark=5, fwmask=255, table=1000),
    Rule(netns="web", family=4, priority=102, oif="eth1", fwmark=7, action="prohibit"),
    Rule(netns="web", family=4, priority=90, iif="eth1", dst="192.0.2.0/24", table=10, suppressed=31),
    Rule(netns="web", family=6, priority=90, iif="eth1", dst="fd01::/64", table=10, suppressed=127),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key.name)
def test_rules(world: World, rtnl: Rtnl, web: list[KernelObject], rule: Rule) -> None:
    assert not any(isinstance(obj, Rule) for obj in whole(rtnl, "web").values())
    create(rtnl, rule)
    family = "-6" if rule.family == 6 else "-4"
    seen = [r for r in world.json("ip", "-j", family, "rule", netns="web") if r["priority"] == rule.priority]
    assert len(seen) == 1 and (rule.action != "lookup" or seen[0]["table"] == str(rule.table))
    assert seen[0].get("suppress_prefixlen") == rule.suppressed
    (found,) = (obj for obj in some(rtnl, [rule]).values())
    assert replace(rule, protocol=PROTOCOL, fwmask=rule.fwmask or (0xFFFFFFFF if rule.fwmark else 0)) == found
    delete(rtnl, found, found)
    assert some(rtnl, [rule]) == {}


def test_neighbours(world: World, rtnl: Rtnl, web: list[KernelObject]) -> None:
    fixed = Neighbour(netns="web", ifname="eth1", address="10.0.0.9", mac=mac(77))
    proxy = Neighbour(netns="web", ifname="eth1", address="fd00::9", proxy=True)
    world.run("ip", "neigh", "add", "10.0.0.9", "lladdr", mac(1), "nud", "stale", "dev", "eth1", netns="web")
    create(rtnl, fixed, proxy)
    assert diff(some(rtnl, [fixed, proxy]), State.of([fixed, proxy])) == {}
    seen = world.json("ip", "-j", "neigh", "show", "nud", "permanent", netns="web")
    assert [(n["dst"], n["lladdr"]) for n in seen if n["dst"] == "10.0.0.9"] == [("10.0.0.9", mac(77))]
    update(rtnl, fixed, replace(fixed, mac=mac(78)))
    assert diff(whole(rtnl, "web"), State.of([*web, replace(fixed, mac=mac(78)), proxy])).keys() <= NOT_WEB(web)
    delete(rtnl, fixed, proxy, proxy)
    assert some(rtnl, [fixed, proxy]) == {}
