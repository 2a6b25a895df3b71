"""`weft check reach` against a machine that is as asked for, and against one that somebody broke: each fault is shown
red, and named."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.dump import differences
from tests.world import World
from weft.store.host import host_id, run_directory
from weft.store.locks import hold

pytestmark = pytest.mark.kernel

FILE = """
weft: 1
name: lab
tenants:
  red:
    networks:
      front: {subnets: [10.10.0.0/24, "fd00:1::/64"], uplink: nat}
      back: {subnets: [10.11.0.0/24, "fd00:2::/64"], uplink: routed}
    ports:
      web: {network: front, attach: {netns: red-web}, addresses: [10.10.0.10, "fd00:1::10"]}
      db: {network: front, attach: {netns: red-db}, addresses: [10.10.0.11, "fd00:1::11"]}
      in: {network: back, attach: {netns: red-in}, addresses: [10.11.0.10, "fd00:2::10"]}
  blue:
    networks:
      front: {subnets: [10.10.0.0/24, "fd00:1::/64"], uplink: nat}
      store: {subnets: [10.13.0.0/24]}
    ports:
      web: {network: front, attach: {netns: blue-web}, addresses: [10.10.0.10, "fd00:1::10"]}
      app: {network: front, attach: {netns: blue-app}, addresses: [10.10.0.20, "fd00:1::20"]}
      vm: {network: front, attach: {tap: {}}, addresses: [10.10.0.30, "fd00:1::30"]}
      disk: {network: store, attach: host, addresses: [10.13.0.2]}
      nas: {network: store, attach: {netns: nas}, addresses: [10.13.0.3]}
"""
RED, BLUE = "weft.lab.red", "weft.lab.blue"
ALL = ["icmp", "mtu", "tcp", "udp"]

LEFT = """
for netns in red-web red-db blue-web nas; do
  nsenter --net=/run/netns/$netns sh -c 'tail -q -n +2 /proc/net/arp; ss -Hanutw'
done
"""
"""At once: a router that asks again whether a neighbour is still there leaves an entry some seconds later."""

Way = tuple[str, str]


@dataclass
class Lab:
    """A world with the file applied."""

    world: World
    file: Path

    def check(self, *words: str, code: int = 0) -> dict[str, Any]:
        done = self.world.run("weft", "check", "reach", "-f", self.file, "-o", "json", *words, check=False)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout[-3000:]}{done.stderr}"
        return dict(json.loads(done.stdout))

    def sh(self, script: str) -> None:
        self.world.run("sh", "-ec", script)

    def mend(self) -> None:
        self.world.run("weft", "apply", "-y", "-f", self.file)


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Lab]:
    file = tmp_path / "weft.yaml"
    file.write_text(FILE)
    made = Lab(world, file)
    made.sh("sysctl -q -w net.ipv6.conf.default.addr_gen_mode=1")  # no addresses of the kernel's own, at its own pace
    made.sh("ip link add up0 type veth peer name up1; ip addr add 192.0.2.1/24 dev up0; ip link set up0 up")
    made.sh("ip link set up1 up; ip route add default via 192.0.2.254")
    made.mend()
    yield made


def differing(found: dict[str, Any]) -> dict[Way, dict[str, Any]]:
    return {(pair["from"], pair["to"]): pair for pair in found["pairs"] if pair["clean"] is False}


def lost(pair: dict[str, Any]) -> dict[int, list[str]]:
    """Protocols that got no answer, by family."""
    return {of["family"]: sorted(p for p, reached in of["reached"].items() if not reached) for of in pair["families"]}


def suspects(pair: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [(s["drift"], s["table"], s["netns"], s["name"]) for s in pair["suspects"]]


def bridge_end(lab: Lab, netns: str, port: str) -> str:
    """The ifname of a port's end on the bridge."""
    links = lab.world.json("ip", "-j", "link", "show", "dev", port, netns=netns)
    return str(links[0]["ifname"])


