"""Links, addresses and routes of others that are in other use than the file takes them to be in: told, each with its
line, beside all the rest; and what stands on such a link is left as it is until it is mended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kernel.applied import applied_to
from tests.world import World

pytestmark = pytest.mark.kernel

LINKS = """
for n in 0 1 2 3 4 5 6 7; do
  ip link add eth$n type veth peer name far$n; ip link set eth$n up; ip link set far$n up
done
ip link add br5 type bridge; ip link set br5 up
ip addr add 203.0.113.2/24 dev eth3; ip addr add 198.51.100.2/24 dev eth7
"""
FILE = """weft: 1
name: t
host:
  links:
    mv0: {kind: macvlan, link: eth0}
    br6: {kind: bridge, members: [eth4]}
    t0: {kind: tap, master: br5}
    eth6: {existing: true, qos: cls}
external_networks:
  internet: {link: eth3, subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.1}]}
qos_policies:
  cls: {egress: {ceil: 10mbit, classes: {v: {match: {dscp: ef}, rate: 2mbit}}}}
tenants:
  shop:
    networks:
      plain: {subnets: [10.1.0.0/24], segment: {link: eth2}}
      mode: {subnets: [10.2.0.0/24], segment: {link: eth1, mode: macvlan}}
      taken: {subnets: [10.6.0.0/24], segment: {link: eth7, take_addresses: true}}
      alone: {subnets: [10.5.0.0/24]}
      out: {subnets: [10.7.0.0/24], uplink: nat}
    routers:
      edge: {interfaces: [alone], gateway: internet}
    ports:
      m: {network: mode, attach: {netns: m}}
      a: {network: alone, attach: {netns: a}}
    floating_ips: {203.0.113.10: {network: internet, port: a}}
"""
ANEW = "ip link del {0}; ip link add {0} type veth peer name far{0}"
TUN = "ip link del {0}; ip tuntap add {0} mode tun"
BRIDGE = "ip link add ob type bridge; ip link set ob up"
MISFITS = {
    "an address": ("ip addr add 10.77.0.1/24 dev eth2", "16", "eth2 carries addresses of the host's"),
    "another's port": (f"{BRIDGE}; ip link set eth2 master ob", "16", "eth2 is a port of ob"),
    "no frames": (TUN.format("eth2"), "16", "eth2 carries packets"),
    "no frames for macvlans": (TUN.format("eth0"), "5", "eth0 carries packets"),
    "no frames for a bridge": (TUN.format("eth4"), "6", "eth4 carries packets"),
    "a port below a macvlan": (
        f"{BRIDGE}; {ANEW.format('eth0')}; ip link set eth0 master ob",
        "5",
        "eth0 is a port of ob, which takes its frames",
    ),
    "a macvlan below ports": (
        "ip link del eth1; ip link add eth1 link far0 type macvlan",
        "17",
        "eth1 is of kind macvlan itself",
    ),
    "no bridge": (ANEW.format("br5"), "7", "br5 is of kind veth, and no bridge or bond to join"),
    "an external network's": (f"{BRIDGE}; ip link set eth3 master ob", "10", "eth3 is a port of ob"),
    "an address that stays": (
        f"{ANEW.format('eth7')}; ip addr add 198.51.100.2/24 dev eth7 valid_lft 1000 preferred_lft 1000",
        "18",
        "eth7 does not give all its addresses away",
    ),
}


@pytest.fixture
def applied(world: World, tmp_path: Path) -> World:
    applied_to(world, tmp_path, LINKS, FILE)
    world.run("weft", "status", "t")
    return world


@pytest.mark.parametrize(("by", "line", "what"), MISFITS.values(), ids=MISFITS)
def test_it_is_told_with_its_line_and_the_rest_is_made(
    applied: World, tmp_path: Path, by: str, line: str, what: str
) -> None:
    applied.run("sh", "-ec", by)
    told = _told(applied)
    assert [(drift, at) for drift, at, said in told if said.startswith(what)] == [("foreign", line)]
    assert len(told) == 1, told
    for words in (("show", "t"), ("groups",), ("trace", "-f", "weft.yaml", "a", "10.5.0.1")):
        applied.run("weft", *words, cwd=tmp_path)
    for words in (("plan",), ("apply", "--yes")):
        refused = applied.run("weft", *words, cwd=tmp_path, check=False)
        assert refused.returncode == 5 and f"weft.yaml:{line}:" in refused.stderr and what in refused.stderr
    before = applied.dump()
    applied.run("ip", "-n", "a", "link", "del", "dev", "a")
    made = applied.run("weft", "apply", "--boot", "--wait", "0", check=False)
    assert made.returncode == 5 and "t is there, but for what stands on links" in made.stdout, made
    assert applied.ping("10.5.0.1", netns="a")
    assert applied.dump().keys() == before.keys()
    assert [told for told in _told(applied) if told[0] != "foreign"] == []
    applied.run("weft", "destroy", "--yes", "t")


OTHERS = {
    "its own address": ("ip addr add 203.0.113.10/24 dev eth3", "26", "203.0.113.10 is the host's own, on eth3"),
    "the pool": ("ip addr add 198.18.0.1/15 dev eth5", "1", "the pool 198.18.0.0/15 meets the host's route"),
}


@pytest.mark.parametrize(("by", "line", "what"), OTHERS.values(), ids=OTHERS)
def test_what_no_link_is_left_out_for_withholds_the_whole(
    applied: World, tmp_path: Path, by: str, line: str, what: str
) -> None:
    applied.run("sh", "-ec", by)
    assert [(drift, at) for drift, at, said in _told(applied) if said.startswith(what)] == [("foreign", line)]
    applied.run("weft", "show", "t")
    refused = applied.run("weft", "apply", "--boot", "--wait", "0", check=False)
    assert refused.returncode == 5 and "t could not be restored" in refused.stderr and what in refused.stderr


def test_routes_over_a_link_that_is_down_are_told_and_the_rest_is_made(applied: World, tmp_path: Path) -> None:
    applied.run("sh", "-ec", "ip link set eth3 down; ip -n a link del dev a")
    assert ("missing", "10", "eth3 on the host is down, and no route leads over it") in _told(applied)
    for words in (("plan",), ("apply", "--yes")):
        refused = applied.run("weft", *words, cwd=tmp_path, check=False)
        assert refused.returncode == 5 and "weft.yaml:10:3: eth3 on the host is down" in refused.stderr
    made = applied.run("weft", "apply", "--boot", "--wait", "0", check=False)
    assert made.returncode == 5 and "t is there, but for what stands on links that are not there, down" in made.stdout
    assert applied.ping("10.5.0.1", netns="a") and len(_told(applied)) == 1
    up = FILE.replace("    eth6:", "    eth3: {existing: true, up: true}\n    eth6:")
    (tmp_path / "weft.yaml").write_text(up)
    applied.run("weft", "apply", "--yes", cwd=tmp_path)
    applied.run("weft", "status", "t")


def test_a_chain_that_outlives_its_link_is_nothing_more(applied: World) -> None:
    applied.run("ip", "link", "del", "eth6")
    assert [(drift, at) for drift, at, _ in _told(applied)] == [("missing", "8")]


MTUS = """weft: 1
name: t
qos_policies: {lim: {egress: {ceil: 10mbit}, ingress: {ceil: 40mbit}}}
external_networks:
  internet: {link: eth3, subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.1}]}
