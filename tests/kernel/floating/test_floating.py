"""Floating IPs with real traffic: from outside, from inside, of both families; what they are made of, and drift."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest

from tests.kernel.external import BEYOND4, BEYOND6
from tests.kernel.floating.shop import DB, DB4, FORWARD4, FORWARD6, FORWARDS, HEAD, WEB, WEB4, WEB6, heard, shop
from tests.kernel.groups.lab import Lab
from tests.patience import until

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[3]
ROUTER = "weft.lab.shop.edge"
ALL = (WEB, DB, FORWARDS)
SERVICES = ("tcp/80", "udp/53")


def asked(address: str, *services: str) -> list[str]:
    return [f"{service.split('/')[0]}/{address}/{service.split('/')[1]}" for service in services]


def is_refused(lab: Lab, address: str) -> bool:
    """Whether somebody says that nobody is there."""
    return "nreachable" in lab.world.run("ping", "-n", "-c1", "-W1", address, netns="world", check=False).stdout


@pytest.fixture
def open_shop(lab: Lab) -> Lab:
    """With everything applied, and everybody listening."""
    lab.apply(shop(*ALL))
    lab.listen("web", *SERVICES, "tcp/21", "tcp/23")
    lab.listen("db", "tcp/22", "tcp/80")
    lab.listen("api", "udp/5000", "udp/5009", "udp/5010")
    return lab


def test_from_outside_and_out(lab: Lab) -> None:
    before = lab.world.dump(settle_s=5)
    lab.apply(shop(*ALL))
    world = lab.world
    lab.listen("web", *SERVICES, "tcp/21", "tcp/23")
    lab.listen("db", "tcp/22", "tcp/80")
    lab.listen("api", "udp/5000", "udp/5009", "udp/5010")
    for web, forward in ((WEB4, FORWARD4), (WEB6, FORWARD6)):
        assert world.ping(web, netns="world")
        lab.demand(
            "world",
            passes=(
                *asked(web, *SERVICES),
                *asked(forward, "tcp/2222", "tcp/2201", "tcp/2203", "udp/5000", "udp/5009"),
            ),
            stops=(*asked(web, "tcp/22"), *asked(forward, "tcp/22", "tcp/2202", "tcp/80", "udp/5010", "udp/2222")),
        )
    for forward in (FORWARD4, FORWARD6):  # of such answers the kernel gives few in a second
        until(partial(is_refused, lab, forward), f"{forward} says that nobody is there")
    for netns, target, seen in (
        ("web", BEYOND4, WEB4),
        ("web", BEYOND6, WEB6),
        ("api", BEYOND4, "203.0.113.5"),
        ("api", BEYOND6, "2001:db8:1::5"),
    ):
        with heard(world, f"src {seen} and dst {target}") as lines:
            assert world.ping(target, netns=netns)
        assert lines, f"{netns} speaks as {seen}"
    assert "nothing to do" in world.run("weft", "apply", "-y", "-f", lab.file).stdout.lower()
    for started in lab.listening:
        started.kill()
    world.run("weft", "destroy", "-y", "lab")
    assert world.dump(settle_s=5) == before


BY_A_PORT = (
    HEAD
    + """
  shop:
    networks:
      front: {subnets: [{cidr: 10.10.0.0/24, gateway: 10.10.0.5}, {cidr: "fd00:10::/64", gateway: "fd00:10::5"}]}
    routers: {edge: {interfaces: [{port: leg}], gateway: internet}}
    ports:
      leg: {network: front, attach: router, addresses: [10.10.0.5, "fd00:10::5"]}
      web: {network: front, attach: {netns: web}}
      api: {network: front, attach: {netns: api}}
    floating_ips: {%s}
