"""Trees of qdiscs and classes on the real kernel: what weft makes, `tc` sees, and it reads back equal."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tests.kernel.rtnl_world import create, delete, some, update, whole
from tests.kernel.tc.trees import (
    QUEUES,
    classes,
    htb,
    inner,
    kinds_of,
    klass,
    link,
    qdiscs,
    random_class,
    random_queue,
    tree,
)
from tests.world import World
from weft.backends.rtnl import Rtnl
from weft.diff import diff
from weft.errors import KernelRefused
from weft.facts import FEATURES
from weft.kinds import KINDS
from weft.kinds.tc.other import OtherQdisc
from weft.kinds.tc.qdisc import Qdisc
from weft.state import Change, KernelObject, Op, State

ROUNDS = 200
ALL = [pytest.param(kind, marks=[pytest.mark.needs(kind)] if kind in FEATURES else [], id=kind) for kind in QUEUES]


def same(rtnl: Rtnl, *wanted: KernelObject) -> bool:
    """Whether all of it, and no more, is read of the host's namespace, and by key."""
    goal = State.of(wanted)
    return diff(whole(rtnl, ""), goal) == {} == diff(some(rtnl, wanted), goal)


def test_a_tree_is_as_tc_tells_it_and_reads_back(world: World, rtnl: Rtnl) -> None:
    create(rtnl, *link(), *tree())
    assert list(kinds_of(world)) == [("root", "htb"), ("77:10", "tbf"), ("77:2", "pfifo"), ("78:1", "pfifo")]
    root, shaper, *_ = qdiscs(world)
    assert root["handle"] == "77:" and root["options"]["default"] == "0x2"
    assert shaper["options"]["rate"] == 12_500_000
    seen = classes(world)
    assert seen.keys() == {"77:1", "77:2", "77:10"}
    assert (seen["77:1"]["77:1"], seen["77:2"]["parent"], seen["77:10"]["prio"]) == ("root", "77:1", "3")
    assert (seen["77:2"]["rate"], seen["77:2"]["ceil"], seen["77:2"]["quantum"]) == ("8Mbit", "16Mbit", "1514")
    assert seen["77:10"]["linklayer"] == "atm" and seen["77:10"]["overhead"] == "24"
    assert same(rtnl, *link(), *tree())


def test_the_root_takes_everything_along(world: World, rtnl: Rtnl) -> None:
    create(rtnl, *link(), *tree())
    delete(rtnl, tree()[0])
    assert list(kinds_of(world)) == [("root", "noqueue")] and classes(world) == {}
    delete(rtnl, *reversed(tree()))  # nothing of it is there: content
    assert same(rtnl, *link())


def test_parts_of_a_tree_go(world: World, rtnl: Rtnl) -> None:
    objects = tree()
    create(rtnl, *link(), *objects)
    delete(rtnl, objects[6], objects[5])
    assert dict(kinds_of(world)).keys() == {"root", "77:2"}, "the class has the queue that it was born with"
    delete(rtnl, objects[4], objects[3])
    assert classes(world).keys() == {"77:1", "77:2"}
    assert same(rtnl, *link(), *objects[:3])


def test_a_class_is_changed_in_place(world: World, rtnl: Rtnl) -> None:
    objects = tree()
    create(rtnl, *link(), *objects)
    changed = replace(klass(2, "77:1", rate_bps=16_000_000, quantum_bytes=3000, priority=7), overhead_bytes=10).held()
    update(rtnl, objects[2], changed)
    top = replace(inner(1, rate_bps=50_000_000), cells=True).held()
    update(rtnl, objects[1], top)
    seen = classes(world)
    assert (seen["77:2"]["rate"], seen["77:2"]["prio"], seen["77:1"]["rate"]) == ("16Mbit", "7", "50Mbit")
    wanted = [*objects[:1], top, changed, *objects[3:]]
    assert same(rtnl, *link(), *wanted)


def test_what_is_gone_is_not_changed(world: World, rtnl: Rtnl) -> None:
    objects = tree()
    create(rtnl, *link(), *objects[:3])
    world.run("tc", "class", "del", "dev", "v0", "classid", "77:2")
    with pytest.raises(KernelRefused, match="update class v0 77:2: No such file"):
        update(rtnl, objects[2], klass(2, "77:1", rate_bps=16_000_000))
    assert classes(world).keys() == {"77:1"}


def test_somebody_s_root_is_not_overwritten(world: World, rtnl: Rtnl) -> None:
    create(rtnl, *link())
    world.run("tc", "qdisc", "add", "dev", "v0", "root", "handle", "1:", "pfifo", "limit", "7")
    with pytest.raises(KernelRefused, match="create qdisc v0 root: File exists"):
        create(rtnl, htb())
    assert qdiscs(world)[0]["options"] == {"limit": 7}


def test_another_handle_is_not_deleted(world: World, rtnl: Rtnl) -> None:
    create(rtnl, *link(), htb())
    world.run("tc", "qdisc", "replace", "dev", "v0", "root", "handle", "1:", "pfifo", "limit", "7")
    delete(rtnl, htb())
    assert qdiscs(world)[0]["handle"] == "1:"


def test_a_tree_goes_with_its_link(world: World, rtnl: Rtnl) -> None:
    create(rtnl, *link(), *tree())
    delete(rtnl, link()[0], *reversed(tree()))
    assert whole(rtnl, "") == {}


