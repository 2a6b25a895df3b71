"""Routers that tenants declare: networks joined, and out by an external network, with real traffic."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dump import differences
from tests.kernel.external import BEYOND4, BEYOND6
from tests.kernel.external import EXTERNAL as EXTERNAL_LINK
from tests.kernel.external import host as host
from tests.kernel.test_networks import DOCKER
from tests.world import World

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]

EXTERNAL = """
weft: 1
name: lab
external_networks:
  internet:
    link: ext0
    subnets:
      - {cidr: 203.0.113.0/24, gateway: 203.0.113.1}
      - {cidr: "2001:db8:1::/64", gateway: "2001:db8:1::ffff", pools: ["2001:db8:1::100-2001:db8:1::1ff"]}
"""

EDGE = (
    EXTERNAL
    + """
tenants:
  shop:
    networks:
      front: {subnets: [10.10.0.0/24, "fd00:10::/64"]}
      back: {subnets: [10.20.0.0/24]}
    routers:
      edge: {interfaces: [front, back], gateway: internet}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.10.0.10, "fd00:10::10"]}
      db: {network: back, attach: {netns: db}, addresses: [10.20.0.10]}
"""
)


def apply(world: World, tmp_path: Path, text: str) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text(text)
    world.run("weft", "apply", "-y", "-f", file)


def seen_outside(world: World, netns: str, target: str, words: str) -> str:
    """The first packet that the world sees while a namespace pings."""
    seen = world.start(
        *("timeout", "5", "tcpdump", "-n", "-c", "1", "-i", "ext1", *words.split()), netns="world", stdout=-1, stderr=-1
    )
    assert seen.stderr is not None
    seen.stderr.readline()
    assert world.ping(target, netns=netns)
    return str(seen.communicate()[0])


def test_two_networks_and_out_by_an_external_one(host: World, tmp_path: Path) -> None:
    before = host.dump(settle_s=5)
    apply(host, tmp_path, EDGE)
    assert host.ping("10.20.0.10", netns="web"), "from one network to the other"
    assert host.ping(BEYOND4, netns="web")
    assert host.ping(BEYOND6, netns="web")
    assert host.ping("203.0.113.1", netns="db")
    assert f"203.0.113.2 > {BEYOND4}" in seen_outside(host, "db", BEYOND4, "icmp")
    assert f"2001:db8:1::100 > {BEYOND6}" in seen_outside(host, "web", BEYOND6, "icmp6 and ip6[40] == 128")
    assert not host.ping("10.10.0.10", netns="world", wait_s=0), "the world knows nothing of what is behind"
    assert host.ping("203.0.113.2", netns="world"), "but the router itself"
    assert host.ping("203.0.113.2"), "as does the host"
    assert not host.ping("192.0.2.254", netns="web", wait_s=0), "the host's own way out is not the tenant's"
    assert "nothing to do" in host.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml").stdout.lower()
    shown = host.run("weft", "show").stdout
    assert "router edge" in shown
    assert "203.0.113.2/32" in shown
    assert "-- internet ---" in host.run("weft", "show", "--format", "mermaid").stdout
    host.run("weft", "destroy", "-y", "lab")
    assert differences(before, host.dump(settle_s=5)) == []


MANY = (
    EXTERNAL
    + """
  branch: {link: brx, subnets: [{cidr: 198.51.101.0/24, pools: [198.51.101.100-198.51.101.120]}, "2001:db8:7::/64"]}
host: {links: {brx: {kind: bridge, members: [br0x]}}}
tenants:
  shop:
    networks:
      front: {subnets: [10.10.0.0/24, "fd00:10::/64"]}
      back: {subnets: [{cidr: 10.20.0.0/24, gateway: 10.20.0.5}]}
      store: {subnets: [10.30.0.0/24]}
    routers:
      edge:
        interfaces: [front]
        gateway: {network: internet, snat: [203.0.113.60-203.0.113.63]}
        routes: [{to: 10.30.0.0/24, via: 10.10.0.253}, {to: 10.20.0.0/24, via: 10.10.0.253}]
      site:
        interfaces: [{network: front, address: [10.10.0.254, "fd00:10::254"]}]
        gateway: {network: branch, addresses: [198.51.101.77], snat: false}
      inner:
        interfaces: [{network: front, address: 10.10.0.253}, {port: leg}, store]
        routes: [{to: default, via: 10.10.0.1}]
    ports:
      leg: {network: back, attach: router, addresses: [10.20.0.5]}
      web:
        network: front
        attach: {netns: web}
        addresses: [10.10.0.10, "fd00:10::10"]
        routes:
          - {to: 198.51.101.0/24, via: 10.10.0.254}
          - {to: 10.40.0.0/24, via: 10.10.0.254}
          - {to: "2001:db8:7::/64", via: "fd00:10::254"}
      db: {network: back, attach: {netns: db}, addresses: [10.20.0.10]}
      disk: {network: store, attach: {netns: disk}, addresses: [10.30.0.10]}
  dev:
    networks:
      front: {subnets: [10.40.0.0/24, "fd00:40::/64"]}
      lab: {subnets: [10.50.0.0/24], uplink: routed}
      nat: {subnets: [10.50.0.0/24], uplink: nat}
    routers: {edge: {interfaces: [front], gateway: {network: branch, snat: false}}}
    ports:
      ci: {network: front, attach: {netns: ci}}
      old: {network: lab, attach: {netns: old}}
      older: {network: nat, attach: {netns: older}}
