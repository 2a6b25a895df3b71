"""Limits with traffic: both ways, at every kind of port and link, changed while it flows."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.dump import differences
from tests.kernel.qos.lab import TENANT, Lab
from tests.patience import until

MAC = "52:54:00:00:00:01"
BOTH = {"egress": {"ceil": "10mbit"}, "ingress": {"ceil": "40mbit"}}


def test_a_port_sends_and_receives_what_it_may(lab: Lab) -> None:
    lab.apply({"a": {"qos": BOTH}})
    with lab.server("b"):
        lab.keeps(10e6, "a", "10.0.0.2", lab.ifname("qos-a"))
        lab.keeps(40e6, "a", "fd10::2", lab.ifname("a"), "-R")


def test_ten_flows_together_get_no_more_than_one(lab: Lab) -> None:
    lab.apply({"a": {"qos": BOTH}})
    with lab.server("b"):
        lab.keeps(10e6, "a", "10.0.0.2", lab.ifname("qos-a"), "-P", "10")


def test_udp_that_asks_for_more_gets_the_limit(lab: Lab) -> None:
    lab.apply({"a": {"qos": BOTH}})
    with lab.server("b"):
        lab.keeps(10e6, "a", "10.0.0.2", lab.ifname("qos-a"), "-u", "-b", "30M")


@pytest.mark.parametrize("ceil_mbit", [1, 100, 500])
def test_slow_and_fast_limits(lab: Lab, ceil_mbit: int) -> None:
    lab.apply({"a": {"qos": {"ingress": {"ceil": f"{ceil_mbit}mbit"}}}})
    with lab.server("b"):
        lab.keeps(ceil_mbit * 1e6, "a", "10.0.0.2", lab.ifname("a"), "-R")


def test_a_guest_behind_a_tap_is_held_to_it(lab: Lab) -> None:
    policy = {"egress": {"ceil": "8mbit"}, "ingress": {"ceil": "5mbit"}}
    lab.world.run("ip", "netns", "add", "guest")
    lab.apply({"a": {"attach": {"tap": {"name": "vm"}}, "mac": MAC, "qos": policy}})
    helper = Path(__file__).with_name("guest_behind.py")
    guest = lab.world.start(sys.executable, "-IS", helper, "vm", "guest", stdout=-1)
    try:
        assert guest.stdout is not None
        assert guest.stdout.readline() == "ready\n"
        lab.world.run("sh", "-c", f"ip link set eth0 address {MAC} up; ip addr add 10.0.0.1/24 dev eth0", netns="guest")
        assert lab.world.ping("10.0.0.2", netns="guest")
        with lab.server("b"):
            lab.keeps(8e6, "guest", "10.0.0.2", lab.ifname("qos-a"))
            lab.keeps(5e6, "guest", "10.0.0.2", lab.ifname("a"), "-R")
    finally:
        guest.kill()
        guest.wait()
        lab.world.run("ip", "netns", "del", "guest")


def test_a_link_of_a_namespace_both_ways(lab: Lab) -> None:
    """Its own root for what it sends, an ifb for what it receives."""
    near = {"kind": "veth", "peer": "y", "addresses": ["10.7.0.1/24"], "qos": BOTH}
    lab.apply(namespaces={"n": {"links": {"x": near}}})
    lab.world.run("ip", "netns", "add", "other")
    lab.world.run("ip", "-n", "n", "link", "set", "y", "netns", "other")
    try:
        lab.world.run("sh", "-c", "ip addr add 10.7.0.2/24 dev y; ip link set y up", netns="other")
        with lab.server("other"):
            lab.keeps(10e6, "n", "10.7.0.2", "x", netns="n")
            lab.keeps(40e6, "n", "10.7.0.2", lab.ifname("qos-x", "n"), "-R", netns="n")
    finally:
        lab.world.run("ip", "netns", "exec", "other", "ip", "link", "del", "y")
        lab.world.run("ip", "netns", "del", "other")


def test_a_card_of_the_host_both_ways(lab: Lab) -> None:
    with lab.card("eth9", "10.9.0.2/24"):
        lab.world.run("ip", "addr", "add", "10.9.0.1/24", "dev", "eth9")
        lab.apply(host={"links": {"eth9": {"existing": True, "qos": BOTH}}})
        with lab.server("outside"):
            lab.keeps(10e6, None, "10.9.0.2", "eth9", netns=None)
            ifb = next(link["ifname"] for link in lab.world.json("ip", "-j", "link") if link["ifname"].startswith("wq"))
            lab.keeps(40e6, None, "10.9.0.2", ifb, "-R", netns=None)


def test_a_changed_limit_is_one_class_and_loses_no_packet(lab: Lab) -> None:
    lab.apply({"a": {"qos": {"ingress": {"ceil": "10mbit"}}}})
    ifname = lab.ifname("a")
    with lab.server("b"):
        stream = lab.world.start(
            "iperf3", "-c", "10.0.0.2", "-R", "-u", "-b", "4M", "-t", "5", "-J", netns="a", stdout=-1
        )
        time.sleep(1.5)
        before = lab.classes(ifname)
        said = lab.apply({"a": {"qos": {"ingress": {"ceil": "12mbit"}}}})
        assert "Kernel objects: 0 to create, 1 to change, 0 to replace, 0 to delete." in said
        after = lab.classes(ifname)
        told = json.loads(stream.communicate()[0])
    assert (before["1"].ceil, after["1"].ceil) == ("10Mbit", "12Mbit")
    assert int(after["1"].sent) >= int(before["1"].sent) > 0
    assert told["end"]["sum"]["lost_packets"] == 0


SEND = "import socket; s = socket.socket(2, 2); [s.sendto(b'x' * 1400, ('10.0.0.1', 9)) for _ in range(150)]"


def test_a_limit_that_lets_frames_pass_whole_keeps_what_waits(lab: Lab) -> None:
    """Above 105 mbit/s nothing is taken apart: the queue stays the same, with all that waits in it."""

    def passed() -> int:
        return int(lab.classes(ifname)["2"].packets)

    lab.apply({"a": {"qos": {"ingress": {"ceil": "2mbit", "latency": "2s"}}}})
    ifname = lab.ifname("a")
    assert lab.world.ping("10.0.0.1", netns="b")
    for ceil in ("300mbit", "2mbit", "900mbit"):
        before = passed()
        sending = lab.world.start("python3", "-c", SEND, netns="b")
        until(lambda: passed() > before, "the first is through")  # noqa: B023
        lab.apply({"a": {"qos": {"ingress": {"ceil": ceil, "latency": "2s"}}}})
        assert sending.wait() == 0
        until(lambda: passed() >= before + 150, "they all come", 10)  # noqa: B023
        assert {one.dropped for one in lab.classes(ifname).values()} == {"0"}


def test_guarantees_on_a_segment_by_a_policy_of_its_link(lab: Lab) -> None:
    """What a port is guaranteed of a link that its network stands on is a class of the link's for the port's address: a
    fellow that sends all it can leaves it that."""
    wire = {"w": {"segment": {"link": "x0"}, "subnets": ["10.6.0.0/24"]}}
    places = (("d", "10.6.0.1"), ("e", "10.6.0.2"))
    ports = {name: {"network": "w", "attach": {"netns": name}, "addresses": [at]} for name, at in places}
    classes = {"d": {"match": {"source": "10.6.0.1"}, "rate": "6mbit", "ceil": "8mbit"}}
    policy = {"egress": {"ceil": "8mbit", "classes": classes}}
    with lab.card("x0", "10.6.0.9/24"):
        lab.apply(ports, wire, host={"links": {"x0": {"existing": True, "qos": policy}}})
        (minor,) = (of for of, one in lab.classes("x0", None).items() if one.rate == "6Mbit")
        until(lambda: lab.world.ping("10.6.0.9", netns="d"), "they know each other, for ARP has no guarantee")
        with lab.server("outside"), flood(lab, "e"):
            lab.gets(5.7e6, "d", "10.6.0.9", "x0", minor=minor, netns=None)


@contextmanager
def flood(lab: Lab, netns: str) -> Iterator[None]:
    """All that a program can send from there, from before this begins on."""
    sending = lab.world.start(sys.executable, "-c", FLOOD, netns=netns, stdout=-1)
    try:
        assert sending.stdout is not None and sending.stdout.readline() == "many\n"
        yield
    finally:
        sending.kill()
        sending.wait()


FLOOD = """
import socket
udp = socket.socket(2, 2)
sent = 0
while True:
    udp.sendto(b"x" * 1400, ("10.6.0.9", 9))
    sent += 1
    if sent == 10000:
        print("many", flush=True)
