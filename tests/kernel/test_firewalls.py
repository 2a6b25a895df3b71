"""weft beside ufw, firewalld and Docker as they really are: what they stop is said, whose rule it is, what mends it.
What they load anew breaks nothing, a destroy leaves them as they were."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.firewalls import FAR, OUTSIDE, container, docker, firewalld, furnish, is_missing, reaches, rules, ufw
from tests.kernel.trace.lab import Lab, hops
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_inet", "nft_nat", "vxlan")]

FILE = """
weft: 1
name: lab
external_networks: {net: {link: up0, subnets: [{cidr: 192.0.2.0/24, gateway: 192.0.2.254}]}}
tenants:
  shop:
    networks:
      front: {subnets: [10.0.0.0/24, "fd00::/64"], uplink: nat}
      back: {subnets: [10.1.0.0/24, "fd01::/64"], uplink: routed}
      open: {subnets: [10.2.0.0/24]}
      far: {subnets: [10.7.0.0/24], segment: {vni: 7, local: 192.0.2.1, remotes: [192.0.2.254]}}
    routers: {edge: {interfaces: [open], gateway: {network: net, addresses: [192.0.2.11]}}}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"]}
      db: {network: back, attach: {netns: db}, addresses: [10.1.0.10, "fd01::10"]}
      far: {network: far, attach: {netns: far}, addresses: [10.7.0.10]}
      shop: {network: open, attach: {netns: shop}, addresses: [10.2.0.10]}
    floating_ips: {192.0.2.12: {network: net, port: shop}}
"""
VXLAN = "weft.yaml:11:37"
FLOATING = "192.0.2.12"
IN_THE_WAY = "drops what is forwarded, and has no chain for others' rules"


class Beside(Lab):
    def told(self) -> str:
        """What an apply says."""
        self.file.write_text(FILE)
        done = self.world.run("weft", "apply", "-y", "-f", self.file)
        return done.stdout + done.stderr

    def is_as_asked(self) -> bool:
        return self.world.run("weft", "status", "-f", self.file, check=False).returncode == 0

    def findings(self, word: str = "drops") -> dict[str, dict[str, Any]]:
        """What the doctor finds of firewalls, by what it is."""
        done = self.world.run("weft", "doctor", "-o", "json", check=False)
        return {one["what"]: one for one in json.loads(done.stdout) if word in one["what"]}

    def lets_frames_in(self, chain: str, owner: str) -> None:
        """What the other machine's end of a VXLAN sends: found to be dropped, let in, found to be well."""
        assert not self.world.ping(FAR, netns="far", wait_s=0)
        ((what, found),) = self.findings("udp/").items()
        assert what == f"chain {chain} drops what 192.0.2.254 sends to udp/4789 ({owner})"
        assert found["level"] == "error" and [where.rpartition("/")[2] for where in found["where"]] == [VXLAN]
        self.world.run("sh", "-ec", found["command"])
        assert self.world.ping(FAR, netns="far") and self.findings("udp/") == {}

    def stops(self, *words: str) -> str:
        """Where reality agrees, too."""
        found = self.live(*words, code=3)
        assert found["verdict"] == "stops" and found["live"]["differs"] == "", found["live"]
        return str(found["why"])

    def passes(self, *words: str) -> list[str]:
        """What is said of firewalls. Outside does not answer to 198.51.100.1, so an address is asked that does."""
        found = self.live(*words)
        assert found["verdict"] == "passes" and found["live"]["differs"] == "", (found["why"], found["live"])
        return [hop["said"] for hop in hops(found) if hop["sort"] == "firewall"]


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Beside]:
    furnish(world)
    yield Beside(world, tmp_path / "weft.yaml")


@pytest.mark.skipif(is_missing("ufw"), reason="ufw is not installed")
def test_ufw(lab: Beside) -> None:
    world = lab.world
    ufw(world)
    assert IN_THE_WAY in lab.told()
    assert world.ping(OUTSIDE[4], netns="web"), "ufw lets echoes through, whoever forwards them"
    assert not reaches(world, "web", OUTSIDE[4]) and not reaches(world, "out", "10.1.0.10")
    policy = "dropped by the policy of chain FORWARD in table ip filter, which is not weft's"
    assert lab.stops("web", OUTSIDE[4], "tcp/80") == policy
    assert "icmp type echo-request accept" in lab.passes("web", OUTSIDE[4])[0]
    lab.lets_frames_in("ip filter INPUT", "ufw")
    found = lab.findings()
    assert set(found) == {f"chain {family} filter FORWARD drops what is forwarded (ufw)" for family in ("ip", "ip6")}
    assert {one["level"] for one in found.values()} == {"error"}

    world.run("ufw", "route", "allow", "in", "on", "wu+", "out", "on", "up0")
    assert reaches(world, "web", OUTSIDE[4]) and not reaches(world, "out", "10.1.0.10")
    assert IN_THE_WAY not in lab.told()
    assert {one["level"] for one in lab.findings().values()} == {"warning"}
    (command,) = {one["command"] for one in lab.findings().values()}
    world.run("sh", "-ec", command)
    assert reaches(world, "out", "10.1.0.10") and lab.findings() == {}
    assert "let through by" in lab.passes("web", OUTSIDE[4], "tcp/80")[0]
    lab.passes("web", OUTSIDE[6], "tcp/80", "-6")

    world.run("ufw", "reload")
    assert lab.is_as_asked() and reaches(world, "web", OUTSIDE[4])
    opened = rules(world, "ip", "filter")
    world.run("weft", "destroy", "-y", "lab")
    assert rules(world, "ip", "filter") == opened and "weft" not in rules(world)