def test_a_machine_as_asked_for_is_clean_and_left_as_it_was(lab: Lab) -> None:
    before = lab.world.dump(settle_s=3)
    found = lab.check()
    left = lab.world.run("sh", "-c", LEFT).stdout.split()
    assert found["clean"] and differing(found) == {}
    expected = {(pair["from"], pair["to"]): pair["expected"] for pair in found["pairs"]}
    assert expected["red/web", "red/db"] == "reach"
    assert expected["red/web", "red/in"] == expected["blue/web", "red/in"] == "reach"  # routed: the host leads there
    assert expected["red/in", "red/web"] == "apart"  # behind NAT
    assert expected["red/db", "blue/web"] == expected["red/web", "blue/app"] == "apart"
    assert expected["red/web", "blue/disk"] == expected["blue/disk", "blue/nas"] == "reach"
    assert {pair["why"] for pair in found["pairs"] if "blue/vm" in (pair["from"], pair["to"])} == {
        "blue/vm is a tap that nobody has opened"
    }
    assert found["counts"]["not_measurable"] == 14
    assert differences(before, lab.world.dump(settle_s=3)) == []
    assert left == [], "no socket in any state, no neighbour"


def test_it_waits_for_no_lock(lab: Lab) -> None:
    with lab.world.inside():
        locks = run_directory(host_id()) / "locks"
        with hold(locks, {"host", "scope lab"}, command="test", wait_s=0):
            assert lab.check()["clean"]


def test_it_works_while_an_apply_runs(lab: Lab) -> None:
    more = FILE + '      "p[1-60]": {network: store, attach: {netns: "{name}"}}\n'
    lab.file.with_name("more.yaml").write_text(more)
    apply = lab.world.start("weft", "apply", "-y", "-f", lab.file.with_name("more.yaml"), stdout=subprocess.DEVNULL)
    found = lab.check("--port", "red/*")
    assert found["clean"] and found["counts"]["pairs"] == 6
    assert apply.wait(60) == 0


def test_a_flipped_route(lab: Lab) -> None:
    lab.sh("ip -n red-web route replace default via 10.10.0.99")
    found = differing(lab.check(code=3))
    assert set(found) == {("red/web", other) for other in ("red/in", "blue/disk", "blue/nas")}
    pair = found["red/web", "red/in"]
    assert lost(pair) == {4: ALL, 6: []}
    assert suspects(pair) == [("changed", "route", "red-web", "0.0.0.0/0 table 254 metric 0")]
    assert pair["suspects"][0]["where"].startswith(f"{lab.file}:10:")
    assert "no answer by ICMP, TCP, UDP over IPv4" in pair["told"]
    lab.mend()
    assert lab.check()["clean"]


def test_a_route_that_somebody_added(lab: Lab) -> None:
    lab.sh("ip -n red-db route add 10.10.0.10/32 via 10.10.0.1; ip -n red-db route add blackhole 10.11.0.0/24")
    found = differing(lab.check("--port", "red/*", code=3))
    assert set(found) == {("red/db", "red/in")}, "by its router a packet finds its way"
    assert ("foreign", "route", "red-db", "10.11.0.0/24 table 254 metric 0") in suspects(found["red/db", "red/in"])


def test_a_link_that_is_down(lab: Lab) -> None:
    end = bridge_end(lab, RED, "db")
    lab.sh(f"ip -n {RED} link set {end} down")
    found = differing(lab.check("--port", "red/db", code=3))
    assert {("red/db", "red/web"), ("red/web", "red/db"), ("red/db", "red/in")} <= set(found)
    assert all("red/db" in way for way in found)
    for way in (("red/db", "red/web"), ("red/web", "red/db")):
        assert lost(found[way]) == {4: ALL, 6: ALL}
        assert suspects(found[way]) == [("changed", "link", RED, end)]


def test_an_mtu_lowered_in_the_middle_is_found_by_large_packets_only(lab: Lab) -> None:
    end = bridge_end(lab, RED, "db")
    lab.sh(f"ip -n {RED} link set {end} mtu 1400")
    found = differing(lab.check("--port", "red/web", "--port", "red/db", code=3))
    assert {way: lost(pair) for way, pair in found.items()} == {
        ("red/web", "red/db"): {4: ["mtu"], 6: ["mtu"]},
        ("red/db", "red/web"): {4: ["mtu"], 6: ["mtu"]},
    }
    assert suspects(found["red/web", "red/db"]) == [("changed", "link", RED, end)]
    small = lab.check("--port", "red/*", "--protocol", "icmp", "--protocol", "tcp", "--protocol", "udp")
    assert small["clean"]


