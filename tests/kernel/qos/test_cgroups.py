"""Classes of what cgroups of this machine send: whose packet it is decides, and nobody can say that it is another's."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.cgroups import cgroups, within
from tests.kernel.faults.command import preload
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.rig import Rig
from tests.kernel.qos.lab import Lab
from tests.kernel.qos.test_classes import DEFAULT, SENDER, minor, ten_in
from weft.probe.cgroups import ROOT

pytestmark = [pytest.mark.kernel, pytest.mark.needs("htb", "ifb", "nft_egress", "nft_cgroup", "macvlan")]

STRIDE = int(os.environ.get("WEFT_FAULT_STRIDE", "7"))

NIGHTLY, SITE = "weft-test/nightly", "weft-test/site"
CLASSES: dict[str, Any] = {
    "backup": {"match": {"cgroup": NIGHTLY}, "ceil": "4mbit"},
    "web": {"match": {"cgroup": SITE, "protocol": "udp", "ports": [80]}, "rate": "1mbit"},
    "dns": {"match": {"protocol": "udp", "ports": 53}, "rate": "1mbit"},
}
POLICY = {"egress": {"ceil": "20mbit", "classes": CLASSES, "packets_per_second": 20000}}
NOW = """
ip netns add outside; ip netns add guest
ip link add eth1 type veth peer name far netns outside; ip link set eth1 up
ip addr add 10.7.0.1/24 dev eth1; ip addr add fd07::1/64 dev eth1 nodad
ip -n outside link set far up
ip -n outside addr add 10.7.0.2/24 dev far; ip -n outside addr add fd07::2/64 dev far nodad
ip link add link eth1 mv0 type macvlan mode bridge; ip link set mv0 netns guest
ip -n guest link set mv0 up; ip -n guest addr add 10.7.0.3/24 dev mv0
"""


@pytest.fixture
def host(lab: Lab) -> Iterator[Lab]:
    """A host with a card, which a guest has a macvlan upon, and cgroups."""
    with cgroups([NIGHTLY, SITE]):
        lab.world.run("sh", "-ec", NOW)
        lab.apply(host={"links": {"eth1": {"existing": True, "qos": POLICY}}})
        yield lab
        lab.world.run("weft", "destroy", "-y", "lab")
        lab.file.unlink()
        lab.world.run("sh", "-ec", "ip link del eth1; ip netns del outside; ip netns del guest")


def classid(lab: Lab, name: str) -> str:
    major = lab.world.json("tc", "-j", "qdisc", "show", "dev", "eth1", "root")[0]["handle"].rstrip(":")
    return f"{int(major, 16) << 16 | int(minor(name), 16):#x}"


def udp(*words: str) -> tuple[str | Path, ...]:
    return (sys.executable, "-IS", SENDER, *words)


def test_whoever_sends_decides_and_nobody_else_can(host: Lab) -> None:
    world = host.world
    sent: list[tuple[str, str, str]] = [
        (NIGHTLY, "10.7.0.2", "9"),
        (NIGHTLY, "fd07::2", "9"),
        (NIGHTLY, "10.7.0.2", "53"),  # the first that matches
    ]
    for path, address, port in sent:
        with ten_in(host, "eth1", minor("backup"), None):
            world.run(*within(path, *udp("tos", address, port, "0")))
    with ten_in(host, "eth1", minor("web"), None):
        world.run(*within(SITE, *udp("tos", "10.7.0.2", "80", "0")))
    for port, wanted in (("81", DEFAULT), ("53", minor("dns"))):
        with ten_in(host, "eth1", wanted, None):
            world.run(*within(SITE, *udp("tos", "10.7.0.2", port, "0")))
    forged = udp("forged", "10.7.0.2", "9", classid(host, "backup"))
    for netns in (None, "guest"):
        with ten_in(host, "eth1", DEFAULT, None):
            world.run(*forged, netns=netns)


def test_a_stream_of_a_cgroup_is_held_to_its_ceil(host: Lab) -> None:
    with host.server("outside"):
        words = within(NIGHTLY, "iperf3", "-c", "10.7.0.2", "-t", "4", "-J")
        told = host.world.run("sh", "-c", '"$@" | grep -A9 sum_received | grep bits_per', "sh", *words).stdout
    assert 3.2e6 < float(told.split(":")[1].strip(" ,\n")) < 4.1e6, told


def test_a_cgroup_that_is_made_anew_is_another_one(host: Lab) -> None:
    """nft keeps its number: status says so, and the next apply mends it; one that is gone keeps nothing else back."""
    world = host.world
    (ROOT / NIGHTLY).rmdir()
    gone = world.run("weft", "status", "-f", host.file, check=False)
    assert gone.returncode == 3 and f"there is no cgroup {NIGHTLY}" in gone.stdout, gone.stdout
    applied = world.run("weft", "apply", "-y", "-f", host.file)
    assert f"there is no cgroup {NIGHTLY}, so nothing comes to backup from there" in applied.stdout + applied.stderr
    with ten_in(host, "eth1", minor("dns"), None):
        world.run(*udp("tos", "10.7.0.2", "53", "0"))
    (ROOT / NIGHTLY).mkdir()
    status = world.run("weft", "status", "-f", host.file, check=False)
    assert status.returncode == 3 and "qos-sent-eth1" in status.stdout, status.stdout
    world.run("weft", "apply", "-y", "-f", host.file)
    assert "as asked" in world.run("weft", "status", "-f", host.file).stdout
    with ten_in(host, "eth1", minor("backup"), None):
        world.run(*within(NIGHTLY, *udp("tos", "10.7.0.2", "9", "0")))
    assert "qos-sent-eth1" in world.run("weft", "qos", "explain", "eth1").stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_kill_anywhere_leaves_all_of_it_or_nothing(host: Lab, tmp_path: Path) -> None:
    preload()
    without = {name: held for name, held in CLASSES.items() if name == "dns"}
    ends = []
    for name, classes in (("a", without), ("b", CLASSES)):
        policy = {"egress": POLICY["egress"] | {"classes": classes}}
        links = {"eth1": {"existing": True, "qos": policy}}
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"weft": 1, "name": "lab", "host": {"links": links}}))
        ends.append(("apply", "-y", "-f", str(path)))
    tally = Killer(Rig.between(host.world, *ends), first=1, stride=min(STRIDE, 7)).run()  # both ways are short
    print(tally)
    assert tally.former and tally.wanted
