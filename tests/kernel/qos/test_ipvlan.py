"""An ipvlan of somebody's upon the link that leads out has the link's own MAC: nothing tells it apart there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.qos.lab import Lab
from tests.kernel.qos.test_classes import DEFAULT, SENDER, minor, ten_in

pytestmark = [pytest.mark.kernel, pytest.mark.needs("htb", "nft_inet", "nft_egress", "ipvlan")]

CARD = """
ip netns add outside; ip netns add guest
ip link add eth1 type veth peer name far netns outside; ip link set eth1 up
ip addr add 10.7.0.1/24 dev eth1; ip route add default via 10.7.0.2
ip -n outside link set far up; ip -n outside addr add 10.7.0.2/24 dev far
ip link add link eth1 iv0 type ipvlan mode l2; ip link set iv0 netns guest
ip -n guest link set iv0 up; ip -n guest addr add 10.7.0.3/24 dev iv0
"""
OUT: dict[str, Any] = {"out": {"subnets": ["10.5.0.0/24"], "uplink": "nat"}}
PORT = {"network": "out", "attach": {"netns": "d"}, "qos": {"egress": {"rate": "1mbit", "ceil": "2mbit"}}}


@pytest.fixture
def card(lab: Lab) -> Iterator[Lab]:
    """A card that leads out, with an ipvlan of a guest's upon it."""
    lab.world.run("sh", "-ec", CARD)
    yield lab
    lab.world.run("weft", "destroy", "-y", "lab")
    lab.file.unlink()
    lab.world.run("sh", "-ec", "ip link del eth1; ip netns del outside; ip netns del guest")


def forge(lab: Lab, minor_: str) -> None:
    """As the guest, packets with the priority of a class."""
    major = lab.world.json("tc", "-j", "qdisc", "show", "dev", "eth1", "root")[0]["handle"].rstrip(":")
    number = f"{int(major, 16) << 16 | int(minor_, 16):#x}"
    lab.world.run(sys.executable, "-IS", SENDER, "forged", "10.7.0.2", "9", number, netns="guest")


def test_a_policy_of_the_card_s_own_is_out_of_its_reach(card: Lab) -> None:
    policy = {"egress": {"ceil": "20mbit", "classes": {"voice": {"match": {"dscp": "ef"}, "rate": "1mbit"}}}}
    card.apply(host={"links": {"eth1": {"existing": True, "qos": policy}}})
    with ten_in(card, "eth1", DEFAULT, None):
        forge(card, minor("voice"))


def test_what_several_share_is_within_its_reach_and_that_is_said(card: Lab) -> None:
    """docs/qos.md says so; where this fails, the warning can go."""
    host = {
        "links": {
            "eth1": {"existing": True, "capacity": "10mbit"},
            "iv1": {"kind": "ipvlan", "link": "eth1", "mode": "l2"},
        }
    }
    card.apply({"d": PORT}, OUT, host=host)
    assert "an ipvlan upon eth1 sends under its MAC" in card.world.run("weft", "plan", "-f", card.file).stderr
    (guaranteed,) = (of for of, held in card.classes("eth1", None).items() if held.rate == "1Mbit")
    with ten_in(card, "eth1", guaranteed, None):
        forge(card, guaranteed)
