"""`weft show`: the tree, its states, counters as the kernel has them, and rates of real traffic."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.doors.conftest import Desk
from tests.doors.test_consent import CTRL_C, talk

LAB = """\
weft: 1
name: lab
tenants:
  shop:
    networks:
      front: {subnets: [10.1.0.0/24, "fd01::/64"], uplink: nat}
      back: {subnets: [10.2.0.0/24]}
      far: {segment: {vni: 43, remotes: [192.0.2.9]}}
    ports:
      web: {network: front, attach: {netns: web}}
      vm: {network: front, attach: {tap: {name: vm0}}, addresses: [10.1.0.5, "fd01::5"], mac: 52:54:00:12:34:56}
      db: {network: back, attach: {netns: db}}
      me: {network: back, attach: host}
host:
  links:
    eth0: {existing: true}
    br0: {kind: bridge, members: [left], addresses: [172.20.0.1/24]}
    vx: {kind: vxlan, vni: 42, local: 192.0.2.2, remotes: [192.0.2.9]}
    left: {kind: veth, peer: right}
    asleep: {kind: bridge, up: false}
namespaces:
  lonely: {links: {b: {kind: bridge}}}
"""

WAY_OUT = (
    "link add eth0 type veth peer name wire",
    "link set eth0 up",
    "link set wire up",
    "address add 192.0.2.2/24 dev eth0",
    "route add default via 192.0.2.1",
)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def lab(desk: Desk) -> Desk:
    """A desk with a way out by eth0, and the lab applied."""
    desk.write(LAB)
    for command in WAY_OUT:
        desk.world.run("ip", *command.split())
    desk.weft("apply", "-y")
    return desk


def rows(text: str) -> dict[str, str]:
    """The lines of a tree by what they are of: `port web`."""
    told = (line.lstrip("│├└─ ") for line in text.splitlines()[1:])
    return {" ".join(line.split()[:2]): " ".join(line.split()) for line in told}


def find(topology: Any, name: str, within: str = "ports") -> Any:
    networks = [network for tenant in topology["tenants"] for network in tenant["networks"]]
    listed = {
        "ports": [port for network in networks for port in network["ports"]],
        "networks": networks,
        "routers": [router for tenant in topology["tenants"] for router in tenant["routers"]],
        "host": topology["host"]["links"],
    }[within]
    return next(one for one in listed if one["name"] == name)


def test_the_tree_has_everything_with_its_addresses(lab: Desk) -> None:
    text = lab.weft("show", "lab").stdout
    found = rows(text)
    assert text.startswith("lab\n├─ tenant shop")
    assert found["port web"].startswith("port web up netns web 10.1.0.2/24 fd01::2/64 02:")
    assert found["port vm"].startswith("port vm no carrier tap vm0 10.1.0.5 fd01::5 52:54:00:12:34:56 in ")
    assert found["port me"].startswith("port me up host me 10.2.0.2/24 ")
    assert "nat by wu" in found["router front"] and " as 198.18.0.1/32 fd" in found["router front"]
    assert found["link eth0"].startswith("link eth0 up veth, existing, the way out 192.0.2.2/24")
    assert "veth, in br0" in found["link left"] and found["link vx"].startswith("link vx up vxlan 42")
    assert found["network far"].startswith("network far up bridge wb") and " vxlan 43 mtu 1450" in found["network far"]
    assert found["link asleep"].startswith("link asleep up bridge")  # down as asked
    assert found["namespace lonely"].startswith("namespace lonely up")
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_each_thing_says_what_is_wrong_with_it(lab: Desk) -> None:
    run = lab.world.run
    run("ip", "link", "set", "vm0", "down")
    run("ip", "link", "delete", "me")
    run("ip", "address", "del", "10.1.0.2/24", "dev", "web", netns="web")
    run("ip", "link", "set", "br0", "mtu", "1400")
    run("ip", "route", "del", "default", netns="weft.lab.shop.front")
    seen = lab.json("show")
    conditions = {name: find(seen, name)["condition"] for name in ("web", "vm", "db", "me")}
    assert conditions == {"web": "changed", "vm": "down", "db": "up", "me": "missing"}
    assert find(seen, "br0", "host")["condition"] == "changed"
    assert find(seen, "front", "routers")["condition"] == "changed"
    lab.weft("apply", "-y")
    healed = lab.json("show")
    assert [find(healed, name)["condition"] for name in ("web", "me")] == ["up", "up"]
    assert find(healed, "front", "routers")["condition"] == "up"


def test_counters_are_the_kernels(lab: Desk) -> None:
    assert lab.world.ping("10.2.0.2", netns="db")
    seen = find(lab.json("show"), "db")["traffic"]
    (link,) = lab.world.json("ip", "-j", "-s", "link", "show", "db", netns="db")
    assert 0 < seen["received"]["bytes"] <= link["stats64"]["rx"]["bytes"]
    assert seen["received"]["packets"] >= 2 and seen["sent"]["packets"] >= 2  # ARP and the echo
    assert seen["received"]["rate_bps"] is None


def test_rates_of_what_flows(lab: Desk) -> None:
    ping = lab.world.start("ping", "-q", "-i", "0.02", "-s", "1000", "10.2.0.2", netns="db", stdout=subprocess.DEVNULL)
    done = lab.weft("show", "--format", "json", "--watch", "0.5", "--count", "3")
    ping.kill()
    ping.wait()
    first, *later = (find(json.loads(line), "db")["traffic"] for line in done.stdout.splitlines())
    assert first["sent"]["rate_bps"] is None and len(later) == 2
    assert all(look["sent"]["rate_bps"] > 8 * 1000 and look["received"]["rate_pps"] > 1 for look in later)
    assert later[1]["sent"]["bytes"] > later[0]["sent"]["bytes"] > first["sent"]["bytes"]


def test_a_guest_receives_what_its_tap_sends(lab: Desk) -> None:
    """The tap transmits to whoever has it open: nobody, so what was meant for the guest is counted as lost there."""
    lab.world.run("ping", "-c", "1", "-W", "1", "10.1.0.5", netns="web", check=False)
    traffic = find(lab.json("show"), "vm")["traffic"]
    assert traffic["received"]["lost"] > 0 and traffic["sent"]["lost"] == 0


def test_a_watch_in_a_pipe_tells_rates_too(lab: Desk) -> None:
    text = lab.weft("show", "--watch", "0.2", "--count", "2").stdout
    before, after = text.split("lab\n")[1:]
    assert " B  out " in before and "bit/s" not in before and "bit/s" in after


ALTERNATE_SCREEN = "\x1b[?1049h"


def test_a_watch_on_a_terminal_stays_in_place_and_leaves_its_last_look_behind(lab: Desk) -> None:
    done = talk(lab, "show", "--watch", "0.2", "--count", "3")
    assert done.code == 0 and done.shown.count(ALTERNATE_SCREEN) == 1
    left = done.shown.rpartition("\x1b[?1049l")[2]
    assert "port web" in left and "bit/s" in left and "\x1b[32mup" in left


def test_ctrl_c_ends_a_watch_well(lab: Desk) -> None:
    done = talk(lab, "show", "--watch", asked="port web", answer=CTRL_C)
    assert done.code == 0 and "port web" in done.shown.rpartition("\x1b[?1049l")[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--count", "2"), "--count counts the looks of --watch"),
        (("-o", "json", "--format", "svg"), "two different forms"),
        (("--watch", "lab"), "not a valid float"),
        (("--watch", "0"), "0.1"),
    ],
)
def test_options_that_do_not_go_together(desk: Desk, words: tuple[str, ...], said: str) -> None:
    done = desk.weft("show", *words, code=2)
    assert said in done.stdout + done.stderr


def still(drawing: str) -> str:
    """A picture without its tooltips, which have the counters of the moment."""
    return re.sub(r"<title>.*?</title>", "", drawing, flags=re.S)


def test_the_picture_in_the_documents_is_what_weft_draws(desk: Desk) -> None:
    for command in WAY_OUT:
        desk.world.run("ip", *command.split())
    desk.weft("apply", "-y", "-f", ROOT / "examples/shop-and-dev.yaml")
    drawn = desk.weft("show", "lab", "--format", "svg").stdout
    assert still(drawn) == still((ROOT / "docs/shop-and-dev.svg").read_text())
