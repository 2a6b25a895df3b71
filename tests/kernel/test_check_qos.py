"""`weft check qos` against trees that are as asked for, and against some that somebody broke: each is shown red, and
named.

The machine may be busy, so a tenth is tolerated of what is slow enough for any machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.dump import differences
from tests.kernel.load import TARGET, server
from tests.kernel.outside import host as host
from tests.patience import until
from tests.world import BIN, World

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.needs("htb", "ifb", "nft_fwd", "nft_egress")]

FILE = """
weft: 1
name: lab
qos_policies:
  gold:
    egress:
      ceil: 8mbit
      classes:
        voice: {match: {dscp: ef}, rate: 2mbit, ceil: 4mbit, priority: 0}
        web: {match: {protocol: tcp, ports: [80]}, rate: 4mbit, ceil: 6mbit}
        calls: {match: {protocol: icmp}, rate: 1mbit}
    ingress: {ceil: 8mbit}
  silver:
    egress:
      ceil: 8mbit
      classes:
        voice: {match: {dscp: ef}, rate: 2mbit, ceil: 4mbit, priority: 0}
        web: {match: {protocol: tcp, ports: [80]}, rate: 4mbit, ceil: 6mbit}
tenants:
  shop:
    networks:
      front: {subnets: [10.10.0.0/24]}
      lone: {subnets: [10.11.0.0/24]}
    ports:
      deaf: {network: front, attach: {netns: deaf}, security_groups: []}   # first at hand, and nothing gets in
      web: {network: front, attach: {netns: web}, qos: gold}
      api: {network: front, attach: {netns: api}, qos: silver}
      db: {network: front, attach: {netns: db}}
      vm: {network: front, attach: {tap: {}}, qos: {egress: {ceil: 5mbit}}}
      alone: {network: lone, attach: {netns: alone}, qos: {egress: {ceil: 5mbit}}}
