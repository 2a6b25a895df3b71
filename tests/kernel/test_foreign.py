"""What is somebody else's stays, also where it took the place of what was weft's while weft was not looking."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kernel.rtnl_world import delete, link, mac, spaces, whole
from tests.world import World
from weft.backends.rtnl import Rtnl
from weft.diff import differing_fields
from weft.errors import KernelRefused
from weft.files import loads_stored
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.kinds.link.veth import Veth
from weft.service import Prepared, Service
from weft.state import PROTOCOL, Change, Op

pytestmark = pytest.mark.kernel

FILE = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.10.0.0/24]}}
    ports: {web: {network: front, attach: {netns: web}}}
"""


def agree(prepared: Prepared) -> None:
    pass


def remake(world: World, netns: str, index: int) -> None:
    """As somebody else would, with a link under the number that weft knows."""
    world.run("ip", "netns", "del", netns)
    world.run("ip", "netns", "add", netns)
    world.run("ip", "-n", netns, "link", "add", "mine", "index", str(index), "type", "veth", "peer", "name", "m2")


def test_a_namespace_made_anew_while_the_user_was_asked_is_not_deleted(inside: World) -> None:
    service = Service()
    service.apply(loads_stored({"weft.yaml": FILE}), agree)
    service.destroy("lab", lambda prepared: remake(inside, "web", 10))
    assert inside.names() == ["web"]
    assert link(inside, "web", "mine")["ifindex"] == 10


@pytest.mark.parametrize("name", ["mine", "eth0"])
def test_numbers_and_names_of_a_namespace_made_anew_are_somebody_elses(inside: World, name: str) -> None:
    """`name`: of weft's end; in the new namespace either its number or its name is taken by another link."""
    inside.run("ip", "netns", "add", "web")
    end = Veth(netns="", ifname="w0", peer_netns="web", peer_ifname=name, mac=mac(1), alias="weft/h/lab/ports/web")
    fellow = Veth(netns="web", ifname=name, peer_netns="", peer_ifname="w0", mac=mac(2), alias="weft/h/lab/ports/web")
    rtnl = Rtnl()
    rtnl.commit([Change(Op.CREATE, None, held) for held in (end, fellow)])
    seen = whole(rtnl, "web")
    assert fellow.key in seen
    remake(inside, "web", link(inside, "web", name)["ifindex"])
    with pytest.raises(KernelRefused, match="another one"):
        rtnl.commit([Change(Op.CREATE, None, Address(netns="web", ifname=name, cidr="10.0.0.1/24"))])
    delete(rtnl, fellow)
    assert link(inside, "web", "mine") and link(inside, "web", "mine")["operstate"] == "DOWN"
    assert inside.json("ip", "-j", "-4", "addr", netns="web") == []


def test_a_rule_or_route_of_the_same_key_does_not_hide_ours(inside: World) -> None:
    rtnl = Rtnl()
    rule = Rule(netns="red", family=4, priority=1000, src="10.1.0.0/16", table=100)
    route = Route(netns="red", dst="10.9.0.0/16", type="blackhole")
    rtnl.commit([Change(Op.CREATE, None, held) for held in (*spaces("red"), rule, route)])
    inside.run("ip", "rule", "add", "priority", "1000", "from", "10.2.0.0/16", "table", "200", netns="red")
    inside.run("ip", "route", "append", "unreachable", "10.9.0.0/16", netns="red")
    seen = whole(rtnl, "red")
    ours = [seen[held.key] for held in (rule, route)]
    assert [getattr(held, "protocol", None) for held in ours] == [PROTOCOL, PROTOCOL]
    delete(rtnl, *ours)
    assert [r["table"] for r in inside.json("ip", "-j", "rule", netns="red") if r["priority"] == 1000] == ["200"]
    assert [r["type"] for r in inside.json("ip", "-j", "route", netns="red")] == ["unreachable"]
    delete(rtnl, *spaces("red"))


@pytest.mark.parametrize("verb", ["prepend", "append"])
def test_a_change_of_our_route_lets_another_of_its_key_be(inside: World, verb: str) -> None:
    rtnl = Rtnl()
    route = Route(netns="red", dst="10.9.0.0/16", type="blackhole")
    rtnl.commit([Change(Op.CREATE, None, held) for held in (*spaces("red"), route)])
    inside.run("ip", "route", verb, "prohibit", "10.9.0.0/16", netns="red")
    wanted = replace(route, type="unreachable")
    rtnl.commit([Change(Op.UPDATE, whole(rtnl, "red")[route.key], wanted)])
    listed = [found["type"] for found in inside.json("ip", "-j", "route", netns="red")]
    assert listed == (["prohibit", "unreachable"] if verb == "prepend" else ["unreachable", "prohibit"])
    assert differing_fields(whole(rtnl, "red")[route.key], wanted) == []
    delete(rtnl, wanted, *spaces("red"))


def test_destroy_takes_its_rule_though_another_has_its_priority(inside: World) -> None:
    service = Service()
    text = "{weft: 1, name: lab, host: {rules: [{priority: 1000, src: 10.1.0.0/16, table: 100}]}}"
    service.apply(loads_stored({"weft.yaml": text}), agree)
    inside.run("ip", "rule", "add", "priority", "1000", "from", "10.2.0.0/16", "table", "200")
    service.destroy("lab", agree)
    assert [r["src"] for r in inside.json("ip", "-j", "rule") if r["priority"] == 1000] == ["10.2.0.0"]
