"""A VRF has routes and addresses of its own, for what comes in by its members and for what they send."""

from __future__ import annotations

from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.link.veth import Veth
from weft.kinds.link.vrf import Vrf
from weft.kinds.netns import Namespace
from weft.kinds.setting.sysctl import Sysctl
from weft.reach import Verdict, World
from weft.state import KernelObject, State


def pair(netns: str, ifname: str, far: str, number: int, master: str = "") -> list[KernelObject]:
    """A router's link to a namespace with one host, 10.NUMBER.0.2 behind 10.NUMBER.0.1."""
    return [
        Namespace(name=far),
        Veth(netns=netns, ifname=ifname, master=master, peer_netns=far, peer_ifname="eth0"),
        Veth(netns=far, ifname="eth0", peer_netns=netns, peer_ifname=ifname),
        Address(netns=netns, ifname=ifname, cidr=f"10.{number}.0.1/24"),
        Address(netns=far, ifname="eth0", cidr=f"10.{number}.0.2/24"),
        Route(netns=far, dst="0.0.0.0/0", ifname="eth0", via=f"10.{number}.0.1"),
    ]


def router(**masters: str) -> World:
    return World(
        State.of(
            [
                Namespace(name="r"),
                Sysctl(netns="r", name="net/ipv4/ip_forward", value="1"),
                Vrf(netns="r", ifname="red", table=10),
                *(
                    obj
                    for number, far in enumerate("abc", 1)
                    for obj in pair("r", f"p{far}", far, number, masters.get(far, ""))
                ),
            ]
        )
    )


def verdict(world: World, netns: str, source: str, target: str) -> Verdict:
    return world.walk(netns, source, target).verdict


def test_members_reach_each_other_and_nobody_else_comes_in() -> None:
    world = router(a="red", b="red")
    assert verdict(world, "a", "10.1.0.2", "10.2.0.2") is Verdict.ARRIVES
    assert verdict(world, "a", "10.1.0.2", "10.3.0.2") is Verdict.ARRIVES, (
        "what its table does not know the main one does"
    )
    assert verdict(world, "c", "10.3.0.2", "10.1.0.2") is Verdict.STOPS
    assert verdict(router(), "a", "10.1.0.2", "10.3.0.2") is Verdict.ARRIVES, "without members there is one table"


def test_an_address_in_a_vrf_is_its_members_alone() -> None:
    world = router(a="red", b="red")
    assert verdict(world, "a", "10.1.0.2", "10.2.0.1") is Verdict.ARRIVES
    assert verdict(world, "c", "10.3.0.2", "10.2.0.1") is Verdict.STOPS
