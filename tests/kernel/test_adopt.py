"""Links that somebody else made become weft's as they are, and are given up as they are."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.dump import differences
from tests.kernel.faults.command import preload, weft_in
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.rig import Rig
from tests.world import World
from weft.errors import ForeignObject, WeftError
from weft.files import Loaded, loads_stored
from weft.service import Prepared, Service

pytestmark = pytest.mark.kernel

BRIDGE = """
weft: 1
name: lab
host:
  links:
    br0: {kind: bridge, adopt: true, forward_delay: 15, mtu: 1450, addresses: [10.7.0.1/24, 10.7.9.1/24]}
    v0: {kind: veth, adopt: true, peer: v1, master: br0}
"""
OTHERS = """
ip link add br0 type bridge
ip link set br0 alias "the old bridge" up
ip link add v0 type veth peer name v1
ip link set v0 master br0 up
ip link set v1 up
ip addr add 10.7.0.1/24 dev br0
ip addr add 10.8.0.1/24 dev br0
ip route add 10.99.0.0/16 via 10.7.0.2 dev br0
bridge fdb add 02:00:00:00:00:99 dev v0 master static
ip link set v0 type bridge_slave hairpin on
"""


@pytest.fixture
def host(inside: World) -> World:
    inside.run("sh", "-ec", OTHERS)
    return inside


def file(text: str) -> Loaded:
    return loads_stored({"weft.yaml": text})


def agree(prepared: Prepared) -> None:
    pass


def links(world: World) -> dict[str, dict[str, object]]:
    """What of each link tells whether it is the same, and as it was."""
    words = ("ifindex", "address", "ifalias", "mtu", "master")
    return {
        link["ifname"]: {word: link[word] for word in words if word in link} for link in world.json("ip", "-j", "link")
    }


def test_links_are_taken_over_as_they_are_and_given_up(host: World) -> None:
    service, before = Service(), links(host)
    service.apply(file(BRIDGE), agree)
    during = links(host)
    for name in ("br0", "v0", "v1"):
        assert during[name]["ifindex"] == before[name]["ifindex"]
        assert during[name]["address"] == before[name]["address"]
        assert str(during[name]["ifalias"]).startswith("weft/")
    assert during["br0"]["mtu"] == 1450
    assert "10.99.0.0/16" in {route["dst"] for route in host.json("ip", "-j", "route")}
    assert "02:00:00:00:00:99" in host.run("bridge", "fdb", "show", "br", "br0").stdout
    assert not service.prepare(file(BRIDGE)).plan
    assert service.status(file(BRIDGE)).clean
    service.destroy("lab", agree)
    after = links(host)
    assert after["br0"]["ifalias"] == "the old bridge" and "ifalias" not in after["v0"]
    assert after["v0"]["master"] == "br0" and after["br0"]["ifindex"] == before["br0"]["ifindex"]
    addresses = {one["local"] for one in host.json("ip", "-j", "-4", "addr", "show", "dev", "br0")[0]["addr_info"]}
    assert addresses == {"10.7.0.1", "10.8.0.1"}
    assert "02:00:00:00:00:99" in host.run("bridge", "fdb", "show", "br", "br0").stdout
    assert service.list() == []


def test_what_is_no_longer_in_the_file_is_given_up_alone(host: World) -> None:
    service = Service()
    service.apply(file(BRIDGE), agree)
    service.apply(file("\n".join(line for line in BRIDGE.splitlines() if "v0:" not in line)), agree)
    found = links(host)
    assert "ifalias" not in found["v0"] and found["v0"]["master"] == "br0"
    assert str(found["br0"]["ifalias"]).startswith("weft/")


STAYING = """
weft: 1
name: lab
host:
  links:
    br0: {kind: bridge, adopt: true, forward_delay: 15}
    v0: {existing: true, master: br0}