def test_a_qdisc_of_a_kind_not_weft_s_is_seen_and_taken_away(world: World, rtnl: Rtnl) -> None:
    create(rtnl, *link())
    world.run("tc", "qdisc", "add", "dev", "v0", "root", "handle", "5:", "bfifo", "limit", "7000")
    (seen,) = (obj for obj in whole(rtnl, "").values() if isinstance(obj, Qdisc))
    assert isinstance(seen, OtherQdisc) and (seen.qdisc_kind, seen.handle) == ("bfifo", "5:")
    before = qdiscs(world)
    delete(rtnl, seen)
    assert list(kinds_of(world)) == [("root", "noqueue")]
    create(rtnl, seen)
    assert qdiscs(world) == before


def test_hooks_are_no_part_of_a_tree(world: World, rtnl: Rtnl) -> None:
    create(rtnl, *link(), htb())
    world.run("tc", "qdisc", "add", "dev", "v0", "clsact")
    assert same(rtnl, *link(), htb())


@pytest.mark.parametrize("kind", ALL)
def test_a_queue_at_the_root_in_a_class_and_changed(world: World, rtnl: Rtnl, kind: str) -> None:
    first, second = QUEUES[kind]
    create(rtnl, *link(), first)
    assert qdiscs(world)[0]["kind"] == kind and same(rtnl, *link(), first)
    handle = qdiscs(world)[0]["handle"]
    if KINDS.of(first).in_place:
        update(rtnl, first, second)
        assert qdiscs(world)[0]["handle"] == handle and same(rtnl, *link(), second)
        update(rtnl, second, first)
    else:
        rtnl.commit([Change(Op.REPLACE, first, second)])
        assert same(rtnl, *link(), second)
        rtnl.commit([Change(Op.REPLACE, second, first)])
    assert same(rtnl, *link(), first)
    delete(rtnl, first)
    leaf = replace(first, parent="77:2")
    create(rtnl, htb(), klass(2), leaf)
    assert dict(kinds_of(world)) == {"root": "htb", "77:2": kind} and same(rtnl, *link(), htb(), klass(2), leaf)


@pytest.mark.parametrize("kind", ALL)
def test_any_numbers_read_back(rtnl: Rtnl, kind: str) -> None:
    rng = Random(kind)
    create(rtnl, *link())
    for _ in range(ROUNDS):
        made = random_queue(rng, kind)
        assert made.held() == made
        create(rtnl, made)
        assert diff(some(rtnl, [made]), State.of([made])) == {}
        delete(rtnl, made)


def test_any_numbers_of_classes_read_back(rtnl: Rtnl) -> None:
    rng = Random(7)
    made = [random_class(rng, minor) for minor in range(1, 20 * ROUNDS)]
    assert all(each.held() == each for each in made)
    create(rtnl, *link(), htb(), *made)
    assert same(rtnl, *link(), htb(), *made)


@pytest.mark.parametrize(("rate_bps", "told"), [(20, "16bit"), (8, "8bit"), (10**11, "100Gbit"), (10**12, "1Tbit")])
def test_extreme_rates(world: World, rtnl: Rtnl, rate_bps: int, told: str) -> None:
    made = klass(2, rate_bps=rate_bps, ceil_bps=rate_bps, burst_bytes=1600, cburst_bytes=1600)
    create(rtnl, *link(), htb(), made)
    assert classes(world)["77:2"]["rate"] == told
    assert same(rtnl, *link(), htb(), made)


def script_of(objects: list[KernelObject]) -> str:
    return "\n".join(line for obj in objects for line in KINDS.of(obj).script(Change(Op.CREATE, None, obj)))


@pytest.mark.parametrize("kind", ALL)
def test_the_script_does_the_same_for_queues(world: World, rtnl: Rtnl, kind: str) -> None:
    create(rtnl, *link())
    first, second = QUEUES[kind]
    world.run("sh", "-ec", script_of([first]))
    assert same(rtnl, *link(), first)
    handle = qdiscs(world)[0]["handle"]
    was, becomes = replace(first, handle=handle), replace(second, handle=handle)
    op = Op.UPDATE if KINDS.of(first).in_place else Op.REPLACE
    world.run("sh", "-ec", "\n".join(KINDS.of(first).script(Change(op, was, becomes))))
    assert same(rtnl, *link(), second)
    world.run("sh", "-ec", "\n".join(KINDS.of(first).script(Change(Op.DELETE, becomes, None))))
    assert same(rtnl, *link())


def test_the_script_does_the_same_for_a_tree(world: World, rtnl: Rtnl) -> None:
    create(rtnl, *link())
    world.run("sh", "-ec", script_of(tree()))
    assert same(rtnl, *link(), *tree())
    before, after = klass(2, "77:1"), klass(2, "77:1", rate_bps=5_000_000, priority=1)
    world.run("sh", "-ec", "\n".join(KINDS.of(before).script(Change(Op.UPDATE, before, after))))
    assert same(rtnl, *link(), *(after if obj.key == after.key else obj for obj in tree()))


def test_the_script_s_buckets_read_back(world: World, rtnl: Rtnl) -> None:
    rng = Random(8)
    made: list[KernelObject] = [random_class(rng, minor) for minor in range(1, 100)]
    create(rtnl, *link(), htb())
    world.run("sh", "-ec", script_of(made))
    assert diff(whole(rtnl, ""), State.of([*link(), htb(), *made])) == {}
