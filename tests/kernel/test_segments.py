"""Networks that stand on links of the host, with traffic: a machine outside answers, and others' links are as before.

`outside` plays the physical network: its ends of the host's cards, with addresses of every network. Judged by ping and
what ip and bridge say.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.load import FIRST_PORT, server
from tests.world import World

pytestmark = pytest.mark.kernel

OUTSIDE = """
set -e
ip netns add outside; ip -n outside link set lo up
for n in 1 2; do
  ip link add eth$n mtu 1600 type veth peer name far$n mtu 1600 netns outside
  ip -n outside link set far$n up
  ip link set eth$n up
  until ip -n outside -6 addr show dev far$n scope link | grep -q fe80; do sleep 0.05; done
  ip link set eth$n down
done
ip -n outside addr add 10.1.0.1/24 dev far1
ip -n outside -6 addr add fd01::1/64 dev far1 nodad
ip -n outside addr add 10.3.0.1/24 dev far2
"""
"""The cards are down, and have been up long enough once for the traces that the kernel keeps of that."""

EXAMPLE = Path(__file__).parents[2] / "examples/segments.yaml"

VLAN = "ip -n outside link add v20 link far1 type vlan id 20 && ip -n outside link set v20 up"


class Lab:
    """A host with two cards, and files applied there."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.file = world, folder / "weft.yaml"
        world.run("sh", "-c", OUTSIDE)

    def apply(self, tenants: dict[str, Any], **more: Any) -> None:
        self.file.write_text(json.dumps({"weft": 1, "name": "lab", "tenants": tenants, **more}))
        self.world.run("weft", "apply", "-y", "-f", self.file)
        assert "is as the file says" in self.world.run("weft", "apply", "-y", "-f", self.file).stdout

    def destroy(self) -> None:
        self.world.run("weft", "destroy", "-y", "lab")

    def refused(self, tenants: dict[str, Any]) -> str:
        self.file.write_text(json.dumps({"weft": 1, "name": "lab", "tenants": tenants}))
        ran = self.world.run("weft", "plan", "-f", self.file, check=False)
        assert ran.returncode in (2, 5), ran.stderr
        return ran.stderr

    def link(self, ifname: str, netns: str | None = None) -> dict[str, Any]:
        found = self.world.json("ip", "-j", "-d", "link", netns=netns)
        return next((link for link in found if link["ifname"] == ifname), {})

    def carries(self, netns: str, address: str, payload_bytes: int) -> bool:
        """Whether a ping of so many bytes gets through in one piece."""
        asked = ("ping", "-n", "-q", "-c", "1", "-W", "2", "-M", "do", "-s", str(payload_bytes), address)
        return self.world.run(*asked, netns=netns, check=False).returncode == 0


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Lab:
    return Lab(world, tmp_path)


def tenant(segment: dict[str, Any], number: int, netns: str, net: int = 1, **more: Any) -> dict[str, Any]:
    """One network with one port, whose addresses end in `number`."""
    network = {"segment": segment, "subnets": [f"10.{net}.0.0/24", f"fd0{net}::/64"], **more}
    addresses = [f"10.{net}.0.{number}", f"fd0{net}::{number}"]
    return {
        "networks": {"lan": network},
        "ports": {netns: {"network": "lan", "attach": {"netns": netns}, "addresses": addresses}},
    }


def test_two_tenants_on_one_card_reach_the_wire_and_each_other(lab: Lab) -> None:
    before = lab.world.dump(settle_s=10)
    lab.apply({"red": tenant({"link": "eth1"}, 10, "a"), "blue": tenant({"link": "eth1"}, 20, "b")})
    for netns in ("a", "b"):
        assert lab.world.ping("10.1.0.1", netns=netns) and lab.world.ping("fd01::1", netns=netns)
    assert lab.world.ping("10.1.0.20", netns="a")
    assert lab.world.ping("10.1.0.10", netns="outside")
    assert lab.world.run("weft", "check", "reach", "-f", lab.file).returncode == 0, (
        "as the file has them reach each other"
    )
    assert lab.carries("a", "10.1.0.1", 1600 - 28), "the network has the card's MTU"
    lab.destroy()
    assert differences(before, lab.world.dump(settle_s=10)) == []


def test_the_host_itself_is_not_on_the_wire(lab: Lab) -> None:
    """Nothing that a tenant's frames pass on the host has an address there."""
    lab.apply({"red": tenant({"link": "eth1"}, 10, "a")})
    assert lab.world.ping("10.1.0.1", netns="a")
    passed = [link for link in lab.world.json("ip", "-j", "addr") if link["ifname"][:2] in ("wh", "wj", "wv")]
    assert len(passed) == 2
    assert [link["addr_info"] for link in passed] == [[], []]


