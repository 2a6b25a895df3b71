"""Somebody else's link that is like a new one: it is named before anything is done, by what the two have in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.world import World

pytestmark = pytest.mark.kernel

CARD = "ip link add eth1 type veth peer name far1; ip link set eth1 up; ip addr add 192.0.2.1/24 dev eth1"
RIVALS: dict[str, Any] = {
    "vlan": (
        {"kind": "vlan", "link": "eth1", "vid": 5},
        "ip link add link eth1 name hand type vlan id 5",
        "link hand is not weft's and has the same vid 5, protocol 802.1q, parent eth1",
    ),
    "vxlan": (
        {"kind": "vxlan", "vni": 42, "remote": "192.0.2.2"},
        "ip link add hand type vxlan id 42 remote 192.0.2.9 dstport 4789",
        "link hand is not weft's and has the same port 4789, vni 42",
    ),
    "geneve": (
        {"kind": "geneve", "vni": 42, "remote": "192.0.2.2"},
        "ip link add hand type geneve id 42 remote 192.0.2.2",
        "link hand is not weft's and has the same port 6081, remote 192.0.2.2, vni 42",
    ),
    "ipip": (
        {"kind": "ipip", "local": "192.0.2.1", "remote": "192.0.2.2"},
        "ip link add hand type ipip local 192.0.2.1 remote 192.0.2.2",
        "remote 192.0.2.2, local 192.0.2.1",
    ),
}


SHAPED = {"existing": True, "qos": {"ingress": {"ceil": "5mbit"}}}


@pytest.mark.needs("ifb", "htb", "nft_fwd")
@pytest.mark.parametrize(
    "how", ["ip link add qos-eth1 {}", "ip link add hand {}; ip link property add dev hand altname qos-eth1"]
)
def test_a_name_that_somebody_else_has_too_is_told(world: World, tmp_path: Path, how: str) -> None:
    """What a link receives queues at one that is called so."""
    world.run("sh", "-ec", f"{CARD}; {how.format('type veth peer name far')}")
    file = tmp_path / "weft.yaml"
    file.write_text(json.dumps({"weft": 1, "name": "lab", "host": {"links": {"eth1": SHAPED}}}))
    for verb in (("plan",), ("apply", "-y")):
        ran = world.run("weft", *verb, "-f", file, check=False)
        assert ran.returncode == 5 and "is not weft's and has the same name qos-eth1" in ran.stderr, ran.stderr
    world.run("ip", "link", "del", "dev", "far")
    world.run("weft", "apply", "-y", "-f", file)


@pytest.mark.needs("ifb", "htb", "nft_fwd")
def test_what_another_scope_shapes_already_is_told(world: World, tmp_path: Path) -> None:
    world.run("sh", "-ec", CARD)
    file = tmp_path / "weft.yaml"
    file.write_text(json.dumps({"weft": 1, "name": "lab", "host": {"links": {"eth1": SHAPED}}}))
    world.run("weft", "apply", "-y", "-f", file)
    ran = world.run("weft", "qos", "set", "eth1", "--direction", "ingress", "--ceil", "4mbit", "-y", check=False)
    assert ran.returncode == 5, ran
    assert "what eth1 receives is shaped already, by the scope lab at link wq" in ran.stderr, ran.stderr
    assert "take one of the two policies out" in ran.stderr


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.needs(kind)) for kind in RIVALS])
def test_a_link_like_it_is_named(world: World, tmp_path: Path, kind: str) -> None:
    wanted, command, said = RIVALS[kind]
    world.run("sh", "-ec", f"{CARD}; {command}")
    file = tmp_path / "weft.yaml"
    file.write_text(json.dumps({"weft": 1, "name": "lab", "host": {"links": {"mine": wanted}}}))
    for verb in (("plan",), ("apply", "-y")):
        ran = world.run("weft", *verb, "-f", file, check=False)
        assert ran.returncode == 5 and said in ran.stderr, ran.stderr
    world.run("ip", "link", "del", "dev", "hand")
    world.run("weft", "apply", "-y", "-f", file)
    assert "is as the file says" in world.run("weft", "apply", "-y", "-f", file).stdout
