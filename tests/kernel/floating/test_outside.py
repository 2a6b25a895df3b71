"""`weft check reach --external` asks from outside, beside the link of the external network: clean as asked for, each
fault red and named, nothing left. The real machine behind the link, `world`, says the same."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import closing
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.floating.shop import DB4, FORWARDS, WEB, WEB4, WEB6, shop
from tests.kernel.floating.test_check import DNS, EDGE, SSH, blamed, check, differing
from tests.kernel.groups.lab import Lab
from tests.patience import until
from weft.backends import outsider
from weft.backends.outsider import CannotStand, Outsider
from weft.netlink.namespaces import Namespaces

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_egress")]

CLOSED4 = "203.0.113.30"
OPEN, CLOSED = '"fd00:10::10"]}\n    floating_ips: {203', '"fd00:10::10"], security_groups: []}\n    floating_ips: {203'
FILE = shop(
    WEB, f"{DB4}: {{network: internet, port: db}}", FORWARDS, dev=f"{CLOSED4}: {{network: internet, port: ci}}"
).replace(OPEN, CLOSED)
AS4, AS6 = "203.0.113.77", "2001:db8:1::77"
AS = ("--external", AS4, "--external", AS6)
WHO = "outside internet"
MAC = "02:00:00:00:00:77"


def outside(lab: Lab, *words: str, code: int = 0, who: str = WHO) -> dict[str, dict[str, Any]]:
    """What was asked from there, by who was asked."""
    return {pair["to"]: pair for pair in check(lab, *AS, *words, code=code)["pairs"] if pair["from"] == who}


def world_reaches(lab: Lab, address: str) -> bool:
    """The machine behind the link."""
    lab.world.run("ip", "neigh", "flush", "all", netns="world")
    return lab.world.ping(address, netns="world", wait_s=2)


def way(lab: Lab, address: str) -> dict[str, Any]:
    """The host's route to it."""
    (found,) = lab.world.json("ip", "-j", "route", "show", "table", "main", "exact", f"{address}/32")
    return dict(found)


def test_somebody_outside_asks_all_there_is_and_leaves_nothing(lab: Lab) -> None:
    lab.apply(FILE)
    assert check(lab)["not_asked_from"] == ["internet"]
    before = lab.world.dump(settle_s=3)
    found = check(lab, *AS)
    (who,) = (port for port in found["ports"] if port["name"] == WHO)
    assert (who["addresses"], who["external"], who["netns"]) == ([AS4, AS6], "internet", None)
    assert found["clean"] and found["not_asked_from"] == []
    asked = {pair["to"]: pair for pair in found["pairs"] if pair["from"] == WHO}
    reached = (f"shop/{WEB4}", f"shop/{WEB6}", f"shop/{DB4}", SSH, DNS, "shop/2001:db8:1::11 tcp/2201-2203")
    routers = ("shop/203.0.113.5 router edge", "dev/2001:db8:1::6 router edge")
    for name in (*reached, *routers):
        assert (asked[name]["expected"], asked[name]["clean"]) == ("reach", True), asked[name]
    assert set(asked[f"shop/{WEB6}"]["families"][0]["reached"]) == {"icmp", "mtu", "tcp", "udp"}
    closed = asked[f"dev/{CLOSED4}"]["families"][0]
    assert asked[f"dev/{CLOSED4}"]["clean"] and not any(closed["reached"].values()) and closed["filtered"]
    assert not any(name in asked for name in ("shop/web", "shop/db", "host"))
    of_port = check(lab, *AS, "--port", "shop/web")
    asked = {pair["to"]: pair["clean"] for pair in of_port["pairs"] if pair["from"] == WHO}
    forwarded = "shop/203.0.113.11 tcp/2201-2203", "shop/2001:db8:1::11 tcp/2201-2203"
    assert asked == dict.fromkeys((f"shop/{WEB4}", f"shop/{WEB6}", *forwarded), True)
    assert (of_port["not_asked_from"], of_port["nothing_to_ask_from"]) == ([], [])
    assert differences(before, lab.world.dump(settle_s=3)) == []
    left = lab.world.run("ip", "neigh", "show", "dev", "ext0").stdout
    assert AS4 not in left and AS6 not in left