@pytest.mark.skipif(is_missing("firewalld", "dbus-daemon"), reason="firewalld is not installed")
def test_firewalld(lab: Beside) -> None:
    world = lab.world
    with firewalld(world):
        before = rules(world)
        assert IN_THE_WAY in lab.told()
        assert not world.ping(OUTSIDE[4], netns="web", wait_s=0) and not reaches(world, "web", OUTSIDE[4])
        reject = "dropped by `reject with icmpx admin-prohibited` of chain filter_FWD_public in table inet firewalld"
        assert lab.stops("web", OUTSIDE[4], "tcp/80").startswith(reject)
        assert lab.stops("web", OUTSIDE[6], "tcp/80", "-6").startswith(reject)
        ((what, found),) = lab.findings("forwarded").items()
        assert what == "chain inet firewalld filter_FORWARD drops what is forwarded (firewalld)"
        world.run("weft", "destroy", "-y", "lab")
        assert rules(world) == before

        lab.told()
        lab.lets_frames_in("inet firewalld filter_INPUT", "firewalld")
        world.run("sh", "-ec", found["command"])
        assert reaches(world, "web", OUTSIDE[4]) and reaches(world, "out", "10.1.0.10")
        assert lab.findings() == {} and IN_THE_WAY not in lab.told()
        lab.passes("web", OUTSIDE[4], "tcp/80")
        lab.passes("web", OUTSIDE[6], "tcp/80", "-6")
        for words in ("--reload", "--complete-reload"):
            world.run("firewall-cmd", words)
            assert lab.is_as_asked() and reaches(world, "web", OUTSIDE[4])
        opened = rules(world, "inet", "firewalld")
        world.run("weft", "destroy", "-y", "lab")
        assert rules(world) == opened
        world.run("weft", "apply", "-y", "-f", lab.file)
    assert reaches(world, "web", OUTSIDE[4]), "a firewalld that has gone took nothing of weft's along"
    assert lab.is_as_asked()


@pytest.mark.skipif(is_missing("dockerd", "busybox"), reason="Docker is not installed")
def test_docker(lab: Beside, tmp_path: Path) -> None:
    world = lab.world
    with docker(world) as call:
        inside, pid = container(call, tmp_path)
        before = rules(world)
        assert IN_THE_WAY not in lab.told() and lab.findings() == {} and lab.is_as_asked()
        own = 'let through by `iifname "wu*" accept`, which weft put into chain DOCKER-USER in table ip filter'
        assert lab.passes("web", OUTSIDE[4], "tcp/80")[0] == own
        assert reaches(world, "out", FLOATING) and reaches(world, "shop", OUTSIDE[4])

        def from_inside(address: str) -> bool:
            words = ("nsenter", f"--net=/proc/{pid}/ns/net", "timeout", "3", "bash", "-c", f"</dev/tcp/{address}/9")
            return "refused" in world.run(*words, check=False).stderr

        for port in ("web", "db"):
            assert reaches(world, port, inside, 80) and own in lab.passes(port, inside, "tcp/80")
        assert from_inside("10.1.0.10") and lab.trace(inside, "db", "tcp/9")["verdict"] == "passes"
        for there, why in (
            (FLOATING, f"of the answer: {inside} is on docker0, and it leaves by up0"),
            ("10.0.0.10", "it leaves by link up0, which is not weft's"),
        ):
            assert not from_inside(there)
            assert lab.trace(inside, there, "tcp/9", code=3)["why"] == why
        assert not reaches(world, "shop", inside, 80)
        assert lab.stops("shop", inside, "tcp/80") == f"{inside} is on docker0, and it leaves by up0"

        assert reaches(world, "web", "192.0.2.1", 8080), "a published port"
        found = lab.live("web", "192.0.2.1", "tcp/8080")
        assert found["verdict"] == "open" and "perhaps led elsewhere by" in found["why"]
        assert found["live"]["differs"] == "" and found["live"]["answer"] == "connected"
        assert found["hints"][0]["said"] == f"from there on it is `weft trace shop/web {inside} tcp/80`"

        world.run("weft", "destroy", "-y", "lab")
        assert rules(world) == before

        # as if Docker had come after weft, and found it forwarding
        world.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=0")
        lab.told()
        assert reaches(world, "out", "192.0.2.1", 8080)
        told = world.run("weft", "destroy", "-y", "lab").stderr
        assert "net/ipv4/ip_forward becomes 0 again: nothing is forwarded any more for docker0" in told
        assert not reaches(world, "out", "192.0.2.1", 8080)
        (command,) = re.findall(r"sysctl -w \S+", told)
        world.run("sh", "-ec", command)
        assert reaches(world, "out", "192.0.2.1", 8080)