"""


def test_a_port_that_stays_is_its_owners_to_set(host: World) -> None:
    """It is not taken out of somebody else's bridge, so what that kept of it by then does not come back."""
    service = Service()
    assert [key.name for key in service.prepare(file(STAYING)).plan.changes] == ["br0"]
    service.apply(file(STAYING), agree)
    host.run("ip", "link", "set", "v0", "type", "bridge_slave", "hairpin", "off")
    host.run("bridge", "fdb", "add", "02:00:00:00:00:98", "dev", "v0", "master", "static")
    assert not service.prepare(file(STAYING)).plan
    service.destroy("lab", agree)
    (port,) = host.json("ip", "-j", "-d", "link", "show", "dev", "v0")
    assert (port["master"], port["linkinfo"]["info_slave_data"]["hairpin"]) == ("br0", False)
    assert "02:00:00:00:00:98" in host.run("bridge", "fdb", "show", "br", "br0").stdout


def test_a_port_that_comes_from_another_bridge_goes_back_as_it_was(host: World) -> None:
    host.run("sh", "-ec", "ip link add br1 type bridge; ip link set br1 up")
    service, moved = Service(), STAYING.replace("br0", "br1")
    service.apply(file(moved), agree)
    assert links(host)["v0"]["master"] == "br1"
    assert not service.prepare(file(moved)).plan
    service.destroy("lab", agree)
    (port,) = host.json("ip", "-j", "-d", "link", "show", "dev", "v0")
    assert (port["master"], port["linkinfo"]["info_slave_data"]["hairpin"]) == ("br0", True)
    assert "02:00:00:00:00:99" in host.run("bridge", "fdb", "show", "br", "br0").stdout


def test_a_failed_adoption_leaves_the_old_alias(host: World) -> None:
    """The bridge is adopted in the same apply in which a dead next hop is refused."""
    dead = "  routes: [{to: 10.50.0.0/16, via: 172.31.0.1, dev: br0}]\n"
    before = links(host)
    with pytest.raises(WeftError):
        Service().apply(file(BRIDGE + dead), agree)
    assert links(host) == before
    assert Service().list() == []


CHANGED = """
  routes:
    - {to: 10.99.0.0/16, via: 10.7.0.2, dev: br0, mtu: 1300}
    - {to: 10.97.0.0/16, nexthops: [{via: 10.7.0.2, dev: br0, weight: 3}, {via: 10.7.0.3, dev: br0}]}
    - {to: 10.98.0.0/16, via: 10.7.0.2, dev: br0}
  neighbours: [{address: 10.7.0.2, dev: br0, mac: "02:00:00:00:00:22"}]
"""
STANDING = """
ip route add 10.97.0.0/16 proto static nexthop via 10.7.0.2 dev br0 nexthop via 10.7.0.3 dev br0
ip neigh add 10.7.0.2 lladdr 02:00:00:00:00:02 dev br0 nud permanent
"""


def routes(world: World) -> dict[str, str]:
    """What stands on br0, by what it leads to."""
    said = (line.split() for line in world.run("ip", "-d", "-o", "route", "show").stdout.splitlines())
    return {words[1]: " ".join(words[2:]) for words in said if words[1].startswith("10.9")}


def neighbours(world: World) -> str:
    return world.run("ip", "neigh", "show", "nud", "permanent").stdout


def kept_of_v0(world: World) -> str:
    """What the bridge keeps of its port."""
    return world.run("bridge", "-d", "link", "show", "dev", "v0").stdout.partition("hairpin")[2]


def test_routes_of_others_that_the_file_changes_stay_when_the_link_is_given_up(host: World) -> None:
    host.run("sh", "-ec", STANDING)
    service = Service()
    service.apply(file(BRIDGE + CHANGED), agree)
    during = routes(host)
    assert set(during) == {"10.97.0.0/16", "10.98.0.0/16", "10.99.0.0/16"}
    assert "mtu 1300" in during["10.99.0.0/16"] and "proto boot" in during["10.99.0.0/16"]
    assert "weight 3" in during["10.97.0.0/16"] and "proto static" in during["10.97.0.0/16"]
    assert "02:00:00:00:00:22" in neighbours(host)
    assert not service.prepare(file(BRIDGE + CHANGED)).plan and service.status(file(BRIDGE + CHANGED)).clean
    service.destroy("lab", agree)
    assert routes(host) == {dst: said for dst, said in during.items() if dst != "10.98.0.0/16"}
    assert neighbours(host) == "10.7.0.2 dev br0 lladdr 02:00:00:00:00:22 PERMANENT \n"


