"""Changes in place while traffic flows: no packet is lost, and every counter goes on. Judged by tc and iperf3."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest

from tests.kernel.rtnl_world import create, spaces, update
from tests.kernel.tc.trees import QUEUES, classes, htb, inner, klass, qdiscs, tbf
from tests.patience import until
from tests.world import World
from weft.backends.queues import QueueReader
from weft.backends.rtnl import Rtnl
from weft.kinds.ip.address import Address
from weft.kinds.link.veth import Veth
from weft.kinds.tc.htb import HtbClass
from weft.kinds.tc.leaves import Pfifo
from weft.netlink.namespaces import Namespaces
from weft.plan import plan
from weft.state import KernelObject, State, link_key
from weft.wire.tc import said_of
from weft.wire.tc_stats import FqCodelStats, HtbStats

ALIAS = "weft/host/lab/x"
NEAR = Veth(netns="", ifname="v0", peer_netns="far", peer_ifname="v1", alias=ALIAS, up=True)
FAR = Veth(netns="far", ifname="v1", peer_netns="", peer_ifname="v0", alias=ALIAS, up=True)
GROUND = [
    *spaces("far"),
    NEAR,
    FAR,
    Address(netns="", ifname="v0", cidr="10.0.0.1/24"),
    Address(netns="far", ifname="v1", cidr="10.0.0.2/24"),
]
AT = {"netns": "", "ifname": "v0"}


def shaped() -> list[KernelObject]:
    return [
        htb(),
        inner(1, rate_bps=400_000_000),
        klass(2, "77:1", rate_bps=100_000_000, burst_bytes=100_000, cburst_bytes=100_000),
        tbf("77:2", rate_bps=1_000_000_000, burst_bytes=200_000),
        Pfifo(**AT, parent="78:1", below="77:2", limit_packets=10_000),
    ]


def sent(world: World) -> int:
    return int(classes(world)["77:2"]["sent_packets"])


def test_a_change_in_place_loses_no_packet_and_keeps_counters(world: World, rtnl: Rtnl) -> None:
    create(rtnl, *GROUND, *shaped())
    server = world.start("iperf3", "-s", "-1", netns="far", stdout=subprocess.PIPE)
    until(lambda: "5201" in world.run("ss", "-ltn", netns="far").stdout, "the server listens")
    client = world.start("iperf3", "-c", "10.0.0.2", "-u", "-b", "30M", "-t", "3", "-J", stdout=subprocess.PIPE)
    until(lambda: sent(world) > 100, "packets pass")
    leaf = shaped()[2]
    assert isinstance(leaf, HtbClass)
    for step in range(20):
        changed = replace(leaf, rate_bps=100_000_000 + step * 8_000_000, priority=step % 8, quantum_bytes=2000 + step)
        before = sent(world)
        update(rtnl, leaf, changed.held())
        leaf = changed.held()
        assert sent(world) >= before
    out, _ = client.communicate(timeout=60)
    server.wait(timeout=60)
    told = json.loads(out)["end"]["sum"]  # of its losses some are the receiving socket's, on a machine that is busy
    assert sent(world) >= told["packets"] > 1000 and classes(world)["77:2"]["(dropped"] == "0,"
    (far,) = world.json("ip", "-s", "-j", "link", "show", "dev", "v1", netns="far")
    assert far["stats64"]["rx"]["packets"] >= sent(world) and far["stats64"]["rx"]["dropped"] == 0
    assert classes(world)["77:2"]["prio"] == "3"


def test_a_fifo_under_a_tbf_that_changes_keeps_its_limit(world: World, rtnl: Rtnl) -> None:
    """The kernel gives it the TBF's limit; the plan says it again."""
    create(rtnl, *GROUND, *shaped())
    goal = [replace(obj, limit_bytes=5000) if obj.key == shaped()[3].key else obj for obj in shaped()]  # type: ignore[type-var]
    todo = plan(State.of(shaped()), State.of(goal))
    assert len(todo.changes) == 2
    for step in todo.steps():
        rtnl.commit(step.changes)
    limits = {seen["parent"]: seen["options"].get("limit") for seen in qdiscs(world) if "parent" in seen}
    assert limits["78:1"] == 10_000


def test_counters_are_as_tc_tells_them(world: World, rtnl: Rtnl) -> None:
    create(rtnl, *GROUND, *shaped())
    world.run("ping", "-c", "3", "-i", "0.05", "10.0.0.2")
    reader = QueueReader(Namespaces())
    glance = reader.read([link_key("", "v0"), link_key("nowhere", "v0")])
    reader.close()
    told = classes(world)["77:2"]
    assert glance.links.keys() == {link_key("", "v0")}
    held = glance.links[link_key("", "v0")]
    by_classid = {said_of(each.handle): each for each in held.classes}
    seen = by_classid["77:2"]
    assert seen.sent_packets <= int(told["sent_packets"]) and seen.sent_packets >= 3
    assert len(held.qdiscs) + len(held.classes) == len(shaped())
    assert isinstance(by_classid["77:1"].more, HtbStats) and isinstance(seen.more, HtbStats) and seen.more.lent >= 3


@pytest.mark.needs("fq_codel")
def test_fq_codel_is_changed_under_traffic(world: World, rtnl: Rtnl) -> None:
    first, second = (replace(queue, parent="77:2") for queue in QUEUES["fq_codel"])
    create(rtnl, *GROUND, *shaped()[:3], first)
    flood = world.start("ping", "-q", "-c", "200", "-i", "0.005", "10.0.0.2", stdout=subprocess.PIPE)
    until(lambda: sent(world) > 20, "packets pass")
    handle = next(seen["handle"] for seen in qdiscs(world) if seen.get("parent") == "77:2")
    update(rtnl, first, second)
    update(rtnl, second, first)
    out, _ = flood.communicate(timeout=60)
    assert " 0% packet loss" in out and sent(world) >= 200
    assert handle in {seen["handle"] for seen in qdiscs(world)}
    reader = QueueReader(Namespaces())
    held = reader.read([link_key("", "v0")]).links[link_key("", "v0")]
    assert any(isinstance(each.more, FqCodelStats) for each in held.qdiscs)
    reader.close()