"""


def test_what_a_policy_leaves_behind_when_it_goes_is_nothing(lab: Lab) -> None:
    lab.apply()
    before = lab.world.dump(settle_s=5)
    lab.apply({"a": {"qos": BOTH}})
    assert lab.world.ping("10.0.0.2", netns="a")
    lab.apply()
    assert lab.world.ping("10.0.0.2", netns="a")
    assert differences(before, lab.world.dump(settle_s=5)) == []


def test_a_class_that_somebody_deletes_comes_back_and_its_fellows_stay(lab: Lab) -> None:
    policy = {"ingress": {"ceil": "40mbit", "classes": {"v": {"match": {"dscp": "ef"}, "rate": "1mbit"}}}}
    lab.apply({"a": {"qos": policy}})
    ifname = lab.ifname("a")
    assert lab.world.ping("10.0.0.1", netns="b")
    before = lab.classes(ifname)
    gone = next(minor for minor in before if minor not in ("1", "2"))
    lab.world.run("tc", "class", "del", "dev", ifname, "classid", before[gone].classid, netns=TENANT)
    lab.apply({"a": {"qos": policy}})
    after = lab.classes(ifname)
    assert after.keys() == before.keys()
    assert int(after["2"].packets) >= int(before["2"].packets) > 0


def test_a_card_of_several_queues_is_told_what_one_root_costs(lab: Lab) -> None:
    lab.world.run("sh", "-ec", "ip tuntap add t9 mode tap multi_queue; ip link set t9 up")
    dealt = lab.world.run("tc", "qdisc", "show", "dev", "t9").stdout.splitlines()[0]
    lab.file.write_text(json.dumps(OWN_QUEUES))
    said = lab.world.run("weft", "plan", "-f", lab.file, check=False).stderr
    assert ("one tree takes the place of t9's" in said) == dealt.startswith("qdisc mq"), (said, dealt)
    lab.world.run("weft", "apply", "-y", "-f", lab.file)
    assert "is as asked" in lab.world.run("weft", "status", "-f", lab.file).stdout
    lab.world.run("weft", "destroy", "-y", "lab")
    assert lab.world.run("tc", "qdisc", "show", "dev", "t9").stdout.splitlines()[0] == dealt
    lab.file.unlink()
    lab.world.run("ip", "link", "del", "t9")


OWN_QUEUES = {
    "weft": 1,
    "name": "lab",
    "host": {"links": {"t9": {"existing": True, "qos": {"egress": {"ceil": "5mbit"}}}}},
}


def test_status_goes_on_where_a_capacity_is_more_than_the_card_has(lab: Lab) -> None:
    """What is warned of is no port that is left out."""
    lab.world.run("sh", "-ec", "ip link add eth1 type veth peer name far; ip link set eth1 up; ip link set far up")
    lab.world.run("sh", "-ec", "ip addr add 192.0.2.2/24 dev eth1; ip route add default via 192.0.2.1")
    leads_out = {"out": {"subnets": ["10.5.0.0/24"], "uplink": "nat"}}
    asks = {"d": {"network": "out", "attach": {"netns": "d"}, "qos": {"egress": {"rate": "1mbit", "ceil": "2mbit"}}}}
    lab.apply(asks, leads_out, host={"links": {"eth1": {"existing": True, "capacity": "20gbit"}}})
    assert "sends at 10gbit" in lab.world.run("weft", "plan", "-f", lab.file).stderr
    assert "is as asked" in lab.world.run("weft", "status", "-f", lab.file).stdout
    lab.world.run("weft", "destroy", "-y", "lab")
    lab.file.unlink()
    lab.world.run("ip", "link", "del", "eth1")


def test_a_root_of_somebody_elses_gives_way_and_comes_back(lab: Lab) -> None:
    """Only where the file says so."""
    lab.world.run("sh", "-c", "ip link add card type veth peer name far && ip link set card up && ip link set far up")
    lab.world.run("tc", "qdisc", "add", "dev", "card", "root", "handle", "9:", "pfifo", "limit", "77")
    before = lab.world.run("tc", "qdisc", "show", "dev", "card").stdout
    links = {"card": {"existing": True, "qos": {"egress": {"ceil": "10mbit"}}}}
    lab.file.write_text(json.dumps({"weft": 1, "name": "lab", "host": {"links": links}}))
    assert "`replace: true`" in lab.world.run("weft", "plan", "-f", lab.file, check=False).stderr
    assert lab.world.run("tc", "qdisc", "show", "dev", "card").stdout == before
    lab.apply(host={"links": {"card": {"existing": True, "qos": {"replace": True, "egress": {"ceil": "10mbit"}}}}})
    assert lab.classes("card", None)["1"].ceil == "10Mbit"
    lab.world.run("weft", "destroy", "-y", "lab")
    lab.file.unlink()
    assert lab.world.run("tc", "qdisc", "show", "dev", "card").stdout == before
    lab.world.run("ip", "link", "del", "card")