def test_a_second_network_comes_and_goes_while_the_first_is_asked(lab: Lab) -> None:
    red, blue = tenant({"link": "eth1"}, 10, "a"), tenant({"link": "eth1"}, 20, "b")
    lab.apply({"red": red})
    assert lab.world.ping("10.1.0.1", netns="a")
    asking = lab.world.start("ping", "-n", "-q", "-i", "0.02", "-c", "150", "10.1.0.1", netns="a", stdout=-1, stderr=-1)
    lab.apply({"red": red, "blue": blue})
    lab.apply({"red": red})
    assert " 0% packet loss" in asking.communicate(timeout=30)[0]


def test_somebody_elses_bridge_is_joined_and_stays_as_it_was(lab: Lab) -> None:
    lab.world.run(
        "sh", "-c", "ip link add br-lan type bridge && ip link set eth1 master br-lan up && ip link set br-lan up"
    )
    before = lab.world.dump(settle_s=10)
    lab.apply({"red": tenant({"link": "br-lan"}, 10, "a", mtu=1400)})
    assert lab.world.ping("10.1.0.1", netns="a") and lab.world.ping("fd01::1", netns="a")
    assert lab.link("br-lan")["mtu"] == 1600, "a network's smaller MTU does not lower somebody else's bridge"
    assert lab.link("a", "a")["mtu"] == 1400
    lab.destroy()
    assert differences(before, lab.world.dump(settle_s=10)) == []


def test_two_tenants_on_somebody_elses_bridge_are_on_one_wire(lab: Lab) -> None:
    """That is as the file has it, but where groups keep one from the other; without the bridge they are apart."""
    lab.world.run("sh", "-c", "ip link add br-lan type bridge && ip link set br-lan up")
    on = {"link": "br-lan"}
    shut = tenant(on, 30, "c")
    shut["ports"]["c"]["security_groups"] = []
    red, green = tenant(on, 10, "a"), tenant({**on, "mode": "macvlan"}, 40, "d")
    lab.apply({"red": red, "blue": tenant(on, 20, "b"), "grey": shut, "green": green})
    for address in ("10.1.0.20", "fd01::20", "10.1.0.40"):
        assert lab.world.ping(address, netns="a")
    assert not lab.world.ping("10.1.0.30", netns="a", wait_s=0)
    asked = ("weft", "check", "reach", "-f", lab.file, "-o", "json")
    found = json.loads(lab.world.run(*asked).stdout)
    expected = {(pair["from"], pair["to"]): pair["expected"] for pair in found["pairs"]}
    assert found["counts"]["as_asked"] == len(expected) == 12
    assert {way for way, reach in expected.items() if reach == "apart"} == {
        (f"{name}/{port}", "grey/c") for name, port in (("red", "a"), ("blue", "b"), ("green", "d"))
    }
    lab.world.run("ip", "link", "set", "br-lan", "down")
    assert not lab.world.ping("10.1.0.20", netns="a", wait_s=0)
    found = json.loads(lab.world.run(*asked, check=False).stdout)
    told = {pair["told"] for pair in found["pairs"] if (pair["from"], pair["to"]) == ("red/a", "blue/b")}
    assert told == {"no answer by ICMP, TCP, UDP over IPv4, IPv6"}


def test_a_bridge_made_for_another_scope_is_not_recommended(lab: Lab, tmp_path: Path) -> None:
    """It goes when that scope is destroyed, and cuts who joined it."""
    lab.apply({"red": tenant({"link": "eth1"}, 10, "a")})
    bridge = lab.link("eth1")["master"]
    file = tmp_path / "other.yaml"

    def said(segment: dict[str, Any]) -> str:
        blue = {"blue": tenant(segment, 20, "b")}
        file.write_text(json.dumps({"weft": 1, "name": "other", "tenants": blue}))
        return lab.world.run("weft", "plan", "-f", file, check=False).stderr

    refused = said({"link": "eth1"})
    assert f"eth1 is a port of {bridge}; both networks in one file" in refused and f"`link: {bridge}`" not in refused
    assert "warning" in (warned := said({"link": bridge})) and "when those go it goes too" in warned


def test_a_card_whose_frames_a_macvlan_takes_is_refused_with_the_reason(lab: Lab) -> None:
    lab.world.run("sh", "-ec", "ip link add mv link eth1 type macvlan mode bridge; ip link set eth1 up")
    before = lab.world.dump(settle_s=10)
    lab.file.write_text(json.dumps({"weft": 1, "name": "lab", "tenants": {"red": tenant({"link": "eth1"}, 10, "a")}}))
    ran = lab.world.run("weft", "apply", "-y", "-f", lab.file, check=False)
    assert ran.returncode == 5 and "what stands upon it takes its frames" in ran.stderr, ran.stderr
    assert differences(before, lab.world.dump(settle_s=10)) == []