def test_each_fault_is_named_by_its_object(lab: Lab) -> None:
    lab.apply(FILE)
    lab.world.run("ip", "neigh", "del", "proxy", DB4, "dev", "ext0")
    assert not world_reaches(lab, DB4) and world_reaches(lab, WEB4)
    red = differing(check(lab, *AS, code=3))
    assert {target: [pair["from"] for pair in pairs] for target, pairs in red.items()} == {f"shop/{DB4}": [WHO]}
    assert blamed(red[f"shop/{DB4}"]) == {("missing", "neighbour", "", f"ext0 proxy {DB4}")}
    assert red[f"shop/{DB4}"][0]["suspects"][0]["where"].startswith(f"{lab.file}:")
    lab.apply(FILE)
    lab.world.run("nft", "delete element inet weft-lab forwards4 { 203.0.113.11 . tcp . 2222 }", netns=EDGE)
    lab.world.run("nft", f"delete element inet weft-lab floating6 {{ {WEB6} }}", netns=EDGE)
    asked = {name: pair for name, pair in outside(lab, code=3).items() if not pair["clean"]}
    assert set(asked) == {SSH, f"shop/{WEB6}"}
    for name, element in ((SSH, "forwards4 203.0.113.11 . 6 . 2222"), (f"shop/{WEB6}", f"floating6 {WEB6}")):
        first = asked[name]["suspects"][0]
        assert (first["drift"], first["table"], first["netns"]) == ("missing", "nft-element", EDGE)
        assert first["name"].endswith(element)
    lab.apply(FILE)
    lab.world.run("ip", "neigh", "replace", "proxy", DB4, "dev", "ext0")
    route = way(lab, WEB4)
    turned = ("via", "inet6", "fe80::99", "dev", route["dev"], "proto", route["protocol"])
    lab.world.run("ip", "route", "replace", f"{WEB4}/32", *turned)
    assert not world_reaches(lab, WEB4)
    asked = {name: pair for name, pair in outside(lab, code=3).items() if not pair["clean"]}
    assert set(asked) == {f"shop/{WEB4}"}
    first = asked[f"shop/{WEB4}"]["suspects"][0]
    assert (first["drift"], first["table"], first["name"]) == ("changed", "route", f"{WEB4}/32 table 254 metric 0")


def test_what_should_be_closed_and_is_not(lab: Lab) -> None:
    lab.apply(FILE)
    lab.world.run("nft", "insert rule bridge weft-lab receiving accept", netns="weft.lab.dev")
    pair = outside(lab, code=3)[f"dev/{CLOSED4}"]
    assert pair["clean"] is False and pair["told"].startswith("reaches by ") and "should not" in pair["told"]
    assert pair["suspects"][0]["table"] == "nft-chain" and pair["suspects"][0]["netns"] == "weft.lab.dev"


def test_a_bridge_is_asked_by_as_it_is(lab: Lab) -> None:
    """Of somebody else's, with the wire as its port; it gets no port, and keeps its MAC."""
    made = "ip link add br0 type bridge; ip link set ext0 master br0; ip link set br0 up"
    lab.world.run("sh", "-ec", f"{made}; ip addr add 203.0.113.2/24 dev br0")
    lab.apply(FILE.replace("link: ext0", "link: br0"))
    assert world_reaches(lab, WEB4)
    before = lab.world.dump(settle_s=3)
    assert outside(lab)[f"shop/{WEB4}"]["clean"]
    assert differences(before, lab.world.dump(settle_s=3)) == []
    lab.world.run("ip", "neigh", "del", "proxy", WEB4, "dev", "br0")
    assert not outside(lab, code=3)[f"shop/{WEB4}"]["clean"] and not world_reaches(lab, WEB4)


