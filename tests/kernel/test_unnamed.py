"""Ports that end in namespaces without a name: of a process, by its pidfile, or where somebody has taken them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World

pytestmark = pytest.mark.kernel

PORTS = """
weft: 1
name: lab
tenants:
  red:
    networks: {lan: {subnets: [10.10.0.0/24]}}
    ports:
      web: {network: lan, attach: {netns: web}}
"""
GUEST = PORTS + "      guest: {network: lan, attach: {pidfile: /run/guest.pid, ifname: eth0}}\n"


@pytest.fixture
def guest(world: World) -> Iterator[World]:
    """A world with a process in a namespace of its own, and its pidfile."""
    world.run("sh", "-c", "unshare -n sleep 100 >/dev/null 2>&1 & echo $! >/run/guest.pid; sleep 0.2")
    yield world


def apply(world: World, tmp_path: Path, text: str) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text(text)
    world.run("weft", "apply", "-y", "-f", file)


def test_destroy_finds_the_end_at_a_process(guest: World, tmp_path: Path) -> None:
    before = guest.dump()
    apply(guest, tmp_path, GUEST)
    assert guest.ping("10.10.0.2", netns="web")
    guest.run("weft", "destroy", "-y", "lab")
    assert guest.dump(settle_s=3) == before


def test_a_port_at_a_process_is_taken_out_of_the_file(guest: World, tmp_path: Path) -> None:
    apply(guest, tmp_path, GUEST)
    apply(guest, tmp_path, PORTS)
    assert "eth0" not in guest.run("sh", "-c", "nsenter -t $(cat /run/guest.pid) -n ip link").stdout
    assert len(guest.json("ip", "-j", "link", netns="weft.lab.red")) == 3, "lo, the bridge, one port"


@pytest.mark.parametrize("ending", ["apply", "destroy"])
def test_an_end_that_somebody_has_taken_away(guest: World, tmp_path: Path, ending: str) -> None:
    before = guest.dump()
    apply(guest, tmp_path, PORTS)
    guest.run("sh", "-c", "ip link set web netns $(cat /run/guest.pid)", netns="web")
    status = guest.run("weft", "status", "lab", check=False)
    assert status.returncode == 3
    assert "tenants.red.ports.web" in status.stdout
    if ending == "apply":
        apply(guest, tmp_path, PORTS)
        assert guest.ping("10.10.0.1", netns="web")
    guest.run("weft", "destroy", "-y", "lab")
    assert guest.dump(settle_s=3) == before


def test_a_process_that_ended_is_one_missing_port(guest: World, tmp_path: Path) -> None:
    before = guest.dump()
    apply(guest, tmp_path, GUEST)
    guest.run("sh", "-c", "kill $(cat /run/guest.pid)")
    until_gone(guest)
    status = guest.run("weft", "status", "lab", check=False)
    assert status.returncode == 3
    (line,) = [line for line in status.stdout.splitlines() if line.startswith("missing")]
    assert "tenants.red.ports.guest" in line and "no running process is named by /run/guest.pid" in line
    (shown,) = [line for line in guest.run("weft", "show", "lab").stdout.splitlines() if "guest" in line]
    assert "missing" in shown
    applied = guest.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml")
    assert "warning: no running process" in applied.stderr
    assert guest.ping("10.10.0.1", netns="web"), "the port beside it lives on"
    guest.run("sh", "-c", "unshare -n sleep 100 >/dev/null 2>&1 & echo $! >/run/guest.pid; sleep 0.2")
    guest.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml")
    assert guest.ping("10.10.0.2", netns="web")
    guest.run("weft", "destroy", "-y", "lab")
    assert guest.dump(settle_s=3) == before


def until_gone(guest: World) -> None:
    """A namespace without a process goes some time after: until its veth is gone from the bridge."""
    guest.run("sh", "-c", "while [ $(ip -n weft.lab.red -br link | wc -l) -gt 3 ]; do sleep 0.1; done")