def test_routes_of_others_come_back_as_they_were_from_a_trial(world: World, tmp_path: Path) -> None:
    world.run("sh", "-ec", OTHERS + STANDING)
    before = routes(world), neighbours(world), kept_of_v0(world)
    (tmp_path / "weft.yaml").write_text(BRIDGE + CHANGED)
    world.run("weft", "apply", "--yes", "--confirm-within", "1s", cwd=tmp_path)
    assert (routes(world), neighbours(world), kept_of_v0(world)) != before
    for _ in range(200):  # the guard takes it back
        if not any(one["unconfirmed_s"] is not None for one in world.json("weft", "list", "-o", "json")):
            break
        time.sleep(0.1)
    assert (routes(world), neighbours(world), kept_of_v0(world)) == before
    assert world.json("weft", "list", "-o", "json") == []


def test_what_would_be_made_anew_is_refused(host: World) -> None:
    before = links(host)
    with pytest.raises(ForeignObject, match="br0 cannot be adopted without being made anew: it is of another kind"):
        Service().apply(file("weft: 1\nname: lab\nhost: {links: {br0: {kind: veth, peer: x, adopt: true}}}"), agree)
    assert links(host) == before


SPACE = """
weft: 1
name: lab
tenants:
  t:
    networks: {lan: {subnets: [10.9.0.0/24], uplink: nat}}
    ports: {box: {network: lan, attach: {netns: box, ifname: lan0}, addresses: [10.9.0.10]}}
namespaces:
  box:
    adopt: true
    sysctls: {net.ipv4.ip_forward: 1}
    links: {br0: {kind: bridge, adopt: true, forward_delay: 15, addresses: [10.7.0.2/24]}}
    routes: [{to: 10.50.0.0/16, type: blackhole}]
"""
BOX = """
ip netns add box; ip -n box link set lo alias "somebody's box"
ip link add out type veth peer name in netns box
ip addr add 10.6.0.1/24 dev out; ip link set out up
ip -n box addr add 10.6.0.2/24 dev in; ip -n box link set in up
ip -n box link add br0 type bridge; ip -n box link set br0 up
ip -n box route add 10.66.0.0/16 via 10.6.0.1; ip -n box rule add from 10.66.0.0/16 table 66
"""


def test_a_namespace_is_taken_over_under_traffic_and_given_up(inside: World) -> None:
    inside.run("sh", "-ec", BOX)
    before = inside.dump(settle_s=3)
    asking = inside.start("ping", "-n", "-q", "-i", "0.02", "-w", "60", "-c", "150", "10.6.0.2", stdout=-1, stderr=-1)
    service = Service()
    service.apply(file(SPACE), agree)
    assert not service.prepare(file(SPACE)).plan and service.status(file(SPACE)).clean
    assert [str(key) for key in service.status(file(SPACE)).adopted] == ["link br0@box", "netns box"]
    (scope,) = service.list()
    assert scope.adopted == ("link br0@box", "netns box")
    lo = inside.json("ip", "-j", "link", "show", "dev", "lo", netns="box")[0]
    assert lo["ifalias"].startswith("weft/") and "UP" not in lo["flags"], "traffic and lo are as they were"
    assert inside.ping("10.9.0.1", netns="box")
    service.destroy("lab", agree)
    assert " 0% packet loss" in asking.communicate(timeout=60)[0]
    assert differences(before, inside.dump(settle_s=3)) == []
    assert service.list() == []


def test_a_namespace_no_longer_in_the_file_is_given_up(inside: World) -> None:
    inside.run("sh", "-ec", BOX)
    service = Service()
    service.apply(file(SPACE), agree)
    service.apply(file("weft: 1\nname: lab\nhost: {sysctls: {net.core.somaxconn: 4000}}"), agree)
    assert inside.json("ip", "-j", "link", "show", "dev", "lo", netns="box")[0]["ifalias"] == "somebody's box"
    assert inside.ping("10.6.0.2")
    assert {link["ifname"] for link in inside.json("ip", "-j", "link", netns="box")} == {"lo", "in", "br0"}


