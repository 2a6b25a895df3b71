"""Forwarding that is given back takes it from others who came after weft: said before anybody agrees."""

from __future__ import annotations

import pytest

from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import OtherLink
from weft.kinds.setting.sysctl import Sysctl
from weft.plan import plan
from weft.service.losses import no_longer_forwarding
from weft.state import HOST, KernelObject, State

FOUR, SIX = "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"
DOCKER0 = Bridge(netns=HOST, ifname="docker0", mac="02:00:00:00:00:01")
NUMBERED = Address(netns=HOST, ifname="docker0", cidr="172.17.0.1/16")
ETH0 = (
    OtherLink(netns=HOST, ifname="eth0"),
    Address(netns=HOST, ifname="eth0", cidr="192.0.2.1/24"),
    Route(netns=HOST, dst="0.0.0.0/0", ifname="eth0", via="192.0.2.254"),
)


def told(name: str, value: str, *others: KernelObject, ours: tuple[KernelObject, ...] = ()) -> list[str]:
    before, after = (State.of([Sysctl(netns=HOST, name=name, value=one)]) for one in ("1", value))
    observed = State(before | State.of((*ETH0, *others)))
    return [problem.what for problem in no_longer_forwarding(plan(before, after), observed, State.of(ours))]


@pytest.mark.parametrize(
    ("name", "value", "others", "ours", "is_told"),
    [
        (FOUR, "0", (DOCKER0, NUMBERED), (), True),
        (FOUR, "2", (DOCKER0, NUMBERED), (), False),
        (SIX, "0", (DOCKER0, NUMBERED), (), False),
        (SIX, "0", (DOCKER0, Address(netns=HOST, ifname="docker0", cidr="fd00:17::1/64")), (), True),
        (SIX, "0", (DOCKER0, Address(netns=HOST, ifname="docker0", cidr="fe80::1/64")), (), False),
        (FOUR, "0", (DOCKER0,), (), False),
        (FOUR, "0", (DOCKER0, NUMBERED), (DOCKER0,), False),
        (FOUR, "0", (DOCKER0, NUMBERED, Route(netns=HOST, dst="0.0.0.0/0", ifname="docker0", metric=5)), (), False),
        (FOUR, "0", (), (), False),
    ],
)
def test_who_else_forwards(
    name: str, value: str, others: tuple[KernelObject, ...], ours: tuple[KernelObject, ...], is_told: bool
) -> None:
    found = told(name, value, *others, ours=ours)
    what = f"{name} becomes 0 again: nothing is forwarded any more for docker0, not weft's"
    assert found == ([what] if is_told else [])