"""
TENANT = "weft.lab.shop"
Class = dict[str, Any]


@dataclass
class Lab:
    """A world with the file applied."""

    world: World
    file: Path

    def check(self, *words: str, code: int | None = None) -> dict[str, Class]:
        """The classes by name: `shop/web egress voice`."""
        brief = ("--seconds", "1", "--tolerance", "10", "-o", "json")
        done = self.world.run("weft", "check", "qos", "-f", self.file, *brief, *words, check=False)
        assert code in (None, done.returncode), f"{done.returncode}\n{done.stdout[-3000:]}{done.stderr}"
        document = json.loads(done.stdout)
        assert "classes" in document, f"{done.returncode}\n{document}\n{done.stderr}"
        return {_name(held): held for held in document["classes"]}

    def clean(self, *words: str) -> dict[str, Class]:
        """The same of a machine that is as it should be: a busy one may take several attempts."""
        for _ in range(4):
            found = self.check(*words)
            if not any(held["faults"] for held in found.values()):
                break
        return found

    def tenant(self, script: str) -> str:
        return self.world.run("sh", "-ec", script, netns=TENANT).stdout


def _name(held: Class) -> str:
    return " ".join(filter(None, (held["carrier"], held["direction"], held["class"])))


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Lab]:
    file = tmp_path / "weft.yaml"
    file.write_text(FILE)
    world.run("weft", "apply", "-y", "-f", file)
    yield Lab(world, file)


def kinds(held: Class) -> set[str]:
    return {fault["kind"] for fault in held["faults"]}


def blamed(held: Class) -> list[tuple[str, str]]:
    """Table and name of what is to blame, the nearest first."""
    return [(suspect["table"], suspect["name"]) for suspect in held["suspects"]]


def test_what_is_as_asked_for_is_clean_and_left_as_it_was(lab: Lab) -> None:
    before = lab.world.dump(settle_s=3)
    found = lab.clean("web", "vm", "alone")
    assert {name: held["clean"] for name, held in found.items()} == {
        "shop/web egress (default)": True,
        "shop/web egress voice": True,
        "shop/web egress web": True,
        "shop/web egress calls": None,
        "shop/web ingress": True,
        "shop/vm egress": None,
        "shop/alone egress": None,
    }
    assert {held["protocol"] for held in found["shop/web egress voice"]["measured"]} == {"tcp", "udp"}
    assert {held["load"] for held in found["shop/web egress voice"]["measured"]} == {"alone", "together"}
    assert differences(before, lab.world.dump(settle_s=3)) == []
    assert lab.world.processes() == [lab.world.pid], "what sent is gone"


def test_what_cannot_be_measured_says_why_and_is_never_green(lab: Lab) -> None:
    told = ("ip", "-j", "link", "show", "dev", "vm")
    until(lambda: lab.world.json(*told)[0]["operstate"] == "DOWN", "the kernel tells that nobody has opened the tap")
    found = lab.check("vm", "alone", code=3)
    assert found["shop/vm egress"]["why"] == "shop/vm is a tap that nobody has opened"
    assert found["shop/alone egress"]["why"].startswith("no other port reaches it")
    assert {held["clean"] for held in found.values()} == {None}
    said = lab.world.run("weft", "check", "qos", "-f", lab.file, "vm", check=False).stdout
    assert "not measurable, shop/vm egress: shop/vm is a tap that nobody has opened" in said
    assert "0 of 1 class as declared, 1 not measurable" in said and said.endswith("Nothing could be measured.\n")


@pytest.mark.needs("netem")
def test_a_bad_line_of_the_other_direction_is_not_told_of_this_one(lab: Lab) -> None:
    """Neither its delay, which what comes back has, nor what TCP does not send because of it."""
    asked = "{egress: {ceil: 8mbit, latency: 20ms}, ingress: {ceil: 8mbit, impairment: {delay: 100ms}}}"
    lab.file.write_text(FILE.replace("netns: api}, qos: silver", f"netns: api}}, qos: {asked}"))
    lab.world.run("weft", "apply", "-y", "-f", lab.file)
    found = lab.clean("api")["shop/api egress"]
    assert found["faults"] == [], found
    delays_us = [held["p50_us"] for held in found["measured"]]
    assert any(delays_us) and all(delay_us is None or delay_us < 60_000 for delay_us in delays_us), found


def halve(lab: Lab, ifname: str, number: str) -> None:
    lab.tenant(f"tc class change dev {ifname} classid {number} htb rate 1mbit ceil 2mbit")


def lose_its_element(lab: Lab, ifname: str, number: str) -> None:
    rules = json.loads(lab.tenant("nft -j list maps netdev"))["nftables"]
    maps = [entry["map"] for entry in rules if "map" in entry]
    [name] = [held["name"] for held in maps if number in json.dumps(held.get("elem"))]
    lab.tenant(f"nft 'delete element netdev weft-lab {name} {{ 80 }}'")


def lengthen_its_queue(lab: Lab, ifname: str, number: str) -> None:
    queues = json.loads(lab.tenant(f"tc -j qdisc show dev {ifname}"))
    [splitter] = [queue["handle"] for queue in queues if queue.get("parent") == number]
    lab.tenant(f"tc qdisc replace dev {ifname} parent {splitter}1 handle 99: pfifo limit 1000")


def class_of(lab: Lab, rate: str) -> tuple[str, str]:
    """Where api's class of that rate is: the ifname, and its number."""
    [device] = [link["ifname"] for link in lab.world.json("ip", "-j", "-n", TENANT, "link") if "qos-api" in str(link)]
    return device, re.search(rf"class htb (\S+) .* rate {rate} ", lab.tenant(f"tc class show dev {device}"))[1]  # type: ignore[index]


