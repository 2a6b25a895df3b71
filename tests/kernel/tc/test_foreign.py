"""Links that are somebody else's: a root that is in the way, that gives way and comes back, or that is left."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.kernel.tc.machine import Road
from tests.kernel.tc.trees import ON, kinds_of, qdiscs, tree
from tests.world import World
from weft.backends.base import Backend, Selection
from weft.errors import KernelRefused, RolledBack
from weft.kinds.setting.link import LinkSetting
from weft.kinds.tc.qdisc import qdisc_key
from weft.state import Change, State

GIVES_WAY = LinkSetting(netns="", ifname="v0", attribute="qdisc", value="")

TREES: Mapping[str, tuple[str, ...]] = {
    "htb": (
        "qdisc add dev v0 root handle 1: htb default 0x20 r2q 7",
        "class add dev v0 parent 1: classid 1:1 htb rate 50mbit burst 15k cburst 3k",
        "class add dev v0 parent 1:1 classid 1:10 htb rate 12345678bit ceil 40mbit prio 3 quantum 2000",
        "class add dev v0 parent 1:1 classid 1:20 htb rate 7kbit ceil 50mbit",
        "qdisc add dev v0 parent 1:20 handle 3: pfifo limit 77",
        "qdisc add dev v0 parent 1:10 handle 2: tbf rate 30mbit burst 5k limit 9k",
        "qdisc add dev v0 parent 2:1 handle 4: bfifo limit 12345",
        "filter add dev v0 parent 1: protocol ip prio 5 u32 match ip dst 10.1.0.0/16 match ip dport 80 0xffff "
        "flowid 1:10",
        "filter add dev v0 parent 1: protocol ip prio 3 handle 2: u32 divisor 16",
        "filter add dev v0 parent 1: protocol ip prio 3 u32 ht 2:7: match ip src 10.2.0.7 flowid 1:20",
        "filter add dev v0 parent 1: protocol ip prio 3 u32 ht 800:: match ip src 10.2.0.0/24 "
        "hashkey mask 0xf at 12 link 2:",
        "filter add dev v0 parent 1:1 protocol all prio 9 u32 match u32 0 0 flowid 1:20",
    ),
    "pfifo": ("qdisc add dev v0 root handle 9: pfifo limit 5",),
    "noqueue": ("qdisc replace dev v0 root handle 9: noqueue",),
    "pfifo_fast": ("qdisc replace dev v0 root handle 9: pfifo_fast",),
    "mq": (
        "qdisc add dev v0 root handle 1: mq",
        "qdisc replace dev v0 parent 1:1 handle 20: htb default 0x2 r2q 5",
        "class add dev v0 parent 20: classid 20:2 htb rate 3mbit",
        "qdisc replace dev v0 parent 1:3 handle 31: pfifo limit 33",
        "filter add dev v0 parent 20: protocol ip prio 5 u32 match ip dst 10.1.0.0/16 flowid 20:2",
    ),
    "prio": (
        "qdisc add dev v0 root handle 1: prio bands 4 priomap 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3",
        "qdisc add dev v0 parent 1:1 handle 10: fq_codel limit 900 target 4ms interval 70ms quantum 400 flows 64",
        "qdisc add dev v0 parent 1:2 handle 20: htb default 0x2",
        "class add dev v0 parent 20: classid 20:2 htb rate 3mbit",
        "qdisc add dev v0 parent 20:2 handle 21: sfq perturb 7 limit 50",
        "qdisc add dev v0 parent 1:3 handle 30: netem delay 3ms 1ms loss 2% limit 70",
        "qdisc add dev v0 parent 1:4 handle 40: codel limit 30 target 3ms interval 30ms ecn",
        "filter add dev v0 parent 1: protocol ip prio 1 flower ip_proto tcp dst_port 443 dst_ip 10.0.0.0/8 classid 1:2",
        "filter add dev v0 parent 1: protocol ip prio 2 u32 match ip protocol 1 0xff action drop",
        "filter add dev v0 parent 1: protocol all prio 4 matchall classid 1:3",
        "filter add dev v0 parent 20: protocol all prio 4 handle 0x7 fw classid 20:2",
    ),
}
NEEDS = {"prio": ("fq_codel", "netem")}


@pytest.fixture
def road(world: World) -> Iterator[Road]:
    world.run("ip", "link", "add", "v0", "numtxqueues", "4", "type", "veth", "peer", "v1")
    with world.inside():
        yield Road()


def tell(world: World, tree: str) -> None:
    for command in TREES[tree]:
        world.run("tc", *command.split())


def seen(world: World) -> dict[str, Any]:
    """The tree as tc tells it (of filters Debian 12's tells no JSON that can be read)."""
    filters = [
        world.run("tc", "filter", "show", "dev", "v0", "parent", parent, check=False).stdout
        for parent in ("1:", "1:1", "20:")
    ]
    classes = world.run("tc", "-d", "class", "show", "dev", "v0").stdout.splitlines()
    told = [{**qdisc, "refcnt": 0} for qdisc in qdiscs(world)]
    return {"qdiscs": told, "classes": sorted(classes), "filters": filters}


def settled(road: Road) -> bool:
    return not road.machine.noted()


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.needs(*NEEDS[n])] if n in NEEDS else []) for n in TREES]
)
def test_a_root_gives_way_and_comes_back_whole(world: World, road: Road, name: str) -> None:
    tell(world, name)
    before = seen(world)
    road.go([GIVES_WAY, *tree()])
    assert list(kinds_of(world)) == [("root", "htb"), ("77:10", "tbf"), ("77:2", "pfifo"), ("78:1", "pfifo")]
    assert not road.plan(State.of([GIVES_WAY, *tree()])), "a second apply changes nothing"
    road.go([])
    assert seen(world) == before and settled(road)


