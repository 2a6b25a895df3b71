"""Ports of virtual machines on a link itself: a process without rights opens /dev/tapN, and speaks to the wire.

`outside` plays the network: the far end of the host's card. Judged by ping, stat and ip.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.dump import differences
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.needs("macvtap")]

MAC = "02:00:00:00:00:50"
GUEST = Path(__file__).parent / "faults" / "guest.py"

OUTSIDE = """
set -e
ip netns add outside
ip link add eth1 type veth peer name far netns outside; ip link set eth1 up
ip -n outside link set far up; ip -n outside addr add 10.3.0.1/24 dev far
"""


@pytest.fixture
def file(world: World, tmp_path: Path) -> Path:
    world.run("sh", "-c", OUTSIDE)
    return tmp_path / "weft.yaml"


def apply(world: World, file: Path, **macvtap: Any) -> str:
    """Returns the device file."""
    network = {"segment": {"link": "eth1", "mode": "macvlan"}, "subnets": ["10.3.0.0/24"]}
    ports = {
        "vm": {"network": "lan", "attach": {"macvtap": macvtap}, "mac": MAC, "addresses": ["10.3.0.50"]},
        "box": {"network": "lan", "attach": {"netns": "box"}, "addresses": ["10.3.0.60"]},
    }
    tenants = {"red": {"networks": {"lan": network}, "ports": ports}}
    file.write_text(json.dumps({"weft": 1, "name": "lab", "tenants": tenants}))
    world.run("weft", "apply", "-y", "-f", file)
    assert "is as the file says" in world.run("weft", "apply", "-y", "-f", file).stdout
    return device(world)


def device(world: World) -> str:
    (link,) = world.json("ip", "-j", "-d", "link", "show", "dev", "vm")
    assert link["linkinfo"]["info_kind"] == "macvtap" and link["address"] == MAC
    return f"/dev/tap{link['ifindex']}"


@contextmanager
def guest(world: World, path: str, user: str) -> Iterator[subprocess.Popen[str]]:
    """A process of that user that answers for 10.3.0.50."""
    words = ("setpriv", "--reuid", user, "--clear-groups", "python3", GUEST, path, MAC, "10.3.0.50")
    process = world.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def owner(path: str) -> str:
    return subprocess.run(["stat", "-c", "%u:%g %a", path], capture_output=True, text=True, check=True).stdout.strip()


def test_the_owner_opens_it_and_is_on_the_wire(world: World, file: Path) -> None:
    before = world.dump(settle_s=3)
    path = apply(world, file, owner="nobody", mode="bridge")
    assert owner(path) == "65534:0 600"
    with guest(world, path, "nobody"):
        assert world.ping("10.3.0.50", netns="outside")
        assert world.ping("10.3.0.50", netns="box"), "macvlans of one link reach each other"
        ran = world.run("weft", "check", "reach", "-o", "json", "-f", file, check=False)
        assert json.loads(ran.stdout)["counts"]["not_measurable"] == 2 and ran.returncode == 3
    shown = world.run("weft", "show", "-f", file).stdout
    assert "macvtap vm" in shown and "10.3.0.50" in shown
    world.run("weft", "destroy", "-y", "lab")
    assert not Path(path).exists()
    assert differences(before, world.dump(settle_s=3)) == []


def test_nobody_else_opens_it(world: World, file: Path) -> None:
    path = apply(world, file, owner="daemon", group="mail")
    assert owner(path) == "1:8 660"
    with guest(world, path, "nobody") as process:
        assert "PermissionError" in process.communicate(timeout=20)[1]


def test_an_owner_changes_in_place_under_an_open_guest(world: World, file: Path) -> None:
    path = apply(world, file, owner="nobody")
    with guest(world, path, "nobody"):
        assert world.ping("10.3.0.50", netns="outside")
        assert apply(world, file, owner="daemon", mode="private") == path
        assert owner(path) == "1:0 600"
        assert world.ping("10.3.0.50", netns="outside")
        assert not world.ping("10.3.0.50", netns="box", wait_s=0), "private"


def test_who_takes_the_device_away_is_told(world: World, file: Path) -> None:
    path = apply(world, file, owner="nobody")
    subprocess.run(["chown", "1", path], check=True)
    ran = world.run("weft", "status", "-f", file, check=False)
    assert ran.returncode == 3 and "user 1 -> 65534" in ran.stdout
    world.run("weft", "apply", "-y", "-f", file)
    assert owner(path) == "65534:0 600"


WRONG = {
    "on a bridge": ({"link": "eth1"}, {}, "are no macvlans"),
    "on ipvlans": ({"link": "eth1", "mode": "ipvlan"}, {}, "are no macvlans"),
    "a mode beside passthru": (
        {"link": "eth1", "mode": "macvlan", "submode": "passthru"},
        {"mode": "vepa"},
        "submode: passthru",
    ),
    "an unknown owner": ({"link": "eth1", "mode": "macvlan"}, {"owner": "nosuchuser"}, "no user nosuchuser"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be(world: World, file: Path, case: str) -> None:
    segment, macvtap, said = WRONG[case]
    tenant = {
        "networks": {"lan": {"segment": segment, "subnets": ["10.3.0.0/24"]}},
        "ports": {"vm": {"network": "lan", "attach": {"macvtap": macvtap}}},
    }
    file.write_text(json.dumps({"weft": 1, "name": "lab", "tenants": {"red": tenant}}))
    ran = world.run("weft", "plan", "-f", file, check=False)
    assert ran.returncode in (2, 5) and said in ran.stderr, ran.stderr
