"""A link that carries the host's addresses becomes a port: they move to the bridge while they are asked for, and back.

`gate` plays the network outside: the far end of the host's card, and what lies behind it. Judged by ping and what ip
says.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.faults.command import preload, weft_in
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.refuser import refuse_every_step
from tests.kernel.faults.rig import Rig
from tests.world import World

pytestmark = pytest.mark.kernel

GATE = """
set -e
ip netns add gate; ip -n gate link set lo up
ip link add eth1 address 02:00:00:00:01:01 type veth peer name far address 02:00:00:00:01:02 netns gate
ip -n gate link set far up; ip link set eth1 up
ip -n gate addr add 192.0.2.254/24 dev far; ip -n gate -6 addr add 2001:db8::fe/64 dev far nodad
ip -n gate addr add 10.9.9.9/32 dev lo; ip -n gate -6 addr add 2001:db8:9::9/128 dev lo nodad
ip addr add 192.0.2.1/24 brd + dev eth1; ip addr add 192.0.2.7/24 dev eth1 label eth1:more
ip -6 addr add 2001:db8::2/64 dev eth1 nodad; ip -6 addr add 2001:db8::1/64 dev eth1 nodad
ip route add default via 192.0.2.254 dev eth1 proto static src 192.0.2.7
ip route add 10.77.0.0/16 via 192.0.2.200 dev eth1 metric 50 mtu 1400
ip route add 10.78.0.0/16 dev eth1 scope link table 77
ip -6 route add default via 2001:db8::fe dev eth1
ip neigh add 192.0.2.66 lladdr 02:00:00:00:01:02 dev eth1
ip neigh add 2001:db8::66 lladdr 02:00:00:00:01:02 dev eth1
"""
"""A host whose only way to the world is a card that carries addresses of both families, a secondary one, routes and
lasting neighbours."""

INTENT: dict[str, Any] = {
    "weft": 1,
    "name": "lab",
    "tenants": {
        "red": {
            "networks": {"lan": {"subnets": ["192.0.2.0/24"], "segment": {"link": "eth1", "take_addresses": True}}},
            "ports": {"vm": {"network": "lan", "attach": {"netns": "vm"}, "addresses": ["192.0.2.50"]}},
        }
    },
}


@pytest.fixture
def host(world: World) -> World:
    world.run("sh", "-c", GATE)
    for address in ("10.9.9.9", "2001:db8:9::9"):
        assert world.ping(address)
    return world


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weft.yaml"
    path.write_text(json.dumps(INTENT))
    return path


def carrier(world: World) -> str:
    """The bridge that the card is a port of, "" for none."""
    (card,) = world.json("ip", "-j", "link", "show", "dev", "eth1")
    return str(card.get("master", ""))


def addresses(world: World, ifname: str) -> set[str]:
    (link,) = world.json("ip", "-j", "addr", "show", "dev", ifname)
    return {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if not a["local"].startswith("fe80:")}


HELD = {"192.0.2.1/24", "192.0.2.7/24", "2001:db8::1/64", "2001:db8::2/64"}


@pytest.mark.parametrize("far", ["10.9.9.9", "2001:db8:9::9"])
def test_the_hosts_way_to_the_world_moves_and_comes_back_under_a_ping(host: World, file: Path, far: str) -> None:
    before = host.dump(settle_s=3)
    words = ("ping", "-n", "-q", "-i", "0.01", "-w", "20", "-c", "900", far)
    asking = host.start(*words, stdout=-1, stderr=-1)
    host.run("weft", "apply", "-y", "-f", file)
    assert addresses(host, "eth1") == set() and addresses(host, carrier(host)) == HELD
    (bridge,) = host.json("ip", "-j", "link", "show", "dev", carrier(host))
    assert bridge["address"] == "02:00:00:00:01:01", "the neighbours know this MAC"
    (way,) = host.json("ip", "-j", "route", "show", "default")
    assert (way["dev"], way["gateway"], way["prefsrc"]) == (bridge["ifname"], "192.0.2.254", "192.0.2.7")
    assert "is as the file says" in host.run("weft", "apply", "-y", "-f", file).stdout
    assert host.run("weft", "status", "-f", file).returncode == 0
    host.run("weft", "destroy", "-y", "lab")
    lost = lost_of(asking.communicate(timeout=40)[0])
    assert lost < 90, f"{lost} of 900 pings, 10 ms apart, were lost"
    assert differences(before, host.dump(settle_s=3)) == []


def lost_of(said: str) -> int:
    found = re.search(r"(\d+) packets transmitted, (\d+) received", said)
    assert found, said
    return int(found[1]) - int(found[2])


def test_lasting_neighbours_move_and_come_back(host: World, file: Path) -> None:
    """Behind one that does not answer for itself lies a network; the kernel forgets such with a link's last address."""
    host.run("sh", "-ec", SILENT)
    assert host.ping("10.66.0.1") and host.ping("2001:db8:66::1")
    before = neighbours(host, "eth1")
    assert len(before) == 3
    host.run("weft", "apply", "-y", "-f", file)
    assert neighbours(host, carrier(host)) == before and neighbours(host, "eth1") == set()
    assert host.ping("10.66.0.1") and host.ping("2001:db8:66::1")
    assert "is as the file says" in host.run("weft", "apply", "-y", "-f", file).stdout
    host.run("weft", "destroy", "-y", "lab")
    assert neighbours(host, "eth1") == before
    assert host.ping("10.66.0.1") and host.ping("2001:db8:66::1")


