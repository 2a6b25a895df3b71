"""Links of somebody else's that go away while what stands on them is applied: what is told, what is made without them,
and that all is there again when they come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.applied import applied_to
from tests.world import World

pytestmark = pytest.mark.kernel

LINKS = """
for n in 1 2 3 4; do
  ip link add eth$n type veth peer name far$n; ip link set eth$n up; ip link set far$n up
done
ip link add br5 type bridge; ip link set br5 up
ip addr add 203.0.113.2/24 dev eth3; ip addr add 192.0.2.2/24 dev eth4
"""
GONE = "for link in eth1 eth2 eth3 eth4 br5; do ip link del $link; done"
FILE = """weft: 1
name: t
host:
  links:
    eth4: {existing: true, mtu: 1400}
    br6: {kind: bridge, members: [eth4]}
    mv0: {kind: macvlan, link: eth1}
    t0: {kind: tap, master: br5}
  routes: [{to: 10.98.0.0/24, via: 203.0.113.9}, {to: 10.97.0.0/24, dev: eth3}]
external_networks:
  internet: {link: eth3, subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.1}]}
tenants:
  shop:
    networks:
      plain: {subnets: [10.1.0.0/24], segment: {link: eth2}}
      mode: {subnets: [10.2.0.0/24], segment: {link: eth1, mode: macvlan}}
      joined: {subnets: [10.3.0.0/24], segment: {link: br5}}
      tunnel: {subnets: [10.4.0.0/24], segment: {vni: 42, link: eth3, remotes: [203.0.113.7]}}
      alone: {subnets: [10.5.0.0/24]}
    routers:
      edge: {interfaces: [alone], gateway: internet}
    ports:
      m: {network: mode, attach: {netns: m}}
      a: {network: alone, attach: {netns: a}}
      b: {network: alone, attach: {netns: b}}
"""


@pytest.fixture
def applied(world: World, tmp_path: Path) -> World:
    return applied_to(world, tmp_path, LINKS, FILE)


def test_what_stands_on_a_link_that_is_gone_is_told_as_missing(applied: World) -> None:
    applied.run("sh", "-ec", GONE)
    status = applied.run("weft", "status", "t", "-o", "json", check=False)
    assert status.returncode == 3, status.stderr
    told = {one["subject"]: one["where"].rpartition("weft.yaml:")[2].partition(":")[0] for one in _differences(status)}
    assert {one["drift"] for one in _differences(status)} == {"missing"}
    assert told == {
        "external_networks.internet": "11",
        "host.links.eth4": "5",
        "host.links.mv0": "7",
        "host.links.t0": "8",
        "host.routes.0": "9",
        "host.routes.1": "9",
        "tenants.shop.networks.joined": "17",
        "tenants.shop.networks.mode": "16",
        "tenants.shop.networks.plain": "15",
        "tenants.shop.networks.tunnel": "18",
        "tenants.shop.ports.m": "23",
        "tenants.shop.routers.edge": "21",
    }
    seen = json.loads(applied.run("weft", "show", "t", "-o", "json").stdout)
    (tenant,) = seen["tenants"]
    networks = {one["name"]: one["condition"] for one in tenant["networks"]}
    assert networks == {"plain": "missing", "mode": "missing", "joined": "missing", "tunnel": "missing", "alone": "up"}
    ports = {port["name"]: port["condition"] for one in tenant["networks"] for port in one["ports"]}
    assert ports == {"m": "missing", "a": "up", "b": "up"}
    links = {one["name"]: one["condition"] for one in seen["host"]["links"]}
    assert links.pop("br6") in ("no-carrier", "up")
    assert links == {"eth4": "missing", "mv0": "missing", "t0": "changed", "eth3": "missing"}


def test_who_asks_what_reaches_what_is_told_of_the_rest(applied: World, tmp_path: Path) -> None:
    """The namespace of a port that stood on it is still there."""
    applied.run("sh", "-ec", GONE)
    assert "2 of 2 pairs as asked" in applied.run("weft", "check", "reach", cwd=tmp_path).stdout
    assert "\npasses" in applied.run("weft", "trace", "a", "b", cwd=tmp_path).stdout


def test_a_plan_that_needs_it_is_refused_with_every_line(applied: World, tmp_path: Path) -> None:
    applied.run("sh", "-ec", GONE)
    for words in (("plan",), ("apply", "--yes")):
        refused = applied.run("weft", *words, cwd=tmp_path, check=False)
        lines = {line.split(": ", 1)[0] for line in refused.stderr.splitlines()}
        assert refused.returncode in (2, 5) and lines >= {"weft.yaml:15:49", "weft.yaml:17:50", "weft.yaml:11:14"}, (
            lines
        )


def test_all_the_rest_is_made_again_and_it_when_it_comes_back(applied: World) -> None:
    applied.run("sh", "-ec", GONE)
    applied.run("ip", "-n", "a", "link", "del", "dev", "a")
    made = applied.run("weft", "apply", "--boot", "--wait", "0", check=False)
    assert made.returncode == 5 and "t is there, but for what stands on links that are not" in made.stdout
    assert applied.ping("10.5.0.1", netns="a")
    again = applied.run("weft", "apply", "--boot", "--wait", "0", check=False)
    assert again.stdout == made.stdout, "a second one changes nothing"
    applied.run("sh", "-ec", LINKS)
    applied.run("weft", "apply", "--boot", "--wait", "0")
    applied.run("weft", "status", "t")
    masters = {link["ifname"]: link.get("master", "") for link in applied.json("ip", "-j", "link")}
    assert masters["eth4"] == "br6" and masters["t0"] == "br5" and masters["eth2"].startswith("wh")
    applied.run("weft", "destroy", "--yes", "t")
    assert {link["ifname"] for link in applied.json("ip", "-j", "link")} == {"lo", "br5"} | {
        f"{end}{number}" for end in ("eth", "far") for number in (1, 2, 3, 4)
    }


def test_a_link_in_a_namespace_of_somebody_else_s_is_refused_with_its_line(world: World, tmp_path: Path) -> None:
    world.run("ip", "netns", "add", "x")
    (tmp_path / "weft.yaml").write_text(
        "weft: 1\nname: t\nnamespaces: {x: {links: {eth9: {existing: true, mtu: 1400}}}}\n"
    )
    for words in (("plan",), ("apply", "--yes")):
        refused = world.run("weft", *words, cwd=tmp_path, check=False)
        assert refused.returncode == 5
        assert refused.stderr.startswith("weft.yaml:3:26: there is no link eth9 on namespace x")


TAKING = """weft: 1
name: t
tenants:
  shop:
    networks: {lan: {subnets: [10.1.0.0/24], segment: {link: eth4, take_addresses: true}}}
