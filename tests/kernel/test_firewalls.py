"""weft beside ufw, firewalld and Docker as they really are: what they stop is said, whose rule it is, what mends it.
What they load anew breaks nothing, a destroy leaves them as they were."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.firewalls import OUTSIDE, WAY_OUT, firewalld, reaches, rules, ufw
from tests.kernel.trace.lab import Lab, hops
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_inet", "nft_nat")]

FILE = """
weft: 1
name: lab
tenants:
  shop:
    networks:
      front: {subnets: [10.0.0.0/24, "fd00::/64"], uplink: nat}
      back: {subnets: [10.1.0.0/24, "fd01::/64"], uplink: routed}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"]}
      db: {network: back, attach: {netns: db}, addresses: [10.1.0.10, "fd01::10"]}
"""
IN_THE_WAY = "drops what is forwarded, and has no chain for others' rules"


def is_missing(*programs: str) -> bool:
    return any(shutil.which(program) is None for program in programs)


class Beside(Lab):
    def told(self) -> str:
        """What an apply says."""
        self.file.write_text(FILE)
        done = self.world.run("weft", "apply", "-y", "-f", self.file)
        return done.stdout + done.stderr

    def is_as_asked(self) -> bool:
        return self.world.run("weft", "status", "-f", self.file, check=False).returncode == 0

    def findings(self) -> dict[str, dict[str, Any]]:
        """What the doctor finds of firewalls, by what it is."""
        done = self.world.run("weft", "doctor", "-o", "json", check=False)
        return {one["what"]: one for one in json.loads(done.stdout) if "drops" in one["what"]}

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
    world.run("sh", "-ec", WAY_OUT)
    yield Beside(world, tmp_path / "weft.yaml")


@pytest.mark.skipif(is_missing("ufw"), reason="ufw is not installed")
def test_ufw(lab: Beside) -> None:
    world = lab.world
    ufw(world)
    before = rules(world)
    assert IN_THE_WAY in lab.told()
    assert world.ping(OUTSIDE[4], netns="web"), "ufw lets echoes through, whoever forwards them"
    assert not reaches(world, "web", OUTSIDE[4]) and not reaches(world, "out", "10.1.0.10")
    policy = "dropped by the policy of chain FORWARD in table ip filter, which is not weft's"
    assert lab.stops("web", OUTSIDE[4], "tcp/80") == policy
    assert "icmp type echo-request accept" in lab.passes("web", OUTSIDE[4])[0]
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
    opened = rules(world)
    world.run("weft", "destroy", "-y", "lab")
    assert before in opened.replace(rules(world), before), "what is left is ufw's"


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
        ((what, found),) = lab.findings().items()
        assert what == "chain inet firewalld filter_FORWARD drops what is forwarded (firewalld)"
        world.run("weft", "destroy", "-y", "lab")
        assert rules(world) == before

        lab.told()
        world.run("sh", "-ec", found["command"])
        assert reaches(world, "web", OUTSIDE[4]) and reaches(world, "out", "10.1.0.10")
        assert lab.findings() == {} and IN_THE_WAY not in lab.told()
        lab.passes("web", OUTSIDE[4], "tcp/80")
        lab.passes("web", OUTSIDE[6], "tcp/80", "-6")
        for words in ("--reload", "--complete-reload"):
            world.run("firewall-cmd", words)
            assert lab.is_as_asked() and reaches(world, "web", OUTSIDE[4])
        opened = rules(world)
        world.run("weft", "destroy", "-y", "lab")
        assert "weft" in opened and "weft-lab" not in rules(world)
        world.run("weft", "apply", "-y", "-f", lab.file)
    assert reaches(world, "web", OUTSIDE[4]), "a firewalld that has gone took nothing of weft's along"
    assert lab.is_as_asked()