BROKEN: dict[str, tuple[str, str, Callable[[Lab, str, str], None], set[str], str]] = {
    "a class halved": ("voice", "2Mbit", halve, {"below ceil", "below guarantee"}, "class"),
    "an element deleted": ("web", "4Mbit", lose_its_element, {"in another class", "nothing counted"}, "nft-element"),
    "a queue replaced": ("voice", "2Mbit", lengthen_its_queue, set(), "qdisc"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_somebody_broke_is_red_and_named(lab: Lab, what: str) -> None:
    name, rate, breaks, expected, table = BROKEN[what]
    breaks(lab, *class_of(lab, rate))
    found = lab.check("api", code=3)
    broken = found[f"shop/api egress {name}"]
    assert not broken["clean"]
    assert bool(kinds(broken) & expected) == bool(expected)
    assert blamed(broken)[0][0] == table
    assert broken["suspects"][0]["where"].startswith(f"{lab.file}:")
    if table == "nft-element":
        assert "its packets were counted in shop/api egress (default)" in {fault["told"] for fault in broken["faults"]}
    lab.world.run("weft", "apply", "-y", "-f", lab.file)
    assert lab.world.run("weft", "status", "-f", lab.file).returncode == 0, "and mended by an apply"


SHARED = """
weft: 1
name: lab
host: {links: {up0: {existing: true, capacity: 8mbit}}}
tenants:
  red:
    networks: {n: {subnets: [10.10.0.0/24], uplink: nat}}
    ports:
      p4: {network: n, attach: {netns: p4}, qos: {egress: {rate: 4mbit, ceil: 8mbit}}}
      p2: {network: n, attach: {netns: p2}, qos: {egress: {rate: 2mbit, ceil: 8mbit}}}
"""


def test_guarantees_of_what_leaves_the_machine(host: World, tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text(SHARED)
    lab = Lab(host, tmp_path / "weft.yaml")
    host.run("weft", "apply", "-y", "-f", lab.file)
    assert lab.check("p2", code=0)["red/p2 egress by up0"]["why"].startswith("it is of what leaves the machine")
    servers = [server(host, 5301), server(host, 5302)]
    try:
        found = lab.clean("--peer", f"{TARGET}:5301")
        shared = {name: held for name, held in found.items() if name.endswith("by up0")}
        assert {name: held["clean"] for name, held in shared.items()} == dict.fromkeys(shared, True)
        assert {name: held["rate_bps"] for name, held in shared.items()} == {
            "red/p4 egress by up0": 4_000_000,
            "red/p2 egress by up0": 2_000_000,
        }
        assert all("together" in {seen["load"] for seen in held["measured"]} for held in shared.values())
        number = shared["red/p4 egress by up0"]["number"]
        host.run("tc", "class", "change", "dev", "up0", "classid", number, *"htb rate 1mbit ceil 2mbit".split())
        broken = lab.check("--peer", f"{TARGET}:5301", code=3)["red/p4 egress by up0"]
    finally:
        for one in servers:
            one.kill()
            one.wait()
    assert {"below ceil", "below guarantee"} <= kinds(broken)
    assert blamed(broken)[0] == ("class", f"up0 {number}")


CREEP = "{egress: {ceil: 8mbit, classes: {creep: {match: {dscp: cs1}, rate: 8kbit}}}}"


def test_a_class_too_slow_to_be_told_from_none_is_not_judged(lab: Lab) -> None:
    lab.file.write_text(FILE.replace("netns: api}, qos: silver", f"netns: api}}, qos: {CREEP}"))
    lab.world.run("weft", "apply", "-y", "-f", lab.file)
    found = lab.clean("api")
    creep = found["shop/api egress creep"]
    assert creep["why"] == "in 1 s it may send 0.66 packets of 1514 bytes; `--seconds` for more"
    assert creep["clean"] is None and creep["measured"] == [] and found["shop/api egress (default)"]["clean"]


SLOW = "{egress: {ceil: 250kbit, classes: {web: {match: {protocol: tcp, ports: [80]}, rate: 64kbit, ceil: 64kbit}}}}"


def test_slow_classes_are_measured_whole(lab: Lab) -> None:
    """The end of iperf3 itself would wait in them, behind what it sent."""
    lab.file.write_text(FILE.replace("netns: api}, qos: silver", f"netns: api}}, qos: {SLOW}"))
    lab.world.run("weft", "apply", "-y", "-f", lab.file)
    found = lab.clean("api")
    assert {name: held["clean"] for name, held in found.items()} == dict.fromkeys(found, True), found
    measured = [seen for held in found.values() for seen in held["measured"]]
    assert all(seen["note"] is None and seen["goodput_bps"] is not None for seen in measured), measured


GONE = """
weft: 1
name: lab
qos_policies: {lim: {egress: {ceil: 5mbit}, ingress: {ceil: 5mbit}}}
host:
  links:
    card: {existing: true, qos: lim}
    mv: {kind: macvlan, link: up0, qos: {egress: {ceil: 5mbit, classes: {ssh: {match: {protocol: tcp, ports: [22]}}}}}}
    up0: {existing: true, capacity: 8mbit}
tenants:
  red:
    networks:
      n: {subnets: [10.10.0.0/24], uplink: nat}
      m: {subnets: [10.11.0.0/24], segment: {link: card, mode: macvlan}}
    ports:
      p4: {network: n, attach: {netns: p4}, qos: {egress: {rate: 4mbit, ceil: 8mbit}}}
      p2: {network: n, attach: {netns: p2}}
      m1: {network: m, attach: {netns: m1}, qos: lim}
      no: {network: n, attach: {pidfile: /run/nobody}, qos: lim}
"""


def test_what_stands_on_a_link_that_is_gone_is_missing_and_the_rest_measured(host: World, tmp_path: Path) -> None:
    host.run("ip", "link", "add", "card", "up", "type", "veth", "peer", "name", "far", "netns", "outside")
    (tmp_path / "weft.yaml").write_text(GONE)
    lab = Lab(host, tmp_path / "weft.yaml")
    host.run("weft", "apply", "-y", "-f", lab.file)
    host.run("sh", "-ec", "ip link del card; ip link del up0")
    found = lab.clean("p4")
    assert found["red/p4 egress"]["clean"] is True
    done = host.run("weft", "check", "qos", "-f", lab.file, "red/m1", "card", "mv", "no", "-o", "json", check=False)
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    lines = {one["what"]: one["where"].rpartition("weft.yaml:")[2].partition(":")[0] for one in told["missing"]}
    assert lines == {
        "card egress": "7",
        "card ingress": "7",
        "mv egress (default)": "8",
        "mv egress ssh": "8",
        "red/m1 egress": "18",
        "red/m1 ingress": "18",
        "red/no": "19",
    }
    assert told["classes"] == [] and told["clean"] is False and told["counts"]["missing"] == 7
    shown = host.run("weft", "qos", "show", check=False).stdout
    assert "port red/p4  egress" in shown, "what is there is shown, whatever else of it is gone"
    assert "not weft's" not in shown, "what the card received has left its link"


def test_it_needs_iperf3(lab: Lab) -> None:
    done = lab.world.run("/bin/sh", "-c", f"PATH=/nowhere exec {BIN}/weft check qos -f {lab.file}", check=False)
    assert done.returncode == 5
    assert "iperf3 is not installed" in done.stderr and "the package is called iperf3" in done.stderr


def test_what_is_not_applied_is_not_measured(world: World, tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text(FILE)
    done = world.run("weft", "check", "qos", "-f", tmp_path / "weft.yaml", check=False)
    assert done.returncode == 2 and "nothing of it is applied here" in done.stderr and not done.stdout


def test_a_name_that_nobody_has(lab: Lab) -> None:
    done = lab.world.run("weft", "check", "qos", "-f", lab.file, "wbe", "db", check=False)
    assert done.returncode == 2
    assert "wbe: no port or link with a policy" in done.stderr and "db: no port or link with a policy" in done.stderr
