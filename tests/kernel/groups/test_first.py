"""The first group of a tenant whose ports are talking: what is lost, and what has to be done to lose nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.kernel.groups.lab import HERE, Lab
from tests.kernel.groups.talking import connected, lives

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

TEXT = """
weft: 1
name: lab
tenants:
  shop:
    networks: {{front: {{subnets: [10.0.0.0/24, "fd00::/64"]}}}}
    security_groups: {groups}
    ports:
      web: {{network: front, attach: {{netns: web}}, addresses: [10.0.0.10, "fd00::10"]{more}}}
      ask: {{network: front, attach: {{netns: ask}}, addresses: [10.0.0.20, "fd00::20"]}}
"""
RULES = "{web: {ingress: [{protocol: udp, ports: [9]}, {protocol: tcp, ports: [80]}]}}"
OPEN = TEXT.format(groups="{}", more="")
KNOWN = TEXT.format(groups=RULES, more="")
BEHIND = TEXT.format(groups=RULES, more=", security_groups: [web]")
MAY_LOSE = "tenants.shop.ports.web may lose connections"
PAUSE_S = 4.0
"""Half of what a stream that hangs is waited for: the machine has other work too."""


@contextmanager
def streams(lab: Lab, *whats: str) -> Iterator[list[subprocess.Popen[str]]]:
    """What comes in at web without web saying anything: udp/ADDRESS/PORT, or tcp/ADDRESS/PORT, where web began."""
    steady = HERE / "steady.py"
    hearing, saying = [], []
    for what in whats:
        told = {"netns": "ask" if what.startswith("tcp") else "web", "stdout": subprocess.PIPE}
        first = lab.world.start(sys.executable, steady, "say" if "tcp" in what else "hear", what, **told)
        assert first.stdout is not None and first.stdout.readline() == "ready\n"
        told["netns"] = "web" if what.startswith("tcp") else "ask"
        second = lab.world.start(sys.executable, steady, "hear" if "tcp" in what else "say", what, **told)
        assert second.stdout is not None and second.stdout.readline() == "ready\n"
        hearing.append(second if "tcp" in what else first)
        saying.append(first if "tcp" in what else second)
    try:
        yield hearing
    finally:
        for started in (*saying, *hearing):
            started.kill()
            started.communicate()


def heard(lab: Lab, hearing: subprocess.Popen[str]) -> tuple[int, int, float]:
    """How many numbers came in until now, how many were left out, and the longest pause."""
    hearing.terminate()
    assert hearing.stdout is not None
    came, lost, pause_s = hearing.stdout.readline().split()
    return int(came), int(lost), float(pause_s)


def test_the_first_group_of_a_running_tenant(lab: Lab) -> None:
    """What its rules allow misses no packet, and what the port says goes on. Of what it only listens to, the plan
    says that it may end."""
    lab.apply(OPEN)
    lab.listen("web", "tcp/80")
    lab.listen("ask", "tcp/1")
    with (
        streams(lab, "udp/10.0.0.10/9", "udp/fd00::10/9") as (stream, stream6),
        connected(lab, "ask", "10.0.0.10", 80) as allowed,
        connected(lab, "web", "10.0.0.20", 1) as begun,
        connected(lab, "web", "fd00::20", 1) as begun6,
    ):
        assert lives(allowed) and lives(begun) and lives(begun6)
        assert MAY_LOSE in lab.apply(BEHIND).stdout
        assert lives(allowed) and lives(begun) and lives(begun6)
        time.sleep(0.5)
        for one in (stream, stream6):
            came, lost, pause_s = heard(lab, one)
            assert came > 100 and not lost and pause_s < PAUSE_S
    assert lab.status().returncode == 0


def test_groups_that_are_known_before_lose_nothing(lab: Lab) -> None:
    """Connections are followed from the tenant's first group on, though no port is in it: then the port's own go on,
    also those where it only listens."""
    lab.apply(OPEN)
    assert "may lose" not in lab.apply(KNOWN).stdout
    whats = ("tcp/10.0.0.20/7", "tcp/fd00::20/7", "udp/10.0.0.10/9")
    with streams(lab, *whats) as hearing:
        time.sleep(0.3)
        assert "may lose" not in lab.apply(BEHIND).stdout
        time.sleep(0.5)
        for one in hearing:
            came, lost, pause_s = heard(lab, one)
            assert came > 100 and not lost and pause_s < PAUSE_S
    assert lab.status().returncode == 0