"""
)


def test_a_router_that_joins_the_network_by_a_port(lab: Lab) -> None:
    lab.apply(BY_A_PORT % WEB)
    for web, beyond in ((WEB4, BEYOND4), (WEB6, BEYOND6)):
        assert lab.world.ping(web, netns="world")
        assert lab.world.ping(web, netns="api"), "from inside, by the router and back"
        with heard(lab.world, f"src {web} and dst {beyond}") as lines:
            assert lab.world.ping(beyond, netns="web")
        assert lines, f"web speaks as {web}"
    assert "nothing to do" in lab.world.run("weft", "apply", "-y", "-f", lab.file).stdout.lower()


@pytest.mark.parametrize(
    ("asking", "seen4", "seen6"),
    [
        ("api", "203.0.113.5", "2001:db8:1::5"),
        ("web", WEB4, WEB6),
        ("db", DB4, "2001:db8:1::20"),
        ("ci", "203.0.113.6", "2001:db8:1::6"),
    ],
    ids=["same bridge", "itself", "other bridge", "other tenant"],
)
def test_hairpins(open_shop: Lab, asking: str, seen4: str, seen6: str) -> None:
    """Everybody inside reaches what everybody outside reaches, and is seen by an address that answers find back."""
    for web, forward, seen in ((WEB4, FORWARD4, seen4), (WEB6, FORWARD6, seen6)):
        assert open_shop.world.ping(web, netns=asking)
        with heard(open_shop.world, f"src {seen} and port 80", "web", "web") as lines:
            open_shop.demand(
                asking,
                passes=(*asked(web, *SERVICES), *asked(forward, "tcp/2222", "tcp/2201", "udp/5000")),
                stops=asked(forward, "tcp/22"),
            )
        assert lines, f"{asking} is seen as {seen}"


def test_from_the_host_and_by_check(open_shop: Lab) -> None:
    world = open_shop.world
    for web, forward in ((WEB4, FORWARD4), (WEB6, FORWARD6)):
        assert world.ping(web)
        passes = (*asked(web, *SERVICES), *asked(forward, "tcp/2222", "tcp/2201", "udp/5000"))
        told = world.run("python3", "tests/kernel/groups/talk.py", "ask", "8", *passes)
        assert json.loads(told.stdout) == dict.fromkeys(passes, True)
    done = world.run("weft", "check", "reach", "-f", open_shop.file, "-o", "json", check=False)
    found = json.loads(done.stdout)
    assert done.returncode == 0, [pair["told"] for pair in found["pairs"] if pair["told"]]
    pairs = {(pair["from"], pair["to"]): pair for pair in found["pairs"]}
    for asking in ("shop/web", "shop/api", "shop/db", "dev/ci"):
        for floating in (WEB4, WEB6, DB4):
            pair = pairs[asking, f"shop/{floating}"]
            assert pair["expected"] == "reach" and all(pair["families"][0]["reached"].values()), (asking, floating)
    assert not any(pair["from"].endswith(WEB4) for pair in found["pairs"]), "a floating IP asks nobody"

    world.run("nft", f"delete element inet weft-lab floating4 {{ {WEB4} }}", netns=ROUTER)
    status = open_shop.status()
    assert status.returncode == 3 and "tenants.shop.floating_ips.203.0.113.10" in status.stdout
    red = world.run("weft", "check", "reach", "-f", open_shop.file, "--port", WEB4, check=False)
    assert red.returncode == 3 and f"shop/web -> shop/{WEB4}" in red.stdout and f"floating4 {WEB4}" in red.stdout
    open_shop.apply(shop(*ALL))
    assert world.ping(WEB4, netns="world")


def test_the_example(lab: Lab) -> None:
    """As it is, but for the link."""
    lab.world.run("sh", "-c", "ip link set ext0 down; ip link set ext0 name eth1; ip link set eth1 up")
    lab.apply((ROOT / "examples/floating-ips.yaml").read_text())
    lab.listen("web", "tcp/80", "tcp/22", "udp/50099")
    lab.listen("db", "tcp/22")
    for web in (WEB4, WEB6):
        lab.demand("world", passes=asked(web, "tcp/80"), stops=asked(web, "tcp/81"))
    lab.demand("world", passes=asked(FORWARD4, "tcp/2201", "tcp/2202"), stops=asked(FORWARD4, "udp/50099"))
    assert not lab.world.ping("203.0.113.12", netns="world", wait_s=0), "kept for later"
    shown = lab.world.run("weft", "show", "public").stdout
    assert f"at {WEB4}, {WEB6}, {FORWARD4} tcp/2201, {FORWARD4} udp/50000-50099" in shown
    assert f"at {FORWARD4} tcp/2202" in shown


def handles(lab: Lab) -> dict[str, str]:
    """Of all rules and sets of the router, and what the rules have counted."""
    text = lab.world.run("nft", "-a", "list", "table", "inet", "weft-lab", netns=ROUTER).stdout
    found = re.findall(r"^\t+((?:chain|map|set) \S+|[a-z].*?)(?: \{)? # handle (\d+)$", text, re.M)
    return dict(found)


def test_one_more_rewrites_nothing(lab: Lab) -> None:
    lab.apply(shop(WEB))
    before = handles(lab)
    assert len(before) > 12
    index = lab.world.run("ip", "-o", "link", netns=ROUTER).stdout
    with (
        heard(lab.world, "arp and src host 203.0.113.20") as arp,
        heard(lab.world, "dst ff02::1 and ip6[40] == 136 and ip6[62:2] == 0x20") as na,
    ):
        lab.apply(shop(WEB, DB))
    assert arp and na, f"who newly answers is announced: {arp}, {na}"
    assert handles(lab) == before and lab.world.run("ip", "-o", "link", netns=ROUTER).stdout == index
    assert lab.world.ping(DB4, netns="world")
    lab.apply(shop(WEB, DB, FORWARDS))
    after = handles(lab)
    assert {text: after[text] for text in before} == before, "ranges are rules behind the others"
    lab.apply(shop(WEB))
    assert handles(lab) == before
    assert not lab.world.ping(DB4, netns="world", wait_s=0)