"""
)

BRANCH = """
set -e
ip netns add branch
ip link add br0x type veth peer name br1x netns branch
ip link set br0x up
ip -n branch addr add 198.51.101.1/24 dev br1x; ip -n branch -6 addr add 2001:db8:7::ffff/64 dev br1x nodad
ip -n branch link set br1x up; ip -n branch link set lo up
ip -n branch route add 10.10.0.0/24 via 198.51.101.77; ip -n branch -6 route add fd00:10::/64 via 2001:db8:7::1
"""


@pytest.fixture
def branched(host: World) -> World:
    """And a branch behind a link that the file makes a port of a bridge."""
    host.run("sh", "-c", BRANCH)
    return host


def test_several_routers_on_one_network(branched: World, tmp_path: Path) -> None:
    branched.run("sysctl", "-qw", "net.ipv4.conf.ext0.rp_filter=1")  # what comes back is not what the host would send
    host, before = branched, branched.dump(settle_s=5)
    apply(host, tmp_path, MANY)
    assert host.ping("198.51.101.1", netns="web"), "the branch, untranslated, by a router of its own"
    assert host.ping("2001:db8:7::ffff", netns="web")
    assert host.ping("10.10.0.10", netns="branch"), "and back, for it knows the way"
    assert host.ping("fd00:10::10", netns="branch")
    assert host.ping("10.30.0.10", netns="web"), "by a static route of the gateway"
    assert host.ping("10.10.0.10", netns="disk"), "by the default route of a router without gateway"
    assert host.ping("10.30.0.10", netns="db"), "by a router whose interface is a port"
    assert host.ping(BEYOND4, netns="disk"), "through two routers"
    assert "203.0.113.6" in seen_outside(host, "web", BEYOND4, "icmp")
    assert host.ping("10.40.0.2", netns="web"), "from router to router of an external network, by its table"
    said = host.run("weft", "check", "reach", "-f", tmp_path / "weft.yaml", check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert not host.ping("203.0.113.60", netns="world", wait_s=0), "nothing answers by itself at a pool's address"
    assert host.ping(BEYOND6, netns="web"), "a family without a pool goes by the router's own address"
    host.run("weft", "destroy", "-y", "lab")
    assert differences(before, host.dump(settle_s=5)) == []


def rule_and_table(host: World) -> tuple[int, str]:
    """The priority of edge's IPv4 rule, and the table that it looks in."""
    rules = [rule for rule in host.json("ip", "-j", "rule") if rule.get("iif", "").startswith("wu")]
    (rule,) = [rule for rule in rules if "suppress_prefixlen" not in rule]
    return int(rule["priority"]), str(rule["table"])


def test_what_somebody_takes_away_is_named_and_comes_back(host: World, tmp_path: Path) -> None:
    apply(host, tmp_path, EDGE)
    priority, table = rule_and_table(host)
    taken = {
        f"ip rule del priority {priority}": f"rule inet {priority}",
        f"ip route del default table {table}": f"route 0.0.0.0/0 table {table} metric 0",
        "ip route del 203.0.113.2/32": "route 203.0.113.2/32 table 254 metric 0",
        "ip neigh del proxy 203.0.113.2 dev ext0": "neighbour ext0 proxy 203.0.113.2",
        "ip -6 neigh del proxy 2001:db8:1::100 dev ext0": "neighbour ext0 proxy 2001:db8:1::100",
        "sysctl -qw net.ipv6.conf.ext0.proxy_ndp=0": "sysctl net/ipv6/conf/ext0/proxy_ndp",
        "ip -n weft.lab.shop.edge addr del 203.0.113.2/32 dev uplink": "address uplink 203.0.113.2/32",
        "ip netns exec weft.lab.shop.edge nft flush chain inet weft-lab postrouting": "postrouting",
    }
    for command, named in taken.items():
        host.run(*command.split())
        said = host.run("weft", "status", check=False)
        assert said.returncode != 0
        assert named in said.stdout, (command, said.stdout)
    apply(host, tmp_path, EDGE)
    assert host.run("weft", "status").returncode == 0
    assert rule_and_table(host) == (priority, table)
    assert f"203.0.113.2 > {BEYOND4}" in seen_outside(host, "web", BEYOND4, "icmp")
    assert host.ping(BEYOND6, netns="web")