def test_a_bridge_of_the_files_own_is_joined(lab: Lab) -> None:
    host = {
        "links": {"br0": {"kind": "bridge", "members": ["eth1"], "mtu": 1600}, "eth1": {"existing": True, "up": True}}
    }
    lab.apply({"red": tenant({"link": "br0"}, 10, "a")}, host=host)
    assert lab.world.ping("10.1.0.1", netns="a")


def test_ports_that_stand_on_the_card(lab: Lab) -> None:
    before = lab.world.dump(settle_s=10)
    red = tenant({"link": "eth2", "mode": "macvlan"}, 10, "a", net=3)
    blue = tenant({"link": "eth2", "mode": "macvlan"}, 20, "b", net=3)
    lab.apply({"red": red, "blue": blue})
    assert lab.link("a", "a")["linkinfo"]["info_kind"] == "macvlan"
    for netns in ("a", "b"):
        assert lab.world.ping("10.3.0.1", netns=netns)
    assert lab.world.ping("10.3.0.20", netns="a")
    assert lab.carries("a", "10.3.0.1", 1600 - 28)
    lab.world.run("ip", "link", "del", "dev", "a", netns="a")
    assert lab.world.run("weft", "status", "-f", lab.file, check=False).returncode == 3
    lab.world.run("weft", "apply", "-y", "-f", lab.file)
    assert lab.world.ping("10.3.0.1", netns="a")
    shown = lab.world.run("weft", "show", "-f", lab.file).stdout
    assert "no bridge" in shown and "10.3.0.10" in shown
    lab.destroy()
    assert differences(before, lab.world.dump(settle_s=10)) == []


@pytest.mark.needs("vlan")
def test_the_example(world: World) -> None:
    world.run("sh", "-c", OUTSIDE)
    world.run(
        "sh", "-ec", "ip link add up0 type veth peer name up1; ip addr add 192.0.2.1/24 dev up0; ip link set up0 up"
    )
    world.run("weft", "apply", "-y", "-f", EXAMPLE)
    assert world.ping("10.1.0.1", netns="printer") and world.ping("10.1.0.20", netns="printer")
    assert world.ping("10.3.0.1", netns="scope")
    assert world.run("weft", "status", "-f", EXAMPLE).returncode == 0


@pytest.mark.needs("ipvlan")
def test_ports_that_share_the_cards_mac(lab: Lab) -> None:
    segment = {"link": "eth2", "mode": "ipvlan"}
    lab.apply({"red": tenant(segment, 10, "a", net=3), "blue": tenant(segment, 20, "b", net=3)})
    assert lab.world.ping("10.3.0.1", netns="a") and lab.world.ping("10.3.0.20", netns="a")
    assert lab.world.run("weft", "check", "reach", "-f", lab.file).returncode == 0
    assert lab.link("a", "a")["address"] == lab.link("eth2")["address"]


@pytest.mark.needs("ipvlan")
@pytest.mark.parametrize("submode", ["l3", "l3s"])
def test_ports_that_are_routed_by_the_card(lab: Lab, submode: str) -> None:
    """Nobody asks for them by ARP: outside has a route to them by the host's own address."""
    lab.world.run("sh", "-ec", "ip addr add 10.9.9.1/24 dev eth2; ip -n outside addr add 10.9.9.2/24 dev far2")
    lab.world.run(*"ip -n outside addr del 10.3.0.1/24 dev far2".split())
    lab.world.run(*"ip -n outside route add 10.3.0.0/24 via 10.9.9.1".split())
    red = tenant({"link": "eth2", "mode": "ipvlan", "submode": submode}, 10, "a", net=3)
    red["ports"]["a"]["routes"] = [{"to": "10.9.9.0/24", "dev": "a"}]
    lab.apply({"red": red})
    assert lab.world.ping("10.9.9.2", netns="a")


