"""Geneve, GRE and IP in IP between two machines: traffic at full size, changes in place and anew, and nothing left."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.kernel.links.underlay import Wire

ENDS = {4: {"one": "192.0.2.1", "two": "192.0.2.2"}, 6: {"one": "2001:db8::1", "two": "2001:db8::2"}}
INSIDE = {4: {"one": "10.7.0.1/24", "two": "10.7.0.2/24"}, 6: {"one": "fd07::1/64", "two": "fd07::2/64"}}
OTHER = {"one": "two", "two": "one"}


class Tunnel(NamedTuple):
    """`inside`: the family that is carried (and pinged); `anew`: a change that the kernel does not make in place."""

    kind: str
    over: int
    overhead: int
    inside: int = 4
    said: Mapping[str, Any] = MappingProxyType({})
    anew: Mapping[str, Any] = MappingProxyType({})

    def __str__(self) -> str:
        return f"{self.kind}-{self.over}"

    def links(self, **more: Any) -> dict[str, dict[str, dict[str, Any]]]:
        """The tunnel at each side, with the MTU that weft derives."""
        return {
            netns: {
                "t0": {
                    "kind": self.kind,
                    "remote": ENDS[self.over][OTHER[netns]],
                    **({"local": ENDS[self.over][netns]} if self.kind != "geneve" else {}),
                    "addresses": [INSIDE[self.inside][netns]],
                    **self.said,
                    **more,
                }
            }
            for netns in ("one", "two")
        }


KEYED = {"key": 7}
TUNNELS = [
    Tunnel("geneve", 4, 50, said={"vni": 5}, anew={"port": 6082}),
    Tunnel("geneve", 6, 70, said={"vni": 5}, anew={"vni": 6}),
    Tunnel("gre", 4, 24, anew=KEYED),
    Tunnel("gre", 4, 32, said={"key": 9, "csum": True}, anew={"csum": False}),
    Tunnel("gretap", 4, 38, anew=KEYED),
    Tunnel("ip6gre", 6, 44, anew=KEYED),
    Tunnel("ip6gretap", 6, 58, inside=6, anew=KEYED),
    Tunnel("ipip", 4, 20, anew={"link": "eth0"}),
    Tunnel("sit", 4, 20, inside=6, anew={"link": "eth0"}),
    Tunnel("ip6tnl", 6, 40, anew={"link": "eth0"}),
    Tunnel("ip6tnl", 6, 40, inside=6, anew={"link": "eth0"}),
]

every_tunnel = pytest.mark.parametrize(
    "tunnel",
    [pytest.param(tunnel, id=f"{tunnel}-{tunnel.overhead}-{tunnel.inside}", marks=pytest.mark.needs(tunnel.kind))
     for tunnel in TUNNELS],
)  # fmt: skip


def far_side(tunnel: Tunnel) -> str:
    return INSIDE[tunnel.inside]["two"].partition("/")[0]


@every_tunnel
def test_a_tunnel_carries_changes_and_goes(wire: Wire, tunnel: Tunnel) -> None:
    """A packet of the MTU that the overhead leaves of the wire's 1600 arrives in one piece, none larger would. What the
    kernel changes in place keeps its index, what it does not gets another one, and both go on carrying."""
    before = names(wire)
    mtu = 1600 - tunnel.overhead
    wire.apply(tunnel.links(mtu=mtu))
    seen = wire.link("one", "t0")
    assert (seen["mtu"], seen["linkinfo"]["info_kind"]) == (mtu, tunnel.kind)
    assert wire.world.ping(far_side(tunnel), netns="one")
    assert wire.carries("one", far_side(tunnel), mtu - (28 if tunnel.inside == 4 else 48))

    wire.apply(tunnel.links(ttl=33, tos=16, mtu=1300))
    changed = wire.link("one", "t0")
    data = changed["linkinfo"]["info_data"]
    assert changed["ifindex"] == seen["ifindex"] and changed["mtu"] == 1300
    assert data.get("ttl", data.get("hop_limit")) == 33
    assert wire.world.ping(far_side(tunnel), netns="one")

    wire.apply(tunnel.links(**tunnel.anew))
    assert wire.link("one", "t0")["ifindex"] != seen["ifindex"]
    assert wire.world.ping(far_side(tunnel), netns="one")
    wire.destroy()
    assert names(wire) == before


@every_tunnel
def test_the_other_end_moves(wire: Wire, tunnel: Tunnel) -> None:
    """The other machine gets another address, and the living tunnel leads there."""
    moved = {4: "192.0.2.22", 6: "2001:db8::22"}[tunnel.over]
    links = tunnel.links()
    wire.apply(links)
    index = wire.link("one", "t0")["ifindex"]
    nodad = ("nodad",) if tunnel.over == 6 else ()
    width = 64 if tunnel.over == 6 else 24
    wire.world.run("ip", "addr", "add", f"{moved}/{width}", "dev", "eth0", *nodad, netns="two")
    links["one"]["t0"]["remote"] = moved
    if tunnel.kind != "geneve":
        links["two"]["t0"]["local"] = moved
    wire.apply(links)
    seen = wire.link("one", "t0")
    data = seen["linkinfo"]["info_data"]
    assert seen["ifindex"] == index and moved in (data.get("remote"), data.get("remote6"))
    if tunnel.kind != "geneve":  # which answers from the address it was asked at
        assert wire.world.ping(far_side(tunnel), netns="one")


def names(wire: Wire) -> list[set[str]]:
    """The links of both sides."""
    return [{link["ifname"] for link in wire.world.json("ip", "-j", "link", netns=netns)} for netns in ("one", "two")]