def test_whose_address_it_is_not(lab: Lab) -> None:
    lab.apply(FILE)
    lab.world.run("ip", "addr", "add", "203.0.113.88/24", "dev", "ext1", netns="world")
    lab.world.run("ip", "addr", "add", "203.0.113.3/24", "dev", "ext0")
    for address, told in (
        ("192.0.2.77", "it is in no external network"),
        ("203.0.113.1", "the gateway of internet"),
        (WEB4, "a floating IP"),
        ("203.0.113.3", "the host's, on ext0"),
        ("203.0.113.5", "answered for on ext0"),
        ("203.0.113.77/24", "without prefix length"),
    ):
        refused = lab.world.run("weft", "check", "-f", lab.file, "--external", address, check=False)
        assert refused.returncode == 2 and told in refused.stderr, refused.stderr
    assert lab.world.ping("203.0.113.88")
    found = check(lab, "--external", "203.0.113.88")
    (why,) = {pair["why"] for pair in found["pairs"] if pair["from"] == WHO and pair["to"] == f"shop/{WEB4}"}
    mac = lab.world.json("ip", "-j", "link", "show", "ext1", netns="world")[0]["address"]
    assert why == f"203.0.113.88 is somebody's on ext0, at {mac}: say one that nobody has"
    assert found["clean"] and found["counts"]["not_measurable"] > 0


def test_nothing_stays_when_it_is_killed(lab: Lab) -> None:
    lab.apply(FILE)
    before = lab.world.dump(settle_s=3)
    for sign in ("ip -o link show type veth | grep ': wo.*n0'", "nft list tables | grep weft_outside"):
        words = ("weft", "check", "reach", "-f", lab.file, *AS)
        asking = lab.world.start(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while lab.world.run("sh", "-c", sign, check=False).returncode:
            assert time.monotonic() < deadline and asking.poll() is None, sign
        asking.send_signal(signal.SIGKILL)
        asking.wait()
        until(lambda: differences(before, lab.world.dump()) == [], "what was before")
    assert outside(lab)[f"shop/{WEB4}"]["clean"]
    assert AS4 not in lab.world.run("ip", "neigh", "show", "dev", "ext0").stdout, "what a killed one left is taken away"


def test_two_who_ask_at_once_are_not_in_each_others_way(lab: Lab) -> None:
    """Each with addresses of its own; the same ones are refused."""
    lab.apply(FILE)
    with lab.world.inside(), closing(Namespaces()) as namespaces:

        def stands(number: int, *addresses: str) -> Outsider:
            return Outsider(namespaces, "ext0", MAC, addresses, number)

        with stands(0, AS4, AS6) as one, stands(1, "203.0.113.78", "2001:db8:1::78") as other:
            for asking, address in ((one, WEB4), (other, WEB4), (one, WEB6), (other, WEB6)):
                assert pings(asking, address)
            with pytest.raises(CannotStand, match=f"another weft asks as {AS4} on ext0"), stands(2, AS4):
                pass
        with stands(0, AS4) as again:
            assert pings(again, WEB4)


def pings(asking: Outsider, address: str) -> bool:
    where = f"--net=/proc/{os.getpid()}/fd/{asking.netns_fd}"
    words = ("nsenter", where, "ping", "-c", "1", "-W", "5", address)
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_where_nobody_can_be_put(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why is said, nothing is half made, and nothing is called clean."""
    lab.apply(FILE)
    lab.world.run("ip", "link", "set", "ext1", "down", netns="world")
    found = check(lab, *AS, "--port", WEB4)
    (why,) = {pair["why"] for pair in found["pairs"] if pair["from"] == WHO}
    assert why == "ext0 is down, or has no carrier: nobody is behind it" and found["counts"]["not_measurable"] == 1
    lab.world.run("ip", "link", "set", "ext1", "up", netns="world")
    with lab.world.inside(), closing(Namespaces()) as namespaces:
        with pytest.raises(CannotStand, match="lo is no Ethernet"), Outsider(namespaces, "lo", MAC, [AS4]):
            pass
        with pytest.raises(CannotStand, match="the host has no link gone"), Outsider(namespaces, "gone", MAC, [AS4]):
            pass
        monkeypatch.setattr(outsider, "LAST", "no priority")
        with pytest.raises(CannotStand, match="no egress hook"), Outsider(namespaces, "ext0", MAC, [AS4]):
            pass
    assert ": wo" not in lab.world.run("ip", "-o", "link").stdout
    assert "weft_outside" not in lab.world.run("nft", "list", "tables").stdout
