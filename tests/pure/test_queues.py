"""What was counted, as `weft qos show` tells it: rates, losses counted once, delays, names and strangers."""

from __future__ import annotations

from typing import Any

from weft.backends.queues import LinkQueues, QueueGlance
from weft.picture.queues import ClassView, Delay, TreeView
from weft.service.queues import Queued, lost_of, tree_of
from weft.state import link_key
from weft.wire.tc import TC_H_ROOT
from weft.wire.tc_rate import ClassOptions, TbfOptions, class_options, tbf_options
from weft.wire.tc_stats import FlowStats, TcStats

ETH0 = link_key("", "eth0")
NAMES = {"77:1": "(all)", "77:2": "(default)", "77:20": "voice", "77:10": "web"}
MBIT = 125_000
"""Bytes a second."""


def counted(kind: str, handle: int, parent: int, **more: Any) -> TcStats:
    return TcStats(ifindex=2, handle=handle, parent=parent, kind=kind, **more)


def klass(minor: int, parent: int = 0x770001, rate: int = 1, ceil: int = 10, **more: Any) -> TcStats:
    """Rates in mbit/s."""
    options = ClassOptions(rate * MBIT, ceil * MBIT, 100, 100, 1500, 3, 0, 1)
    return counted("htb", 0x770000 | minor, parent, options=class_options(options), **more)


ROOT = counted("htb", 0x770000, TC_H_ROOT)
TOP = klass(1, TC_H_ROOT, 10)


def shown(qdiscs: list[TcStats], classes: list[TcStats], before: list[TcStats] | None = None, **more: Any) -> TreeView:
    said = {"names": NAMES, "handle": "77:", **more}
    queued = Queued(link=ETH0, carrier="link eth0", direction="egress", where="f:1:1", **said)
    now = QueueGlance(at_s=12.0, links={ETH0: LinkQueues(qdiscs=qdiscs, classes=classes)})
    was = QueueGlance(at_s=10.0, links={ETH0: LinkQueues(qdiscs=qdiscs, classes=before)}) if before else None
    found = tree_of(queued, now, was)
    assert found is not None
    return found


def only(name: str, tree: TreeView) -> ClassView:
    return next(held for held in tree.classes if held.name == name)


def test_classes_stand_as_in_the_file_below_what_they_are_part_of() -> None:
    part, stranger = klass(0x30, 0x770010), klass(0x99)
    tree = shown([ROOT], [stranger, klass(0x10), klass(2), part, klass(0x20), TOP], names={**NAMES, "77:30": "tls"})
    told = [(held.name, held.depth) for held in tree.classes]
    assert told == [("(all)", 0), ("(default)", 1), ("voice", 1), ("web", 1), ("tls", 2), ("77:99", 1)]
    assert not tree.is_foreign


def test_rates_come_from_two_looks_at_one_counter() -> None:
    tree = shown(
        [ROOT], [TOP, klass(0x10, sent_bytes=3_000_000, sent_packets=2_000)], [klass(0x10, sent_bytes=500_000)]
    )
    sent = only("web", tree).sent
    assert (sent.rate_bps, sent.rate_pps) == (10_000_000, 1_000)
    anew = shown([ROOT], [TOP, klass(0x10, sent_bytes=10)], [klass(0x10, sent_bytes=500)])
    assert only("web", anew).sent.rate_bps is None
    assert only("web", shown([ROOT], [TOP, klass(0x10)])).sent.rate_bps is None


def test_a_loss_counts_once_however_many_queues_tell_of_it() -> None:
    tbf = counted("tbf", 0x780000, 0x770010, drops=7)
    leaf = counted("pfifo", 0x790000, 0x780001, drops=7)
    tree = shown([ROOT, tbf, leaf], [TOP, klass(0x10, drops=7)])
    web = only("web", tree)
    assert web.sent.lost == 7 and web.queue == "pfifo" and web.priority == 3
    inside = shown([ROOT, counted("fq_codel", 0x790000, 0x770010, drops=9)], [TOP, klass(0x10)])
    assert only("web", inside).sent.lost == 9
    held = LinkQueues(qdiscs=[ROOT, counted("fq_codel", 0x790000, 0x770010, drops=9)], classes=[TOP, klass(0x10)])
    assert lost_of(held) == {0x770001: 0, 0x770010: 9}