@pytest.mark.needs("vlan")
def test_vlans_of_one_card_are_apart_and_two_tenants_may_share_one(lab: Lab) -> None:
    lab.world.run("sh", "-c", f"ip link set eth1 up && {VLAN} && ip -n outside addr add 10.2.0.1/24 dev v20")
    before = lab.world.dump(settle_s=10)
    lab.apply(
        {
            "red": tenant({"link": "eth1", "vlan": 20}, 10, "a", net=2),
            "blue": tenant({"link": "eth1", "vlan": 20}, 20, "b", net=2),
            "green": tenant({"link": "eth1", "vlan": 30}, 30, "c", net=2),
            "plain": tenant({"link": "eth1"}, 10, "d"),
        }
    )
    assert lab.world.ping("10.2.0.1", netns="a") and lab.world.ping("10.2.0.1", netns="b")
    assert lab.world.ping("10.2.0.20", netns="a")
    assert lab.carries("a", "10.2.0.1", 1600 - 28)
    assert lab.world.ping("10.1.0.1", netns="d"), "the card's own frames have no tag"
    assert not lab.world.ping("10.2.0.1", netns="c", wait_s=0)
    lab.destroy()
    assert differences(before, lab.world.dump(settle_s=10)) == []


@pytest.mark.needs("bridge_vlan")
def test_a_vlan_of_a_bridge_that_keeps_vlans_apart_itself(lab: Lab) -> None:
    host = {"links": {"br0": {"kind": "bridge", "vlan_filtering": True, "mtu": 1600}}}
    lab.apply(
        {
            "red": tenant({"link": "br0", "vlan": 7}, 10, "a"),
            "blue": tenant({"link": "br0", "vlan": 7}, 20, "b"),
            "green": tenant({"link": "br0", "vlan": 8}, 30, "c"),
        },
        host=host,
    )
    assert lab.world.ping("10.1.0.20", netns="a")
    assert not lab.world.ping("10.1.0.20", netns="c", wait_s=0)
    assert lab.world.run("weft", "check", "reach", "-f", lab.file).returncode == 0


@pytest.mark.parametrize("fixed", [False, True], ids=["flooded", "fdb"])
def test_a_vxlan_between_two_hosts(lab: Lab, fixed: bool) -> None:
    """The other machine is played by hand in `outside`, by the card's addresses."""
    far = {"mac": "02:00:00:00:00:99", "remote": "10.9.9.2"}
    lab.world.run(
        "sh",
        "-ec",
        "ip addr add 10.9.9.1/24 dev eth1; ip link set eth1 up; ip -n outside addr add 10.9.9.2/24 dev far1;"
        "ip -n outside link add vx address 02:00:00:00:00:99"
        " type vxlan id 42 local 10.9.9.2 remote 10.9.9.1 dstport 4789;"
        "ip -n outside addr add 10.4.0.1/24 dev vx; ip -n outside link set vx up",
    )
    before = lab.world.dump(settle_s=10)
    ways = {"remotes": ["10.9.9.2"], **({"fdb": [far]} if fixed else {})}
    lab.apply({"red": tenant({"vni": 42, "local": "10.9.9.1", **ways}, 10, "a", net=4)})
    assert lab.world.ping("10.4.0.1", netns="a")
    assert lab.carries("a", "10.4.0.1", 1600 - 50 - 28) and not lab.carries("a", "10.4.0.1", 1600 - 50 - 28 + 1)
    known = lab.world.json("bridge", "-j", "fdb", netns="weft.lab.red")
    (way,) = (entry for entry in known if entry["mac"] == far["mac"] and "dst" in entry)
    assert way["dst"] == "10.9.9.2" and (way["state"] == "permanent") == fixed
    lab.destroy()
    assert differences(before, lab.world.dump(settle_s=10)) == []


NARROW = """
set -e
ip netns add world; ip -n world link set lo up
ip link add up0 mtu 1400 type veth peer name up1 mtu 9000 netns world
ip addr add 192.0.2.1/24 dev up0; ip link set up0 up
ip -6 addr add 2001:db8::1/64 dev up0 nodad
ip -n world addr add 192.0.2.254/24 dev up1; ip -n world -6 addr add 2001:db8::fe/64 dev up1 nodad
ip -n world link set up1 up
ip route add default via 192.0.2.254; ip -6 route add default via 2001:db8::fe
"""
"""A way out of 1400 bytes, to a world that would send 9000."""

DEAF = """
add table inet deaf
add chain inet deaf in { type filter hook input priority 0; }
add rule inet deaf in icmp type destination-unreachable drop
add rule inet deaf in icmpv6 type packet-too-big drop
"""


def narrow_the_way_out(world: World) -> None:
    """And let the world know the way to the tenant's subnets."""
    world.run("sh", "-c", NARROW)
    world.run(*"ip -n world route add 10.1.0.0/24 via 192.0.2.1".split())
    world.run(*"ip -n world -6 route add fd01::/64 via 2001:db8::1".split())