SILENT = """
ip netns exec gate sysctl -qw net.ipv4.conf.far.arp_ignore=8
ip -n gate addr add 10.66.0.1/32 dev lo; ip -n gate -6 addr add 2001:db8:66::1/128 dev lo nodad
ip neigh add proxy 192.0.2.67 dev eth1
ip route add 10.66.0.0/16 via 192.0.2.66; ip -6 route add 2001:db8:66::/64 via 2001:db8::66
"""


def neighbours(world: World, ifname: str) -> set[tuple[str, str]]:
    """The lasting ones and those answered for, with their MACs."""
    found = world.json("ip", "-j", "neigh", "show", "dev", ifname, "nud", "permanent")
    proxies = world.json("ip", "-j", "neigh", "show", "proxy", "dev", ifname)
    return {(one["dst"], one.get("lladdr", "proxy")) for one in [*found, *proxies]}


def test_a_port_and_the_host_are_on_one_wire(host: World, file: Path) -> None:
    host.run("weft", "apply", "-y", "-f", file)
    assert host.ping("192.0.2.254", netns="vm") and host.ping("192.0.2.1", netns="vm")
    assert host.ping("192.0.2.50") and host.ping("192.0.2.50", netns="gate")


def test_the_plan_says_what_moves_and_for_how_long(host: World, file: Path) -> None:
    said = host.run("weft", "plan", "-f", file, check=False).stdout
    assert "192.0.2.1/24, 192.0.2.7/24, 2001:db8::1/64" in said and "default via 192.0.2.254" in said
    assert re.search(r"is cut for about \d+ ms: .* of eth1 move", said), said
    host.run("weft", "apply", "-y", "-f", file)
    said = host.run("weft", "destroy", "lab", check=False).stdout
    assert "come back to eth1" in said and "default via 192.0.2.254" in said


def test_the_operators_own_link_demands_a_way_back(host: World, file: Path) -> None:
    over_ssh = {"SSH_CONNECTION": "10.9.9.9 50000 192.0.2.1 22"}
    ran = host.run("weft", "apply", "-y", "-f", file, check=False, env=over_ssh)
    assert ran.returncode == 4 and "confirm-within" in ran.stderr
    assert carrier(host) == ""
    host.run("weft", "apply", "-y", "--confirm-within", "60s", "-f", file, env=over_ssh)
    host.run("weft", "confirm", "lab", env=over_ssh)
    ran = host.run("weft", "destroy", "-y", "lab", check=False, env=over_ssh)
    assert ran.returncode == 4, "the way back cuts it as well"


def test_who_puts_an_address_there_meanwhile_is_told_and_keeps_it(host: World, file: Path) -> None:
    host.run("weft", "apply", "-y", "-f", file)
    host.run("ip", "addr", "add", "192.0.2.99/24", "dev", "eth1")
    ran = host.run("weft", "apply", "-y", "-f", file, check=False)
    assert ran.returncode == 5 and "192.0.2.99/24" in ran.stderr
    host.run("weft", "destroy", "-y", "lab")
    assert addresses(host, "eth1") == {*HELD, "192.0.2.99/24"}


def test_a_bridge_that_somebody_deletes_takes_no_address_along(host: World, file: Path) -> None:
    """What the link had is remembered, not moved about."""
    host.run("weft", "apply", "-y", "-f", file)
    host.run("ip", "link", "del", "dev", carrier(host))
    assert not host.ping("10.9.9.9", wait_s=0)
    host.run("weft", "apply", "-y", "-f", file)
    assert host.ping("10.9.9.9") and host.ping("2001:db8:9::9")
    host.run("ip", "link", "del", "dev", carrier(host))
    host.run("weft", "destroy", "-y", "lab")
    assert addresses(host, "eth1") == HELD and host.ping("10.9.9.9")


BARRED = {
    "a lifetime": ("ip addr add 192.0.2.8/24 dev eth1 valid_lft 300 preferred_lft 300", "192.0.2.8/24 has a lifetime"),
    "a peer": ("ip addr add 192.0.2.8 peer 10.1.1.1 dev eth1", "has a peer, 10.1.1.1"),
    "several ways": (
        "ip route add 10.5.0.0/16 nexthop via 192.0.2.3 dev eth1 nexthop via 192.0.2.4 dev eth1",
        "the route to 10.5.0.0 has several next hops",
    ),
    "a service": ("ip route add 10.5.0.0/16 tos 0x10 via 192.0.2.3", "says more than weft knows of routes"),
    "an advertised route": ("ip -6 route add 2001:db8:5::/64 via 2001:db8::fe proto ra", "router advertisements"),
}


@pytest.mark.parametrize("case", BARRED)
def test_what_cannot_be_moved_is_refused(host: World, file: Path, case: str) -> None:
    command, said = BARRED[case]
    host.run("sh", "-c", command)
    ran = host.run("weft", "apply", "-y", "-f", file, check=False)
    assert ran.returncode == 5 and said in ran.stderr, ran.stderr
    assert carrier(host) == ""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_refusal_of_any_step_leaves_the_host_its_addresses(host: World, file: Path) -> None:
    preload()
    codes = refuse_every_step(rig(host, file))
    assert codes[5] > 10


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_kill_at_any_step_leaves_the_host_its_addresses(host: World, file: Path) -> None:
    preload()
    tally = Killer(rig(host, file)).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 10


def rig(host: World, file: Path) -> Rig:
    assert weft_in(host, "apply", "-y", "-f", file).status == 0
    return Rig.between(host, ("apply", "-y", "-f", str(file)), ("destroy", "-y", "lab"))