def test_a_delay_is_measured_by_the_slowest_flow() -> None:
    leaf, other = counted("fq_codel", 0x790000, 0x770010), counted("fq_codel", 0x7A0000, 0x770020)
    flows = [counted("fq_codel", 0x790000 | at, 0x790000, more=FlowStats(us)) for at, us in ((1, 300), (2, 4_000))]
    far = counted("fq_codel", 0x7A0001, 0x7A0000, more=FlowStats(90_000))
    tree = shown([ROOT, leaf, other], [TOP, klass(0x10), klass(0x20), *flows, far])
    assert (only("web", tree).delay_us, only("web", tree).delay) == (4_000, Delay.MEASURED)
    assert only("voice", tree).delay_us == 90_000


def test_a_delay_is_estimated_from_what_waits() -> None:
    waiting = {"backlog": 12_500, "waiting": 9}
    by_limit = only("web", shown([ROOT], [TOP, klass(0x10, ceil=1, **waiting)]))
    assert (by_limit.delay_us, by_limit.delay) == (100_000, Delay.ESTIMATED)
    above = klass(1, TC_H_ROOT, ceil=2)
    assert only("web", shown([ROOT], [above, klass(0x10, ceil=10, **waiting)])).delay_us == 50_000
    moving = klass(0x10, sent_bytes=2_500_000, **waiting)
    assert only("web", shown([ROOT], [TOP, moving], [klass(0x10)])).delay_us == 10_000
    stuck = only("web", shown([ROOT], [TOP, klass(0x10, **waiting)], [klass(0x10, **waiting)]))
    assert (stuck.delay_us, stuck.delay) == (None, None)
    assert only("web", shown([ROOT], [TOP, klass(0x10)])).delay_us == 0


def test_no_limit_is_none() -> None:
    tree = shown([ROOT], [TOP, klass(0x10, ceil=1_000_000)])
    assert only("web", tree).ceil_bps is None and only("(all)", tree).ceil_bps == 10_000_000


def test_queues_without_classes_from_the_outside_in() -> None:
    tbf = counted("tbf", 0x80000, TC_H_ROOT, drops=3, options=tbf_options(TbfOptions(5 * MBIT, 100, 10_000)))
    netem = counted("netem", 0x90000, 0x80001)
    tree = shown([tbf, netem], [], names={}, handle="8:")
    assert [(held.name, held.queue, held.depth) for held in tree.classes] == [("(all)", "tbf", 0), ("9:", "netem", 1)]
    assert not tree.is_foreign and tree.classes[0].ceil_bps == 5_000_000
    assert tree.classes[0].sent.lost == 3


def test_a_tree_of_somebody_else_s_in_the_place_of_ours() -> None:
    root, top = counted("htb", 0x990000, TC_H_ROOT), counted("htb", 0x990001, TC_H_ROOT, options=TOP.options)
    assert shown([root], [top]).is_foreign
    assert shown([counted("pfifo", 0x990000, TC_H_ROOT)], []).is_foreign
    assert [held.name for held in shown([root], [top]).classes] == ["99:1"]


def test_what_the_kernel_gives_links_by_itself_is_nothing() -> None:
    queued = Queued(link=ETH0, carrier="link eth0", direction="", where="", handle="", names={})
    by_itself = LinkQueues(qdiscs=[counted("fq_codel", 0, TC_H_ROOT)])
    assert tree_of(queued, QueueGlance(at_s=0, links={ETH0: by_itself}), None) is None
    assert tree_of(queued, QueueGlance(at_s=0), None) is None