MORE = EDGE.replace(
    "      edge: {",
    "      before: {interfaces: [{network: back, address: 10.20.0.9}], gateway: internet}\n      edge: {",
)


def test_what_a_router_holds_it_keeps(host: World, tmp_path: Path) -> None:
    """A router more, though it stands before the other in the file; a renamed one; and what others have is stepped
    over, and refused when it is asked for."""
    host.run("ip", "addr", "add", "203.0.113.3/24", "dev", "ext0")
    host.run("ip", "neigh", "add", "proxy", "203.0.113.4", "dev", "ext0")
    apply(host, tmp_path, EDGE)
    held = rule_and_table(host)
    pinging = host.start("ping", "-n", "-q", "-i", "0.02", "-c", "100", "203.0.113.1", netns="db", stdout=-1, stderr=-1)
    apply(host, tmp_path, MORE)
    assert " 0% packet loss" in pinging.communicate()[0], "edge works on while another router is made"
    assert f"203.0.113.2 > {BEYOND4}" in seen_outside(host, "db", BEYOND4, "icmp")
    assert host.ping("203.0.113.5", netns="world"), "the first that nobody has is the other's"
    apply(host, tmp_path, EDGE.replace("edge: {", "rim: {was: edge, "))
    assert rule_and_table(host) == held
    assert f"203.0.113.2 > {BEYOND4}" in seen_outside(host, "db", BEYOND4, "icmp")
    for address, whose in {"203.0.113.3": "the host's own, on ext0", "203.0.113.4": "a neighbour's"}.items():
        gateway = f"gateway: {{network: internet, addresses: [{address}]}}"
        refused = refuse(host, tmp_path, EDGE.replace("gateway: internet", gateway))
        assert f"{address} is {whose}" in refused
        assert "weft.yaml:" in refused


def refuse(world: World, tmp_path: Path, text: str) -> str:
    file = tmp_path / "weft.yaml"
    file.write_text(text)
    said = world.run("weft", "apply", "-y", "-f", file, check=False)
    assert said.returncode != 0
    return said.stdout + said.stderr


def test_a_link_that_goes_takes_no_router_along(host: World, tmp_path: Path) -> None:
    """What stood on it is named as missing; without it nothing is applied; when it is back, all is."""
    apply(host, tmp_path, EDGE)
    host.run("ip", "link", "del", "ext0")
    assert host.ping("10.20.0.10", netns="web"), "what is inside works on"
    said = host.run("weft", "status", check=False)
    assert said.returncode != 0
    assert "the host has no link ext0" in refuse(host, tmp_path, EDGE)
    host.run("ip", "netns", "del", "world")
    host.run("sh", "-c", EXTERNAL_LINK)
    apply(host, tmp_path, EDGE)
    assert host.ping(BEYOND4, netns="web")
    host.run("weft", "destroy", "-y", "lab")
    assert not [name for name in host.names() if name.startswith("weft.")]


def test_the_example(host: World, tmp_path: Path) -> None:
    """examples/routers.yaml: as it is, but for the link's name and where its gateway's IPv6 address is; beside a VPN
    that leads everything away, as Tailscale's rules do."""
    host.run("sh", "-ec", "ip rule add priority 5270 lookup 52; ip route add blackhole 198.51.100.0/24 table 52")
    example = (ROOT / "examples/routers.yaml").read_text()
    apply(host, tmp_path, example.replace("eth1", "ext0").replace('"2001:db8:1::1"', '"2001:db8:1::ffff"'))
    assert host.ping("10.12.0.2", netns="shop-web"), "through both routers"
    assert f"203.0.113.10 > {BEYOND4}" in seen_outside(host, "shop-disk", BEYOND4, "icmp")
    assert "203.0.113.20" in seen_outside(host, "dev-ci", BEYOND4, "icmp")
    assert host.ping(BEYOND6, netns="shop-web")
    assert not host.ping("10.10.0.80", netns="dev-ci", wait_s=0)


