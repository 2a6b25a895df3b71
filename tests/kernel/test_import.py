"""The file for what other people's scripts made changes nothing but marks, and nothing at all the second time."""

from __future__ import annotations

import pytest

from tests.world import World
from weft.files import Loaded, loads_stored
from weft.service import Prepared, Service
from weft.service.imported import import_host

pytestmark = pytest.mark.kernel

VMS = """
ip link add br0 type bridge stp_state 0 forward_delay 0
ip addr add 192.168.122.1/24 dev br0
ip addr add fd00:122::1/64 dev br0 nodad
ip link set br0 up
ip tuntap add dev tap0 mode tap
ip link set tap0 master br0 up
ip tuntap add dev tap1 mode tap
ip link set tap1 master br0 up
ip link set tap1 type bridge_slave isolated on
"""
MESH = """
ip link add u0 type veth peer name u1
ip addr add 10.0.0.1/24 dev u0
ip link set u0 up
ip link set u1 up
ip link add vx7 mtu 1450 type vxlan id 7 local 10.0.0.1 dstport 4789 nolearning
ip link add vx8 mtu 1400 type vxlan id 8 remote 10.0.0.2 dstport 4789 ttl inherit
ip link add br7 type bridge forward_delay 0
ip link set vx7 master br7 up
ip link set br7 up
ip addr add 10.7.0.1/24 dev br7
"""
ROUTES = """
ip link add m0 type veth peer name m1
ip addr add 10.20.0.2/24 dev m0
ip link set m0 up
ip link set m1 up
ip link add mv0 link m0 type macvlan mode bridge
ip link set mv0 up
ip route add 10.30.0.0/16 via 10.20.0.1 dev m0 metric 50
ip route add 10.30.0.0/16 via 10.20.0.3 dev m0 metric 100 mtu 1400
ip route add 10.40.0.0/16 table 100 via 10.20.0.1 dev m0
ip rule add priority 500 from 10.20.0.0/24 table 100
ip neigh add 10.20.0.9 lladdr 02:00:00:00:00:09 dev m0 nud permanent
"""


def agree(prepared: Prepared) -> None:
    pass


def file(text: str) -> Loaded:
    return loads_stored({"weft.yaml": text})


def without_aliases(world: World) -> list[object]:
    words = ("ifname", "ifindex", "address", "mtu", "master")
    links = [{word: link.get(word) for word in words} for link in world.json("ip", "-j", "link")]
    return [links, world.json("ip", "-j", "route", "show", "table", "all"), world.json("ip", "-j", "rule")]


@pytest.mark.parametrize("script", [VMS, MESH, ROUTES], ids=["vms", "mesh", "routes"])
def test_what_a_script_made_comes_back_as_a_file_that_changes_nothing(inside: World, script: str) -> None:
    inside.run("sh", "-ec", script)
    service, before = Service(), without_aliases(inside)
    imported = import_host(service, "mine", ())
    assert imported.changes == (), imported.text
    service.apply(file(imported.text), agree)
    assert without_aliases(inside) == before
    assert not service.prepare(file(imported.text)).plan
    service.destroy("mine", agree)
    assert without_aliases(inside) == before


def test_what_cannot_be_said_is_a_comment(inside: World) -> None:
    inside.run("sh", "-ec", ROUTES)
    inside.run("sh", "-ec", "ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0")
    text = import_host(Service(), "mine", ()).text
    assert "#   host: link docker0: Docker's" in text
    assert "#   host: address 172.17.0.1/16 of docker0" in text
    assert "#   host: rule 500 of IPv4" in text
    assert "docker0:" not in text.partition("\n#")[0]