@pytest.mark.parametrize("uplink", ["nat", "routed"])
@pytest.mark.parametrize(("far", "reverse"), [("192.0.2.254", False), ("192.0.2.254", True), ("2001:db8::fe", False)])
def test_tcp_passes_a_narrower_way_out_though_nobody_hears_of_it(
    lab: Lab, uplink: str, far: str, reverse: bool
) -> None:
    """The port's namespace drops what a router says of too large packets. Without the clamp nothing comes through."""
    world = lab.world
    narrow_the_way_out(world)
    subnets = [{"cidr": "10.1.0.0/24", "gateway": "10.1.0.254"}, {"cidr": "fd01::/64", "gateway": "fd01::fe"}]
    lab.apply({"red": tenant({"link": "eth1"}, 10, "a", uplink=uplink, subnets=subnets)})
    assert lab.link("a", "a")["mtu"] == 1600 and lab.link("uplink", "weft.lab.red.lan")["mtu"] == 1400
    assert world.ping(far, netns="a")
    world.run("nft", "-f", "-", netns="a", input=DEAF)
    server(world, FIRST_PORT, netns="world")

    def sends() -> bool:
        asked = ("timeout", "8", "iperf3", "-c", far, "-n", "2M", *(("-R",) if reverse else ()))
        return world.run(*asked, netns="a", check=False).returncode == 0

    assert sends()
    if not reverse:
        world.run("nft", "delete", "chain", "inet", "weft-lab", "forward", netns="weft.lab.red.lan")
        assert not sends(), "the way is narrow, and only the clamp led through it"


def test_what_carries_the_hosts_addresses_is_not_taken(lab: Lab) -> None:
    lab.world.run("ip", "addr", "add", "192.0.2.7/24", "dev", "eth1")
    said = lab.refused({"red": tenant({"link": "eth1"}, 10, "a")})
    assert "192.0.2.7/24" in said


def test_too_large_an_mtu_is_refused_with_the_sum(lab: Lab) -> None:
    lab.world.run("ip", "addr", "add", "10.9.9.1/24", "dev", "eth1")
    segment = {"vni": 42, "local": "10.9.9.1", "remotes": ["10.9.9.2"]}
    said = lab.refused({"red": tenant(segment, 10, "a", net=4, mtu=1600)})
    assert "1600 and 50 bytes (IPv4 20, UDP 8, VXLAN 8, Ethernet 14) come to 1650, and eth1 carries 1600" in said


def test_a_jumbo_path_from_end_to_end(lab: Lab) -> None:
    """The card is raised by the file, and the network follows; what is too large by a byte does not pass."""
    lab.world.run(*"ip -n outside link set far1 mtu 9000".split())
    host = {"links": {"eth1": {"existing": True, "mtu": 9000}}}
    before = lab.world.dump(settle_s=10)
    lab.apply({"red": tenant({"link": "eth1"}, 10, "a"), "blue": tenant({"link": "eth1"}, 20, "b")}, host=host)
    for far in ("10.1.0.1", "10.1.0.20"):
        assert lab.world.ping(far, netns="a")
        assert lab.carries("a", far, 9000 - 28) and not lab.carries("a", far, 9000 - 28 + 1)
    lab.destroy()
    assert differences(before, lab.world.dump(settle_s=10)) == []


@pytest.mark.parametrize("uplink", ["nat", "routed"])
@pytest.mark.parametrize(("far", "reverse"), [("192.0.2.254", False), ("192.0.2.254", True), ("2001:db8::fe", False)])
def test_a_network_without_segment_may_be_wider_than_the_way_out(
    lab: Lab, uplink: str, far: str, reverse: bool
) -> None:
    """Ports speak among themselves in large frames; TCP to the world is clamped, though nobody hears a router."""
    world = lab.world
    narrow_the_way_out(world)
    network = {"subnets": ["10.1.0.0/24", "fd01::/64"], "uplink": uplink, "mtu": 9000}
    ports = {
        name: {"network": "lan", "attach": {"netns": name}, "addresses": [f"10.1.0.{number}", f"fd01::{number}"]}
        for name, number in (("a", 10), ("b", 11))
    }
    lab.apply({"red": {"networks": {"lan": network}, "ports": ports}})
    assert lab.carries("a", "10.1.0.11", 9000 - 28)
    assert lab.link("uplink", "weft.lab.red.lan")["mtu"] == 1400 and world.ping(far, netns="a")
    world.run("nft", "-f", "-", netns="a", input=DEAF)
    server(world, FIRST_PORT, netns="world")
    asked = ("timeout", "8", "iperf3", "-c", far, "-n", "2M", *(("-R",) if reverse else ()))
    assert world.run(*asked, netns="a", check=False).returncode == 0