def test_two_scopes_on_one_link_of_a_host_whose_firewall_drops(host: World, tmp_path: Path) -> None:
    host.run("sh", "-c", DOCKER)
    before = host.dump(settle_s=5)
    apply(host, tmp_path, EDGE)
    other = EDGE.replace("name: lab", "name: other").replace("{netns: ", "{netns: other-")
    apply(host, tmp_path, other)
    assert f"203.0.113.2 > {BEYOND4}" in seen_outside(host, "web", BEYOND4, "icmp")
    assert f"203.0.113.3 > {BEYOND4}" in seen_outside(host, "other-web", BEYOND4, "icmp"), "stepped over the other's"
    host.run("weft", "destroy", "-y", "lab")
    assert host.ping(BEYOND4, netns="other-web")
    assert host.ping(BEYOND6, netns="other-web"), "the link goes on answering for the other's"
    host.run("weft", "destroy", "-y", "other")
    assert differences(before, host.dump(settle_s=5)) == []


@pytest.mark.needs("vlan")
def test_a_narrow_vlan_of_the_file(host: World, tmp_path: Path) -> None:
    """What the VLAN carries is what the router's networks are given; a larger one is clamped."""
    host.run("ip", "-n", "world", "link", "add", "link", "ext1", "name", "v7", "type", "vlan", "id", "7")
    host.run("sh", "-ec", "ip -n world addr add 198.51.101.1/24 dev v7; ip -n world link set v7 mtu 1400 up")
    apply(
        host,
        tmp_path,
        EDGE.replace("link: ext0", "link: ext0.7")
        .replace("203.0.113.", "198.51.101.")
        .replace("back: {", "back: {mtu: 1500, ")
        + "host: {links: {ext0.7: {kind: vlan, link: ext0, vid: 7, mtu: 1400}}}\n",
    )
    for netns, mtu in (("web", 1400), ("db", 1500)):
        assert host.json("ip", "-j", "link", "show", netns, netns=netns)[0]["mtu"] == mtu
    assert host.ping("198.51.101.1", netns="db")
    assert host.run("ping", "-c1", "-Mdo", "-s1372", "198.51.101.1", netns="web").returncode == 0
    rules = host.run("nft", "list", "ruleset", netns="weft.lab.shop.edge").stdout
    assert "tcp option maxseg size set rt mtu" in rules


def test_another_router_takes_a_gateway_over(host: World, tmp_path: Path) -> None:
    """From an uplink to a declared router, and from that to another: the ports know the gateway by its MAC still."""
    network = 'front: {subnets: [10.10.0.0/24, "fd00:10::/64"]}'
    apply(
        host,
        tmp_path,
        EDGE.replace(network, network.replace("]}", "], uplink: nat}")).replace("[front, back]", "[back]"),
    )
    assert host.ping("192.0.2.254", netns="web")
    for text in (EDGE, EDGE.replace("      edge: {", "      rim: {")):
        apply(host, tmp_path, text)
        for beyond in (BEYOND4, BEYOND6):
            assert host.ping(beyond, netns="web", wait_s=2), "it is found anew only after half a minute"


def test_a_next_hop_that_is_warned_of_is_none(host: World, tmp_path: Path) -> None:
    """By a link without a subnet of it the kernel refuses the route; on a router's network it is asked for in vain."""
    file, before = tmp_path / "weft.yaml", host.dump(settle_s=3)
    far = "host: {routes: [{to: 10.99.0.0/16, via: 198.51.100.9, dev: %s}]}\n"
    file.write_text("weft: 1\nname: lab\n" + far % "up0")
    refused = host.run("weft", "apply", "-y", "-f", file, check=False)
    assert refused.returncode == 5 and "198.51.100.9 is in no subnet of up0 (192.0.2.0/24" in refused.stderr
    assert "Nexthop has invalid gateway" in refused.stderr and differences(before, host.dump(settle_s=3)) == []
    lost = EDGE.replace("gateway: internet}", "gateway: internet, routes: [{to: 10.99.0.0/16, via: 10.20.0.99}]}")
    file.write_text(lost)
    told = host.run("weft", "apply", "-y", "-f", file).stderr
    assert "nobody on network back has 10.20.0.99: what goes to 10.99.0.0/16 is lost" in told
    assert not host.ping("10.99.0.1", netns="web", wait_s=1)
    neighbours = host.run("ip", "neigh", "show", netns="weft.lab.shop.edge").stdout
    assert "10.20.0.99 dev back FAILED" in neighbours or "10.20.0.99 dev back INCOMPLETE" in neighbours
    file.write_text(lost.replace("10.20.0.99}", "10.20.0.10}"))
    assert "warning" not in host.run("weft", "apply", "-y", "-f", file).stderr
