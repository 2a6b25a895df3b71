"""The `ip` commands that a change is said to be: run by sh, they come to the same as the change itself."""

from __future__ import annotations

from dataclasses import replace

from tests.dump import differences
from tests.kernel.rtnl_world import ALIAS, bridge, led, mac, pair, spaces, whole
from tests.world import World
from weft.backends.rtnl import Rtnl
from weft.kinds import KINDS
from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.kinds.link.tap import Tap
from weft.kinds.setting.link import LinkSetting
from weft.state import Change, KernelObject, Op, State

ENDS = led(pair(1, "shop", "web", master="br", altnames=("front-door", "web")))
OBJECTS: list[KernelObject] = [
    *spaces("shop", "web"),
    bridge("shop", forward_delay=0, ageing_time=1000, mcast_snooping=False, altnames=("front",)),
    Tap(
        netns="",
        ifname="vm",
        alias=ALIAS + " it's a vm",
        mac=mac(3),
        mtu=1400,
        up=True,
        owner=1000,
        group=1001,
        multi_queue=True,
        vnet_hdr=True,
    ),
    *ENDS,
    Address(netns="web", ifname="eth1", cidr="10.0.0.5/24"),
    Address(netns="web", ifname="eth1", cidr="fd00::5/64", nodad=True),
    Neighbour(netns="web", ifname="eth1", address="10.0.0.9", mac=mac(77)),
    Neighbour(netns="web", ifname="eth1", address="10.0.0.10", proxy=True),
    Rule(netns="web", family=4, priority=100, src="10.0.0.0/24", table=10),
    Rule(netns="web", family=6, priority=101, fwmark=5, fwmask=255, iif="eth1", table=1000),
    Rule(netns="web", family=4, priority=102, src="192.0.2.0/24", action="prohibit"),
    Rule(netns="web", family=4, priority=90, iif="eth1", dst="192.0.2.0/24", table=254, suppressed=31),
    Rule(netns="web", family=6, priority=90, iif="eth1", dst="fd01::/64", table=254, suppressed=127),
    Route(netns="web", dst="0.0.0.0/0", via="10.0.0.1", ifname="eth1"),
    Route(netns="web", dst="::/0", via="fd00::1", ifname="eth1", metric=1024),
    Route(netns="web", dst="10.8.0.0/16", via="fe80::1", ifname="eth1", onlink=True),
    Route(netns="web", dst="10.10.0.0/16", ifname="eth1", src="10.0.0.5", mtu=1300, advmss=1200, table=1000, metric=7),
    Route(netns="web", dst="10.11.0.0/16", type="blackhole"),
]


def say(world: World, changes: list[Change]) -> None:
    """Run what the changes' scripts say."""
    lines = [line for change in changes for line in KINDS.of(change.object).script(change)]
    world.run("sh", "-e", input="\n".join(lines))


def made() -> list[Change]:
    return [Change(Op.CREATE, None, obj) for obj in OBJECTS]


def test_what_the_script_makes_is_what_weft_makes(world: World, rtnl: Rtnl) -> None:
    rtnl.commit(made())
    by_weft = world.dump(settle_s=6)
    with World() as other:
        say(other, made())
        by_hand = other.dump(settle_s=6)
    assert differences(by_weft, by_hand) == []


def test_what_the_script_deletes_is_gone(world: World, rtnl: Rtnl) -> None:
    before = world.dump()
    say(world, made())
    observed = whole(rtnl, "", "shop", "web")
    say(world, [Change(Op.DELETE, observed[obj.key], None) for obj in reversed(OBJECTS) if obj is not ENDS[1]])
    assert differences(before, world.dump()) == []


def updates() -> list[tuple[KernelObject, KernelObject]]:
    by_key = State.of(OBJECTS)
    leader, fellow = ENDS
    port = fellow if fellow.netns == "shop" else leader
    route = next(obj for obj in OBJECTS if isinstance(obj, Route))
    neighbour = next(obj for obj in OBJECTS if isinstance(obj, Neighbour))
    switch = by_key[bridge("shop").key]
    return [
        (port, replace(port, mtu=1300, master="", altnames=("web", "way-in"), alias=ALIAS + " changed")),
        (route, replace(route, via="10.0.0.254", mtu=1280)),
        (neighbour, replace(neighbour, mac=mac(78))),
        (switch, replace(switch, ageing_time=2000, altnames=(), up=False)),
        (spaces("web")[0], replace(spaces("web")[0], alias=ALIAS + " changed")),
    ]  # type: ignore[type-var]


def test_what_the_script_changes_is_what_weft_changes(world: World, rtnl: Rtnl) -> None:
    rtnl.commit(made())
    observed = whole(rtnl, "shop", "web")
    changes = [Change(Op.UPDATE, observed[before.key], after) for before, after in updates()]
    rtnl.commit(changes)
    by_weft = world.dump(settle_s=6)
    with World() as other:
        say(other, [*made(), *changes])
        by_hand = other.dump(settle_s=6)
    assert differences(by_weft, by_hand) == []


def test_offloads_and_pidfiles_are_said_with_their_own_commands() -> None:
    label = "pidfile:/run/my app.pid"
    tuned = LinkSetting(netns=label, ifname="eth1", attribute="offload/rx-gro", value="off")
    (last,) = KINDS.of(tuned).script(Change(Op.CREATE, None, tuned))
    assert last == """nsenter --net=/proc/"$(cat '/run/my app.pid')"/ns/net ethtool -K eth1 rx-gro off"""
    leader = led(pair(1, "a", label))[0]
    first, *_ = KINDS.of(leader).script(Change(Op.CREATE, None, leader))
    assert first == """ip -n a link add name wp1 type veth peer name eth1 netns "$(cat '/run/my app.pid')\""""