def test_a_failed_adoption_of_a_namespace_leaves_it(inside: World) -> None:
    inside.run("sh", "-ec", BOX)
    before = inside.dump(settle_s=3)
    dead = SPACE.replace("type: blackhole", "via: 172.31.0.1, dev: br0")
    with pytest.raises(WeftError):
        Service().apply(file(dead), agree)
    assert differences(before, inside.dump(settle_s=3)) == []
    assert Service().list() == []


def test_a_namespace_that_is_not_there_is_made_and_deleted(inside: World) -> None:
    service = Service()
    text = "weft: 1\nname: lab\nnamespaces: {box: {adopt: true, sysctls: {net.ipv4.ip_forward: 1}}}"
    service.apply(file(text), agree)
    assert inside.json("ip", "-j", "link", netns="box")[0]["flags"] == ["LOOPBACK", "UP", "LOWER_UP"]
    assert service.status(file(text)).adopted == ()
    service.destroy("lab", agree)
    assert inside.run("ip", "netns").stdout == ""


def test_what_is_not_there_is_made_and_deleted(inside: World) -> None:
    service = Service()
    text = "weft: 1\nname: lab\nhost: {links: {br7: {kind: bridge, adopt: true}}}"
    service.apply(file(text), agree)
    assert "br7" in links(inside)
    service.destroy("lab", agree)
    assert "br7" not in links(inside)


SHAPED = """
weft: 1
name: lab
host:
  links:
    br0: {kind: bridge, adopt: true, forward_delay: 15, qos: {egress: {ceil: 10mbit}, replace: true}}
"""
TREE = """
tc qdisc add dev br0 root handle 5: htb default 1
tc class add dev br0 parent 5: classid 5:1 htb rate 3mbit
tc qdisc add dev br0 parent 5:1 handle 10: pfifo limit 7
"""


def queues(world: World) -> list[str]:
    """What tc tells of br0's, without what the kernel counts."""
    told = [world.run("tc", what, "show", "dev", "br0").stdout for what in ("qdisc", "class")]
    return re.sub(r" refcnt \d+| direct_packets_stat \d+", "", "".join(told)).splitlines()


def test_the_tree_at_the_root_of_an_adopted_link_stays_whose_it_is(host: World) -> None:
    host.run("sh", "-ec", TREE)
    service, before = Service(), queues(host)
    service.apply(file(BRIDGE), agree)
    assert queues(host) == before and service.status(file(BRIDGE)).clean
    with pytest.raises(ForeignObject, match="br0 has a root qdisc already, htb 5:, and it is not weft's"):
        service.apply(file(SHAPED.replace(", replace: true", "")), agree)
    assert queues(host) == before
    service.destroy("lab", agree)
    assert queues(host) == before


def test_the_tree_at_the_root_of_an_adopted_link_gives_way_and_comes_back(host: World) -> None:
    host.run("sh", "-ec", TREE)
    service, before = Service(), queues(host)
    service.apply(file(SHAPED), agree)
    assert "htb 5:" not in " ".join(queues(host)) and "htb" in queues(host)[0]
    assert not service.prepare(file(SHAPED)).plan and service.status(file(SHAPED)).clean
    service.apply(file(BRIDGE), agree)
    assert queues(host) == before, "without its policy"
    service.apply(file(SHAPED), agree)
    service.destroy("lab", agree)
    assert queues(host) == before


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_kill_at_any_step_leaves_the_tree_at_the_root_of_an_adopted_link(world: World, tmp_path: Path) -> None:
    preload()
    world.run("sh", "-ec", OTHERS + TREE)
    shaped = tmp_path / "weft.yaml"
    shaped.write_text(SHAPED)
    before = queues(world)
    assert weft_in(world, "apply", "-y", "-f", shaped).status == 0
    rig = Rig.between(world, ("apply", "-y", "-f", str(shaped)), ("destroy", "-y", "lab"))

    def proof() -> None:
        if not world.json("ip", "-j", "link", "show", "dev", "br0")[0]["ifalias"].startswith("weft/"):
            assert queues(world) == before

    tally = Killer(rig, proof).run()
    print(tally)
    assert min(tally.former, tally.wanted) > 5
