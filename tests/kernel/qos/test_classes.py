"""Which class gets a packet, judged by the classes' own counters, and what is done to it there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.qos.lab import TENANT, Lab
from tests.patience import until
from weft.compiler.qos.handles import minors

SENDER = Path(__file__).with_name("sender.py")
DEFAULT = "2"
CLASSES: dict[str, Any] = {
    "voice": {"match": {"dscp": "ef"}, "rate": "1mbit"},
    "web": {"match": {"protocol": "udp", "ports": [80, "8000-8010"]}, "rate": "1mbit"},
    "host": {"match": {"destination": ["10.0.0.2", "fd10::2"]}, "rate": "1mbit"},
    "both": {"match": {"destination": "10.0.0.0/24", "protocol": "udp", "ports": 5000}, "rate": "1mbit"},
    "deep": {"parent": "host", "match": {"protocol": "udp", "source_ports": [7]}},
}
POLICY = {"egress": {"ceil": "20mbit", "classes": CLASSES}}


def minor(*path: str) -> str:
    """What tc calls a class."""
    return f"{minors([path])[path]:x}"


def send(lab: Lab, netns: str | None, *what: str) -> None:
    lab.world.run(sys.executable, "-IS", SENDER, *what, netns=netns)


@contextmanager
def ten_in(lab: Lab, ifname: str, wanted: str, netns: str | None = TENANT) -> Iterator[None]:
    """What is sent within comes as ten packets or more in one class, and as fewer in any other leaf."""

    def counted() -> dict[str, int]:
        return {of: int(one.packets) for of, one in lab.classes(ifname, netns).items() if of in leaves}

    told = lab.world.run("tc", "class", "show", "dev", ifname, netns=netns).stdout
    leaves = {one.split(":")[1] for one in re.findall(r"^class htb (\S+) .* leaf ", told, re.M)}
    before = counted()
    yield
    until(lambda: counted()[wanted] - before[wanted] >= 10, f"ten packets in {wanted}: {before} {counted()}", 10)
    more = {of: count - before[of] for of, count in counted().items() if of != wanted}
    assert all(count < 10 for count in more.values()), more


@pytest.mark.parametrize(
    ("what", "wanted"),
    [
        (("tos", "10.0.0.3", "9", "0xb8"), ("voice",)),
        (("tos", "fd10::3", "9", "0xb8"), ("voice",)),
        (("tos", "10.0.0.2", "80", "0xb8"), ("voice",)),  # the first that matches
        (("tos", "10.0.0.2", "80", "0"), ("web",)),
        (("tos", "fd10::3", "8007", "0"), ("web",)),
        (("tos", "10.0.0.3", "5000", "0"), ("both",)),
    ],
)
def test_the_first_that_matches(lab: Lab, what: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    lab.apply({"a": {"qos": POLICY}})
    lab.world.ping(what[1], netns="a")
    with ten_in(lab, lab.ifname("qos-a"), minor(*wanted)):
        send(lab, "a", *what)


@pytest.mark.parametrize("address", ["10.0.0.2", "fd10::2"])
def test_what_is_its_parents_and_no_parts_is_in_the_rest(lab: Lab, address: str) -> None:
    lab.apply({"a": {"qos": POLICY}})
    lab.world.ping(address, netns="a")
    with ten_in(lab, lab.ifname("qos-a"), minor("host", "")):
        send(lab, "a", "tos", address, "5001", "0")


INNER = "0800" + "45b80028000000004011" + "0000" + "0a000001" + "0a000003" + "00" * 40
"""An IPv4 packet that says EF."""


def frame(ethertype: str, payload: str = "00" * 60) -> str:
    return "ff" * 6 + "020000000001" + ethertype + payload


ODD = {
    "another address": ("tos", "10.0.0.3", "9", "0"),
    "arp": ("frame", "a", frame("0806")),
    "three tags": ("frame", "a", frame("88a8", "0005" + "8100" + "0006" + "8100" + "0007" + INNER)),
    "no type that anybody knows": ("frame", "a", frame("88b5")),
}


@pytest.mark.parametrize("what", ODD.values(), ids=ODD.keys())
def test_all_else_is_the_default(lab: Lab, what: tuple[str, ...]) -> None:
    lab.apply({"a": {"qos": POLICY}})
    lab.world.ping("10.0.0.3", netns="a")
    with ten_in(lab, lab.ifname("qos-a"), DEFAULT):
        send(lab, "a", *what)


def test_what_is_in_a_tag_counts_where_the_kernel_took_it_off(lab: Lab) -> None:
    """On receiving, before any hook."""
    lab.apply({"a": {"qos": POLICY}})
    with ten_in(lab, lab.ifname("qos-a"), minor("voice")):
        send(lab, "a", "frame", "a", frame("8100", "0005" + INNER))


TWO_TAGS = ("frame", "a", frame("88a8", "0005" + "8100" + "0006" + INNER))
LOOKS_BEHIND_A_TAG = {"6.1": False, "6.18": False, "7.2": True}
"""Kernels that were tried, and whether nftables there sees what is behind a tag within a frame."""


def test_a_second_tag_hides_what_is_inside_where_nftables_does_not_look_behind_it(lab: Lab) -> None:
    """By a witness beside ours, and as it is known of this kernel."""
    lab.apply({"a": {"qos": POLICY}})
    device = lab.ifname("a")
    hook = f'type filter hook ingress device "{device}" priority -9;'
    witness = f"table netdev witness {{ chain c {{ {hook} meta protocol ip ip dscp ef counter\n }}\n }}"
    lab.world.run("nft", witness, netns=TENANT)
    send(lab, "a", *TWO_TAGS)
    told = lab.world.run("nft", "list", "table", "netdev", "witness", netns=TENANT).stdout
    sees = "packets 10 " in told
    assert sees or "packets 0 " in told
    assert sees == LOOKS_BEHIND_A_TAG.get(".".join(os.uname().release.split(".")[:2]), sees)
    with ten_in(lab, lab.ifname("qos-a"), minor("voice") if sees else DEFAULT):
        send(lab, "a", *TWO_TAGS)


@pytest.mark.needs("vlan")
def test_what_a_vlan_of_the_link_sends_counts_by_what_is_inside(lab: Lab) -> None:
    """Its tag stands beside the frame until the queue is behind it."""
    policy = {"egress": {"ceil": "20mbit", "classes": {"voice": CLASSES["voice"]}}}
    links = {
        "x": {"kind": "veth", "peer": "y", "qos": policy},
        "x5": {"kind": "vlan", "link": "x", "vid": 5, "addresses": ["10.7.0.1/24"]},
    }
    lab.apply(namespaces={"n": {"links": links}})
    lab.world.run("ip", "-n", "n", "neigh", "add", "10.7.0.2", "lladdr", "02:00:00:00:00:02", "dev", "x5")
    with ten_in(lab, "x", minor("voice"), "n"):
        send(lab, "n", "tos", "10.7.0.2", "9", "0xb8")


@pytest.mark.parametrize("way", ["egress", "ingress"])
def test_a_forged_priority_chooses_nothing(lab: Lab, way: str) -> None:
    """From inside the port, and from a fellow on its network."""
    lab.apply({"a": {"qos": {way: {"ceil": "20mbit", "classes": {"voice": CLASSES["voice"]}}}}})
    ifname = lab.ifname("qos-a" if way == "egress" else "a")
    voice = next(one for of, one in lab.classes(ifname).items() if of == minor("voice"))
    major, number = (int(part, 16) for part in voice.classid.split(":"))
    sender, address = ("a", "10.0.0.2") if way == "egress" else ("b", "10.0.0.1")
    lab.world.ping(address, netns=sender)
    with ten_in(lab, ifname, DEFAULT):
        send(lab, sender, "forged", address, "9", str(major << 16 | number))


def test_a_forged_priority_on_a_link_of_its_own_chooses_nothing(lab: Lab) -> None:
    """Where the socket stands on the shaped link itself, nothing between would take the priority away."""
    policy = {"egress": {"ceil": "20mbit", "classes": {"voice": CLASSES["voice"]}}}
    links = {"x": {"kind": "veth", "peer": "y", "addresses": ["10.7.0.1/24"], "qos": policy}}
    lab.apply(namespaces={"n": {"links": links}})
    lab.world.run("ip", "-n", "n", "neigh", "add", "10.7.0.2", "lladdr", "02:00:00:00:00:02", "dev", "x")
    voice = lab.classes("x", "n")[minor("voice")]
    major, number = (int(part, 16) for part in voice.classid.split(":"))
    with ten_in(lab, "x", DEFAULT, "n"):
        send(lab, "n", "forged", "10.7.0.2", "9", str(major << 16 | number))


def test_a_mark_is_seen_where_the_machine_sends(lab: Lab) -> None:
    classes = {"tagged": {"match": {"mark": "0x10/0xf0"}, "rate": "1mbit"}}
    policy = {"egress": {"ceil": "20mbit", "classes": classes}}
    links = {"x": {"kind": "veth", "peer": "y", "addresses": ["10.7.0.1/24"], "qos": policy}}
    lab.apply(namespaces={"n": {"links": links}})
    lab.world.run("ip", "-n", "n", "neigh", "add", "10.7.0.2", "lladdr", "02:00:00:00:00:02", "dev", "x")
    with ten_in(lab, "x", minor("tagged"), "n"):
        send(lab, "n", "marked", "10.7.0.2", "9", "0x13")
    with ten_in(lab, "x", DEFAULT, "n"):
        send(lab, "n", "marked", "10.7.0.2", "9", "0x23")


@pytest.mark.needs("macvlan")
def test_a_port_that_stands_on_a_link_itself(lab: Lab) -> None:
    lab.world.run("sh", "-c", "ip link add card type veth peer name far && ip link set card up && ip link set far up")
    policy = POLICY | {"ingress": {"ceil": "5mbit"}}
    port = {"network": "w", "attach": {"netns": "m"}, "addresses": ["10.8.0.1"], "qos": policy}
    lab.apply({"m": port}, {"w": {"segment": {"link": "card", "mode": "macvlan"}, "subnets": ["10.8.0.0/24"]}})
    lab.world.run("ip", "-n", "m", "neigh", "add", "10.8.0.2", "lladdr", "02:00:00:00:00:02", "dev", "m")
    with ten_in(lab, "m", minor("voice"), "m"):
        send(lab, "m", "tos", "10.8.0.2", "9", "0xb8")
    assert lab.classes(lab.ifname("qos-m", "m"), "m")["1"].ceil == "5Mbit"
    lab.world.run("weft", "destroy", "-y", "lab")
    lab.file.unlink()
    lab.world.run("ip", "link", "del", "card")


def test_a_changed_match_is_one_element(lab: Lab) -> None:
    lab.apply({"a": {"qos": POLICY}})
    ifname = lab.ifname("qos-a")
    before = lab.classes(ifname)
    changed = CLASSES | {"host": {"match": {"destination": ["10.0.0.3", "fd10::2"]}, "rate": "1mbit"}}
    said = lab.apply({"a": {"qos": {"egress": {"ceil": "20mbit", "classes": changed}}}})
    assert "Kernel objects: 1 to create, 0 to change, 0 to replace, 1 to delete." in said
    assert [one.classid for one in lab.classes(ifname).values()] == [one.classid for one in before.values()]
    lab.world.ping("10.0.0.3", netns="a")
    with ten_in(lab, ifname, minor("host", "")):
        send(lab, "a", "tos", "10.0.0.3", "9", "0")


def test_a_match_that_overlaps_with_what_it_was(lab: Lab) -> None:
    """What is there of a set gives way to what comes, in the same transaction: the kernel takes no two that overlap."""

    def apply(net: list[str], ports: list[Any], **more: Any) -> str:
        classes = {"host": {"match": {"destination": net}, "rate": "1mbit"}}
        classes |= {"web": {"match": {"protocol": "udp", "ports": ports}, "rate": "1mbit"}}
        return lab.apply({"a": {"qos": {"egress": {"ceil": "20mbit", "classes": more | classes}}}})

    apply(["10.0.0.2", "fd10::/64"], [80])
    ifname = lab.ifname("qos-a")
    before = lab.classes(ifname)
    said = apply(["10.0.0.0/28", "fd10::/96"], ["80-90"])
    assert "Kernel objects: 3 to create, 0 to change, 0 to replace, 3 to delete." in said
    assert [one.classid for one in lab.classes(ifname).values()] == [one.classid for one in before.values()]
    lab.world.ping("10.0.0.3", netns="a")
    with ten_in(lab, ifname, minor("host")):
        send(lab, "a", "tos", "10.0.0.3", "9", "0")
    said = apply(["10.0.0.0/29", "fd10::/96", "192.0.2.0/24"], ["85-99"])  # a prefix that overlaps with none, too
    assert "Kernel objects: 3 to create, 0 to change, 0 to replace, 2 to delete." in said
    apply(["10.0.0.0/29"], ["85-99"], first={"match": {"destination": "10.0.0.3"}, "rate": "1mbit"})
    with ten_in(lab, ifname, minor("first")):
        send(lab, "a", "tos", "10.0.0.3", "9", "0")
    apply(["10.0.0.3"], ["85-99"], first={"match": {"destination": "10.0.0.0/24"}, "rate": "1mbit"})
    with ten_in(lab, ifname, minor("first")):
        send(lab, "a", "tos", "10.0.0.3", "9", "0")


@pytest.mark.parametrize("whose", ["ours", "somebody else's"])
def test_a_rule_put_between_others_where_dscps_are_looked_up(lab: Lab, whose: str) -> None:
    """libnftables 1.0.6 ended the process while it read such rules to find the place."""
    dscps = {"match": {"dscp": ["ef", "af41"] if whose == "ours" else "ef"}, "rate": "1mbit"}
    lab.apply({"a": {"qos": {"egress": {"ceil": "20mbit", "classes": {"voice": dscps}}}}})
    if whose != "ours":
        theirs = "add table ip theirs\nadd chain ip theirs in\nadd rule ip theirs in ip dscp { cs1, ef } counter\n"
        lab.world.run("nft", "-f", "-", netns=TENANT, input=theirs)
    classes = {"voice": dscps, "video": {"match": {"dscp": ["cs3", "cs4"]}, "rate": "1mbit"}}
    lab.apply({"a": {"qos": {"egress": {"ceil": "20mbit", "classes": classes}}}})
    lab.world.ping("10.0.0.3", netns="a")
    with ten_in(lab, lab.ifname("qos-a"), minor("video")):
        send(lab, "a", "tos", "10.0.0.3", "9", "0x60")


def test_packets_arrive_with_the_dscp_of_their_class(lab: Lab) -> None:
    classes = {"web": CLASSES["web"] | {"dscp_mark": "af31"}}
    lab.apply({"a": {"qos": {"egress": {"ceil": "20mbit", "dscp_mark": "cs1", "classes": classes}}}})
    for address in ("10.0.0.2", "fd10::2"):
        lab.world.ping(address, netns="a")
        for port, tos in (("80", "0x68"), ("9", "0x20")):
            assert seen_tos(lab, address, port) == tos


def seen_tos(lab: Lab, address: str, port: str) -> str:
    """What tcpdump says at the other end."""
    dump = lab.world.start(
        "tcpdump", "-nvli", "b", "-c", "1", "udp", "and", "dst", "port", port, netns="b", stdout=-1, stderr=-1
    )
    assert dump.stderr is not None
    assert "listening" in dump.stderr.readline()
    send(lab, "a", "tos", address, port, "0")
    said = dump.communicate(timeout=20)[0]
    found = re.search(r"(?:tos|class) (0x[0-9a-f]+)", said)
    assert found, said
    return found[1]


def test_more_packets_than_that_are_dropped(lab: Lab) -> None:
    lab.apply({"a": {"qos": {"egress": {"packets_per_second": 5}}}})
    assert lab.world.ping("10.0.0.2", netns="a", wait_s=20)  # IPv6 asks for its share at first
    flood = lab.world.run("ping", "-n", "-q", "-c", "40", "-i", "0.01", "-W", "1", "10.0.0.2", netns="a", check=False)
    received = int(re.search(r"(\d+) received", flood.stdout)[1])  # type: ignore[index]
    assert received < 20, flood.stdout


def test_lost_packets(lab: Lab) -> None:
    """By whatever this kernel has."""
    lab.apply({"a": {"qos": {"ingress": {"impairment": {"loss": "50%"}}}}})
    lab.world.ping("10.0.0.2", netns="a", wait_s=20)
    flood = lab.world.run("ping", "-n", "-q", "-c", "200", "-i", "0.01", "-W", "1", "10.0.0.2", netns="a", check=False)
    received = int(re.search(r"(\d+) received", flood.stdout)[1])  # type: ignore[index]
    assert 60 < received < 140, flood.stdout
    lab.apply({"a": {"qos": {"ingress": {"impairment": {"loss": "100%"}}}}})
    cut = lab.world.run("ping", "-n", "-q", "-c", "5", "-i", "0.01", "-W", "1", "10.0.0.2", netns="a", check=False)
    assert "5 packets transmitted, 0 received" in cut.stdout, cut.stdout


@pytest.mark.needs("netem")
def test_a_delay_changed_while_packets_flow(lab: Lab) -> None:
    def least_ms() -> float:
        told = lab.world.run("ping", "-n", "-q", "-c", "3", "-i", "0.2", "10.0.0.2", netns="a").stdout
        return float(re.search(r"= ([\d.]+)/", told)[1])  # type: ignore[index]

    lab.apply({"a": {"qos": {"egress": {"impairment": {"delay": "30ms"}}}}})
    assert lab.world.ping("10.0.0.2", netns="a")
    assert least_ms() >= 30
    said = lab.apply({"a": {"qos": {"egress": {"impairment": {"delay": "60ms"}}}}})
    assert "Kernel objects: 0 to create, 1 to change, 0 to replace, 0 to delete." in said
    assert least_ms() >= 60


@pytest.mark.needs("fq_codel", "sfq", "fq", "cake")
@pytest.mark.parametrize("leaf", ["fq_codel", "sfq", "fq", "cake", "pfifo"])
def test_every_queue_is_made_as_it_reads_back(lab: Lab, leaf: str) -> None:
    lab.apply(
        {"a": {"qos": {"egress": {"ceil": "20mbit", "leaf": leaf}, "ingress": {"leaf": leaf, "latency": "20ms"}}}}
    )
    assert lab.world.ping("10.0.0.2", netns="a")
    assert f"qdisc {leaf} " in lab.world.run("tc", "qdisc", "show", "dev", lab.ifname("qos-a"), netns=TENANT).stdout


def test_eight_levels_and_the_slowest_and_the_fastest_rate(lab: Lab) -> None:
    classes: dict[str, Any] = {"c1": {"match": {"dscp": 1}, "ceil": "100gbit"}}
    for level in range(2, 8):
        classes[f"c{level}"] = {"match": {"dscp": level}, "parent": f"c{level - 1}", "ceil": "202bit"}
    lab.apply({"a": {"qos": {"ingress": {"ceil": "1tbit", "classes": classes}}}})
    found = lab.classes(lab.ifname("a"))
    assert found["1"].ceil == "1Tbit"
    assert found[minor("c1")].ceil == "100Gbit"
    assert found[minor(*(f"c{level}" for level in range(1, 8)))].ceil in ("200bit", "202bit")
    lab.world.ping("10.0.0.1", netns="b")
    with ten_in(lab, lab.ifname("a"), DEFAULT):
        send(lab, "b", "tos", "10.0.0.1", "9", "0")