def test_a_leak_between_tenants_with_equal_addresses(lab: Lab) -> None:
    bridges = {
        netns: lab.world.json("ip", "-j", "link", "show", "dev", "front", netns=netns)[0]["ifname"]
        for netns in (RED, BLUE)
    }
    lab.sh(f"ip link add leak0 netns {RED} type veth peer name leak1 netns {BLUE}")
    for netns, end in ((RED, "leak0"), (BLUE, "leak1")):
        lab.sh(f"ip -n {netns} link set {end} master {bridges[netns]} up")
    assert not differing(lab.check("--port", "*/db", "--port", "*/app")), "what is no port is not let through"
    for netns in (RED, BLUE):
        lab.sh(f"ip netns exec {netns} nft flush ruleset")
    assert lab.world.ping("10.10.0.20", netns="red-db"), "the bridges forward once they see a carrier"
    found = differing(lab.check("--port", "*/db", "--port", "*/web", "--port", "*/app", code=3))
    leak = found["red/db", "blue/app"]
    assert leak["expected"] == "apart" and leak["families"][0]["reached"] == {"icmp": True, "tcp": True, "udp": True}
    assert ("foreign", "link", RED, "leak0") in suspects(leak) and ("foreign", "link", BLUE, "leak1") in suspects(leak)
    assert "and should not" in leak["told"]
    assert ("blue/app", "red/db") in found


def test_a_namespace_that_is_gone(lab: Lab) -> None:
    lab.sh("ip netns del red-db")
    found = differing(lab.check("--port", "red/db", "--port", "red/web", code=3))
    assert set(found) == {("red/db", "red/web"), ("red/web", "red/db")}
    pair = found["red/web", "red/db"]
    assert "there is no namespace red-db" in pair["told"]
    assert ("missing", "netns", "", "red-db") in suspects(pair)


def test_nobody_is_shown_apart_from_a_namespace_that_is_gone(lab: Lab) -> None:
    chosen = ("--port", "red/db", "--port", "blue/app", "--port", "blue/web")
    whys = {(pair["from"], pair["to"]): pair["why"] for pair in lab.check(*chosen)["pairs"]}
    assert whys["blue/app", "red/db"] is None
    lab.sh("ip netns del red-db")
    pairs = {(pair["from"], pair["to"]): pair for pair in lab.check(*chosen)["pairs"]}
    for way in (("blue/app", "red/db"), ("red/db", "blue/app")):
        assert pairs[way]["clean"] is None and pairs[way]["why"] == "there is no namespace red-db"


def test_translation_that_is_gone(lab: Lab) -> None:
    lab.sh(f"ip netns exec {RED}.front nft flush chain inet weft-lab postrouting")
    found = differing(lab.check("--port", "red/web", "--port", "red/in", code=3))
    assert set(found) == {("red/web", "red/in")}
    assert ("changed", "nft-chain", f"{RED}.front", "inet weft-lab postrouting") in suspects(found["red/web", "red/in"])


NEIGHBOURS = """
weft: 1
name: lab
tenants:
  t:
    networks: {n: {subnets: [10.1.0.0/24]}}
    ports:
      a: {network: n, attach: {netns: a}, addresses: [10.1.0.10], mac: 02:00:00:00:00:0a}
      b: {network: n, attach: {netns: b}, addresses: [10.1.0.11], mac: 02:00:00:00:00:0b}
namespaces:
  a:
    sysctls: &mute {net.ipv4.conf.all.arp_ignore: 8}
    neighbours: [{address: 10.1.0.11, dev: a, mac: 02:00:00:00:00:0b}]
  b:
    sysctls: *mute
    neighbours: [{address: 10.1.0.10, dev: b, mac: 02:00:00:00:00:0a}]
"""


def test_a_neighbour_entry_that_was_deleted(lab: Lab) -> None:
    """Neither answers an ARP request, so that each needs its entry."""
    lab.file.write_text(NEIGHBOURS)
    lab.mend()
    assert lab.check()["clean"]
    lab.sh("ip -n a neigh del 10.1.0.11 dev a")
    found = differing(lab.check(code=3))
    assert suspects(found["t/a", "t/b"]) == [("missing", "neighbour", "a", "a 10.1.0.11")]
    lab.mend()
    assert lab.check()["clean"]