@pytest.mark.parametrize("name", ["htb", "noqueue", "pfifo_fast"])
def test_without_replace_it_is_in_the_way(world: World, road: Road, name: str) -> None:
    """Also what looks like the kernel's own."""
    tell(world, name)
    before = seen(world)
    parts = road.split(State.of(tree()))
    assert parts.foreign.keys() == {qdisc_key("", "v0", "root")} and not parts.ours
    assert seen(world) == before


def test_what_would_not_come_back_is_in_the_way_too(world: World, road: Road) -> None:
    world.run("tc", *"qdisc add dev v0 root handle 1: htb".split())
    world.run("tc", *"filter add dev v0 parent 1: protocol ip prio 1 u32 divisor 4".split())
    parts = road.split(State.of([GIVES_WAY, *tree()]))
    assert GIVES_WAY.key in parts.foreign


def test_a_root_put_there_since_is_left(world: World, road: Road) -> None:
    tell(world, "pfifo")
    road.go([GIVES_WAY, *tree()])
    world.run("tc", "qdisc", "replace", "dev", "v0", "root", "handle", "5:", "bfifo", "limit", "4000")
    road.go([])
    assert [told["handle"] for told in qdiscs(world)] == ["5:"] and settled(road)


def test_the_kernel_s_own_comes_back_by_itself(world: World, road: Road) -> None:
    before = seen(world)
    road.go(tree())
    assert not road.plan(State.of(tree()))
    changed = [*tree()[:-1], type(tree()[-1])(**ON, parent="78:1", below="77:10", limit_packets=51)]
    assert len(road.go(changed).changes) == 1
    road.go([])
    assert seen(world) == before and settled(road)


class Refusing:
    """A backend that refuses its n-th change of all."""

    left = 0

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def observe(self, selection: Selection) -> State:
        return self._backend.observe(selection)

    def commit(self, changes: Any) -> None:
        for change in changes:
            self._refuse(change)
            self._backend.commit([change])

    @classmethod
    def _refuse(cls, change: Change) -> None:
        cls.left -= 1
        if cls.left == 0:
            raise KernelRefused(str(change), errno.ENOMEM)


def test_a_refusal_anywhere_brings_it_back(world: World, road: Road) -> None:
    tell(world, "htb")
    before = seen(world)
    wanted = [GIVES_WAY, *tree()]
    backends = {name: Refusing(backend) for name, backend in road.machine.backends.items()}
    for refused in range(1, len(wanted) + 1):
        Refusing.left = refused
        with pytest.raises(RolledBack):
            road.go(wanted, backends)
        assert seen(world) == before, f"at change {refused}"
        assert settled(road), f"at change {refused}"