tenants:
  shop:
    networks:
      plain: {subnets: [10.1.0.0/24], segment: {link: eth2}}
      tunnel: {subnets: [10.4.0.0/24], segment: {vni: 42, link: eth3, remotes: [203.0.113.7]}}
      alone: {subnets: [10.5.0.0/24]}
    routers:
      edge: {interfaces: [alone], gateway: internet}
      inner: {interfaces: [plain, tunnel]}
    ports:
      p: {network: plain, attach: {netns: p}, qos: lim}
      t: {network: tunnel, attach: {netns: t}, qos: lim}
      a: {network: alone, attach: {netns: a}, qos: lim}
"""


@pytest.mark.parametrize("mtu", ["1400", "9000"])
def test_nothing_is_told_that_follows_from_an_mtu_that_nobody_knows(world: World, tmp_path: Path, mtu: str) -> None:
    world.run("sh", "-ec", LINKS)
    for link in ("eth2", "eth3"):
        world.run("ip", "link", "set", link, "mtu", mtu)
    (tmp_path / "weft.yaml").write_text(MTUS)
    world.run("weft", "apply", "--yes", cwd=tmp_path)
    assert world.json("ip", "-j", "link", "show", "p", netns="p")[0]["mtu"] == int(mtu)
    world.run("sh", "-ec", "ip link del eth2; ip link del eth3")
    assert {drift for drift, _, _ in _told(world)} == {"missing"}
    world.run("weft", "apply", "--boot", "--wait", "0", check=False)
    assert world.json("ip", "-j", "link", "show", "p", netns="p")[0]["mtu"] == int(mtu)


def _told(world: World) -> list[tuple[str, str, str]]:
    """How, in which line of the file, and what."""
    status = world.run("weft", "status", "t", "-o", "json", check=False)
    assert status.returncode in (0, 3), status.stderr
    return [
        (one["drift"], one["where"].rpartition("weft.yaml:")[2].partition(":")[0], one["told"])
        for one in json.loads(status.stdout)["differences"]
    ]