def test_a_tap_that_somebody_has_opened_is_still_not_measurable(lab: Lab) -> None:
    opener = lab.world.start("python3", "-c", _OPEN_TAP, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert opener.stdout is not None and opener.stdout.readline() == "open\n"
    found = lab.check("--port", "blue/vm", "--port", "blue/web", code=3)
    assert [port["tap"] for port in found["ports"]] == [None, "open"]
    assert {pair["why"] for pair in found["pairs"]} == {"blue/vm is a tap, and only its guest could speak for it"}
    assert found["counts"]["as_asked"] == 0 and found["clean"] is None, "nothing could be measured"


_OPEN_TAP = """
import fcntl, struct, sys
tun = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"vm", 0x5002))  # TUNSETIFF: IFF_TAP, NO_PI, VNET_HDR
print("open", flush=True)
sys.stdin.read()
"""


def test_a_process_namespace(lab: Lab) -> None:
    holder = lab.world.start("unshare", "--net", "cat", stdin=subprocess.PIPE)
    pidfile = lab.file.with_name("pid")
    pidfile.write_text(f"{holder.pid}\n")
    lab.file.write_text(FILE + f"      job: {{network: store, attach: {{pidfile: {pidfile}}}}}\n")
    lab.mend()
    found = lab.check("--port", "job")
    assert found["clean"] and found["counts"]["as_asked"] == 14 and found["counts"]["not_measurable"] == 2
    way = {(pair["from"], pair["to"]): pair["expected"] for pair in found["pairs"]}
    assert way["blue/job", "blue/nas"] == way["blue/nas", "blue/job"] == "reach"


TUNNEL = """
weft: 1
name: lab
tenants:
  t:
    networks:
      left: {subnets: [{cidr: 10.1.0.0/24, gateway: 10.1.0.2}]}
      right: {subnets: [{cidr: 10.2.0.0/24, gateway: 10.2.0.2}]}
      wire: {subnets: [192.168.0.0/24], mtu: 1600}
    ports:
      a: {network: left, attach: {netns: a}}
      a-in: {network: left, attach: {netns: one}, addresses: [10.1.0.2]}
      a-out: {network: wire, attach: {netns: one}, addresses: [192.168.0.2]}
      b: {network: right, attach: {netns: b}}
      b-in: {network: right, attach: {netns: two}, addresses: [10.2.0.2]}
      b-out: {network: wire, attach: {netns: two}, addresses: [192.168.0.3]}
namespaces:
  one:
    sysctls: {net.ipv4.ip_forward: 1}
    links:
      vx0: {kind: vxlan, vni: 7, local: 192.168.0.2, learning: false, addresses: [10.9.0.2/24], remotes: [192.168.0.3]}
    routes: [{to: 10.2.0.0/24, via: 10.9.0.3, dev: vx0}]
  two:
    sysctls: {net.ipv4.ip_forward: 1}
    links:
      vx0: {kind: vxlan, vni: 7, local: 192.168.0.3, learning: false, addresses: [10.9.0.3/24], remotes: [192.168.0.2]}
    routes: [{to: 10.1.0.0/24, via: 10.9.0.2, dev: vx0}]
"""


def test_an_entry_of_a_forwarding_table_that_was_deleted(lab: Lab) -> None:
    """The way from a to b leads by a VXLAN that learns nothing."""
    lab.file.write_text(TUNNEL)
    lab.mend()
    clean = lab.check()
    way = next(pair for pair in clean["pairs"] if (pair["from"], pair["to"]) == ("t/a", "t/b"))
    assert clean["clean"] and way["families"][0]["why"] == "by one, two"
    lab.sh("ip netns exec two bridge fdb del 00:00:00:00:00:00 dev vx0 dst 192.168.0.2")
    found = differing(lab.check("--port", "t/a", "--port", "t/b", code=3))
    assert set(found) == {("t/a", "t/b"), ("t/b", "t/a")}
    for pair in found.values():
        assert suspects(pair) == [("missing", "fdb", "two", "vx0 00:00:00:00:00:00 dst 192.168.0.2")]
    lab.mend()
    assert lab.check()["clean"]