"""


def test_addresses_that_moved_stay_while_their_link_is_gone_and_are_taken_again(world: World, tmp_path: Path) -> None:
    """As of a card that is plugged out and in: its owner gives it the same address again."""
    world.run("sh", "-ec", LINKS)
    (tmp_path / "weft.yaml").write_text(TAKING)
    world.run("weft", "apply", "--yes", cwd=tmp_path)
    world.run("ip", "link", "del", "eth4")
    world.run("weft", "apply", "--boot", "--wait", "0", check=False)
    (bridge,) = _holders(world, "192.0.2.2")
    assert bridge.startswith("wh")
    world.run("sh", "-ec", "ip link add eth4 type veth peer name far4; ip addr add 192.0.2.2/24 dev eth4")
    world.run("weft", "apply", "--yes", cwd=tmp_path)
    assert _holders(world, "192.0.2.2") == [bridge]
    world.run("weft", "destroy", "--yes", "t")
    assert _holders(world, "192.0.2.2") == ["eth4"]


def _holders(world: World, address: str) -> list[str]:
    links = world.json("ip", "-j", "addr")
    return [link["ifname"] for link in links for one in link["addr_info"] if one.get("local") == address]


def _differences(status: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(status.stdout)["differences"]
    return found


SHAPED = """weft: 1
name: t
host: {links: {eth4: {existing: true, capacity: 100mbit}}}
qos_policies: {lim: {egress: {rate: 10mbit}, ingress: {rate: 5mbit}}}
tenants:
  shop:
    networks: {lan: {subnets: [10.1.0.0/24], segment: {link: eth4, take_addresses: true}}, o: {subnets: [10.2.0.0/24]}}
    ports: {a: {network: lan, attach: {netns: a}, qos: lim}, b: {network: o, attach: {netns: b}, qos: lim}}
"""


def test_who_asks_about_the_rest_is_told(world: World, tmp_path: Path) -> None:
    """With a link that the file speaks of by itself, and that gave its addresses away."""
    world.run("sh", "-ec", LINKS)
    (tmp_path / "weft.yaml").write_text(SHAPED.replace(", qos: lim}}\n", "}}\n"))
    world.run("weft", "apply", "--yes", cwd=tmp_path)
    world.run("ip", "link", "del", "eth4")
    for words, code in {
        ("status", "t"): 3,
        ("show", "t"): 0,
        ("qos", "show"): 5,
        ("groups",): 0,
        ("trace", "-f", "weft.yaml", "b", "10.2.0.1"): None,
    }.items():
        asked = world.run("weft", *words, cwd=tmp_path, check=False)
        assert code in (None, asked.returncode), (words, asked)
        assert "bug" not in asked.stderr and (code != 5 or "the host has no link eth4" in asked.stderr), (words, asked)
        assert words[0] != "trace" or "no link eth4" not in asked.stderr, asked
