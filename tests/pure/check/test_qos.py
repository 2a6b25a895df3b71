"""What a check of quality of service sends for each class, and how it judges what was counted."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import replace

import pytest

from weft.check.qos import iperf, measuring
from weft.check.qos.delay import Sender, latency_of
from weft.check.qos.lanes import (
    BUSY_BPS,
    Aim,
    Direction,
    Lane,
    Place,
    Round,
    Run,
    Tree,
    beside_each_other,
    rounds_of,
)
from weft.check.qos.measuring import PROMPT_S, Total, _drain, _read, _skip_s
from weft.check.qos.verdict import Counted, Judged, Kind, Latency, Outcome, judge, too_few
from weft.check.reach.exchange import received
from weft.compiler.qos.classify import Classed
from weft.compiler.qos.flow import PORTS, Classes, Flow
from weft.kinds.tc.qdisc import class_key
from weft.model.qos import QosMatch
from weft.state import Key

HERE, THERE = "10.0.0.1", "10.0.0.2"
DEFAULT, ONE, TWO = "77:2", "77:10", "77:11"


def classes(*asked: tuple[str, QosMatch], default: str = DEFAULT) -> Classes:
    return Classes(asked=[Classed(classid=of, matches=(match,)) for of, match in asked], default=default)


def between(protocol: str = "udp", **more: str) -> Flow:
    return Flow(protocol=protocol, source=HERE, target=THERE, port=0, **more)  # type: ignore[arg-type]


# A packet for each class


def test_a_packet_has_all_that_its_class_matches() -> None:
    of = classes((ONE, QosMatch(dscp=(46,), ports=("5060-5070",), source_ports=("7000",), protocol="udp")))
    expected = Flow(protocol="udp", source=HERE, target=THERE, port=5060, source_port=7000, dscp=46)
    assert of.flow_into(ONE, between()) == expected and of.of(expected) == ONE
    assert of.flow_into(ONE, between("tcp")) == "it is of udp, and this is tcp"


def test_of_the_default_class_is_what_no_other_matches() -> None:
    of = classes((ONE, QosMatch(ports=(str(PORTS[0]),))))
    found = of.flow_into(DEFAULT, between())
    assert isinstance(found, Flow) and found.port == PORTS[1] and of.of(found) == DEFAULT


def test_the_default_may_be_a_class_that_matches_too() -> None:
    of = classes((ONE, QosMatch(dscp=(46,))), (TWO, QosMatch(ports=("80",))), default=TWO)
    assert of.of(replace(between(), port=9)) == of.of(replace(between(), port=80)) == TWO
    assert isinstance(of.flow_into(TWO, between()), Flow)


def test_a_class_behind_a_wider_one_is_reached_where_that_leaves_room() -> None:
    of = classes((ONE, QosMatch(ports=("1-5000",))), (TWO, QosMatch(ports=("4000-6000",))))
    found = of.flow_into(TWO, between())
    assert isinstance(found, Flow) and found.port == 6000


def test_a_shadowed_class_says_why_nothing_can_be_sent_for_it() -> None:
    of = classes((ONE, QosMatch()), (TWO, QosMatch(dscp=(46,))))
    assert of.flow_into(TWO, between()) == "every packet that could be sent for it belongs to a class before it"


@pytest.mark.parametrize(
    ("match", "why"),
    [
        (QosMatch(protocol="icmp"), "it is of icmp, and this is udp"),
        (QosMatch(mark="0x1/0xff"), "it is of packets marked 0x1/0xff"),
        (QosMatch(cgroup="user.slice"), "it is of what the cgroup user.slice sends"),
        (
            QosMatch(destination=("192.0.2.0/24",)),
            "it is of packets to 192.0.2.0/24, and none at hand has such an address",
        ),
        (QosMatch(source=("fd00::/64",)), "it is of packets from fd00::/64, and none at hand has such an address"),
        (
            QosMatch(source_mac=("02:00:00:00:00:01",)),
            "it is of packets from 02:00:00:00:00:01, and none at hand has such a MAC",
        ),
    ],
)
def test_what_cannot_be_sent_is_said(match: QosMatch, why: str) -> None:
    assert classes((ONE, match)).flow_into(ONE, between()) == why


def test_a_mac_is_matched_where_it_is_known() -> None:
    of = classes((ONE, QosMatch(destination_mac=("02:00:00:00:00:01",))))
    assert isinstance(of.flow_into(ONE, between(target_mac="02:00:00:00:00:01")), Flow)


def test_one_of_several_matches_is_enough() -> None:
    of = Classes(
        asked=[Classed(classid=ONE, matches=(QosMatch(protocol="icmp"), QosMatch(source=(HERE + "/32",))))],
        default=DEFAULT,
    )
    assert isinstance(of.flow_into(ONE, between()), Flow)


def test_ports_that_others_use_are_used_only_where_the_class_demands_it() -> None:
    of = classes((ONE, QosMatch(ports=("5060",))))
    free, only = of.flow_into(DEFAULT, between(), {PORTS[0]}), of.flow_into(ONE, between(), {5060})
    assert isinstance(free, Flow) and isinstance(only, Flow)
    assert (free.port, only.port) == (PORTS[1], 5060)


# What is sent when


def lane(
    name: str = "", *, rate: int = 0, ceil: int = 10_000_000, minor: str = "2", latency: int | None = None
) -> Lane:
    flow = Flow(protocol="udp", source=HERE, target=THERE, port=5190 + int(minor))
    return Lane(
        carrier="shop/web",
        direction=Direction.EGRESS,
        name=name,
        key=class_key("t", "ifb0", f"77:{minor}"),
        rate_bps=rate,
        ceil_bps=ceil,
        latency_us=latency,
        flows={"tcp": replace(flow, protocol="tcp"), "udp": flow},
        sender=Place(name="shop/web", netns="web", address=HERE),
        receiver=Place(name="shop/db", netns="db", address=THERE),
    )


def tree(*lanes: Lane, ceil: int = 10_000_000, ifname: str = "ifb0") -> Tree:
    leaves = {held.key: held.name for held in lanes} | {class_key("t", ifname, "77:2"): "default"}
    return Tree(netns="t", ifname=ifname, ceil_bps=ceil, lanes=lanes, leaves=leaves)


def test_each_class_is_alone_by_each_protocol_and_then_all_are_together() -> None:
    voice, bulk = lane("voice", rate=2_000_000, minor="10"), lane("bulk", minor="11")
    rounds = list(rounds_of(tree(voice, bulk)))
    assert [(of.aim, len(of.runs)) for of in rounds] == [(Aim.ALONE, 1)] * 4 + [(Aim.TOGETHER, 2)]
    assert [run.offered_bps for run in rounds[-1].runs] == [12_000_000, 12_000_000]
    assert [run.offered_bps for of in rounds[:2] for run in of.runs] == [None, 12_000_000]


def test_who_has_a_guarantee_offers_it_and_what_is_idle() -> None:
    lanes = [
        lane(str(n), rate=rate, ceil=20_000_000, minor=str(10 + n)) for n, rate in enumerate((8_000_000, 2_000_000))
    ]
    together = list(rounds_of(tree(*lanes, ceil=20_000_000)))[-1]
    assert [run.offered_bps for run in together.runs] == [21_600_000, 14_400_000]
    assert together.load_bps == 24_000_000, "no more than the tree lets through, and a little"


def test_one_class_needs_no_round_of_all() -> None:
    assert [of.aim for of in rounds_of(tree(lane()))] == [Aim.ALONE, Aim.ALONE]


def test_one_receiver_serves_one_at_a_port() -> None:
    """Classes that differ in their DSCP alone are not sent at once; whom they disturb is there both times."""
    one, two, other = (lane(str(n), minor=str(10 + n)) for n in range(3))
    two = replace(two, flows=one.flows)
    rounds = [of for of in rounds_of(tree(one, two, other)) if of.aim is Aim.TOGETHER]
    assert [[run.lane.name for run in of.runs] for of in rounds] == [["0", "2"], ["1", "2"]]
    assert not [of for of in rounds_of(tree(one, two)) if of.aim is Aim.TOGETHER]
    far = Place(name="192.0.2.1", netns=None, address="192.0.2.1")
    outward = [replace(held, receiver=far) for held in (one, two)]
    assert [len(of.runs) for of in rounds_of(tree(*outward)) if of.aim is Aim.TOGETHER] == [2]


def test_only_rounds_that_share_nothing_run_beside_each_other() -> None:
    one, other = tree(lane()), tree(lane(), ifname="ifb1")
    batches = list(beside_each_other([*rounds_of(one), *rounds_of(other)]))
    assert [len(batch) for batch in batches] == [1, 1, 1, 1], "the same ports send"


def test_not_more_at_once_than_a_machine_can_tell_apart() -> None:
    def far(number: int, ceil: int) -> Round:
        held = lane(ceil=ceil)
        ends = {"sender": Place(name=f"a{number}", netns="a", address=HERE)}
        ends["receiver"] = Place(name=f"b{number}", netns="b", address=THERE)

        held = replace(held, **ends)  # type: ignore[arg-type]
        return next(rounds_of(tree(held, ceil=ceil, ifname=f"ifb{number}")))

    small, large = [far(n, 10_000_000) for n in range(4)], [far(n, BUSY_BPS) for n in range(4, 6)]
    assert [len(batch) for batch in beside_each_other([*small, *large])] == [4, 1, 1]


# The verdict


def counted(rate_bps: float, packets: int = 2500) -> Counted:
    return Counted(bytes=round(rate_bps * 3 / 8), packets=packets, drops=0, overlimits=9, elapsed_s=3.0)


def faults(aim: Aim, *rates: tuple[Lane, float], beside: dict[Key, float] | None = None, **said: object) -> list[Kind]:
    lanes = [held for held, _ in rates]
    of = tree(*lanes)
    runs = tuple(Run(lane=held, flow=held.flows["udp"], offered_bps=None) for held in lanes)
    classes = {held.key: counted(rate) for held, rate in rates}
    classes |= {key: counted(rate) for key, rate in (beside or {}).items()}
    outcomes = tuple(Outcome(run=run, classes=classes, **said) for run in runs)  # type: ignore[arg-type]
    return [fault.kind for fault in judge(Round(tree=of, aim=aim, runs=runs), outcomes, 0.05).faults]


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(10e6, []), (9.51e6, []), (9.49e6, [Kind.BELOW_CEIL]), (10.49e6, []), (10.51e6, [Kind.ABOVE_CEIL])],
)
def test_alone_a_class_reaches_its_ceil_and_no_more(rate: float, expected: list[Kind]) -> None:
    assert faults(Aim.ALONE, (lane(minor="10"), rate)) == expected


@pytest.mark.parametrize(
    ("packets", "expected"), [(25, []), (23, []), (22, [Kind.BELOW_CEIL]), (26, []), (28, [Kind.ABOVE_CEIL])]
)
def test_a_slow_class_counts_whole_packets(packets: int, expected: list[Kind]) -> None:
    """In three seconds at 100 kbit/s there are 24.8 frames of 1514 bytes."""
    held = lane(ceil=100_000, minor="10")
    run = Run(lane=held, flow=held.flows["udp"], offered_bps=None)
    seen = Outcome(run=run, classes={held.key: counted(packets * 1514 * 8 / 3, packets)})
    found = judge(Round(tree=tree(held), aim=Aim.ALONE, runs=(run,)), (seen,), 0.05).faults
    assert [fault.kind for fault in found] == expected


def one_run(held: Lane, seen: Counted, **said: object) -> Judged:
    """Of a class alone, by UDP."""
    run = Run(lane=held, flow=held.flows["udp"], offered_bps=None)
    outcome = Outcome(run=run, classes={held.key: seen}, **said)  # type: ignore[arg-type]
    return judge(Round(tree=tree(held), aim=Aim.ALONE, runs=(run,)), (outcome,), 0.05)


@pytest.mark.parametrize(("packets", "expected"), [(12, []), (13, [Kind.ABOVE_CEIL])])
def test_a_full_bucket_may_pass_what_is_in_it(packets: int, expected: list[Kind]) -> None:
    """In three seconds at 250 kbit/s there are 10.4 frames of 9014 bytes, and two are in the bucket."""
    held = replace(lane(ceil=250_000, minor="10"), frame_bytes=9014, burst_bytes=9014)
    judged = one_run(held, counted(packets * 9014 * 8 / 3, packets))
    assert [fault.kind for fault in judged.faults] == expected


def test_of_too_few_packets_nothing_is_said() -> None:
    why = "in 3 s it may send 3 packets of 1514 bytes; `--seconds` for more"
    judged = one_run(lane(ceil=12_000, minor="10"), counted(0, 0))
    assert judged.faults == () and judged.outcomes[0].note == why
    assert [too_few(rate, 1514, 3.0) for rate in (12_000, 17_000)] == [why, ""]
    assert [fault.kind for fault in one_run(lane(ceil=12_000, minor="10"), counted(1e6)).faults] == [Kind.ABOVE_CEIL]


def test_a_class_with_nothing_waiting_had_room_for_more() -> None:
    judged = one_run(lane(minor="10"), counted(7e6), idle=0.3)
    assert judged.faults == ()
    assert judged.outcomes[0].note == "only 7 mbit/s could be sent, and in 30% of the looks nothing waited"
    assert [fault.kind for fault in one_run(lane(minor="10"), counted(5e6), idle=0.3).faults] == [Kind.BELOW_CEIL]


def test_what_the_class_counted_stands_though_iperf3_said_nothing_of_it() -> None:
    why = "iperf3 said nothing"
    assert one_run(lane(minor="10"), counted(10e6), unread=why).outcomes[0].note == ""
    slow = one_run(lane(minor="10"), counted(1e6), unread=why)
    assert slow.faults == () and slow.outcomes[0].note == why


def test_a_reading_that_was_held_up_is_taken_again() -> None:
    """Else what was counted while it was held up came into the rate, and not its time: 1.25 of 1 mbit/s."""
    held_up = iter((0.1, 0.1, 0.0))
    of, began_s = tree(lane()), time.monotonic()

    def counts(_: Tree) -> dict[Key, Total]:
        time.sleep(next(held_up))
        return {of.key: Total(bytes=round((time.monotonic() - began_s) * 1e6), packets=1, drops=0, overlimits=0)}

    read = _read(counts, of)
    assert not isinstance(read, str)
    at_s, totals = read
    assert totals[of.key].bytes / 1e6 == pytest.approx(at_s - began_s, abs=PROMPT_S)


def test_together_each_has_its_guarantee() -> None:
    voice, bulk = lane("voice", rate=2_000_000, minor="10"), lane("bulk", minor="11")
    assert faults(Aim.TOGETHER, (voice, 2.0e6), (bulk, 8e6)) == []
    assert faults(Aim.TOGETHER, (voice, 1.8e6), (bulk, 8.2e6)) == [Kind.BELOW_RATE]
    assert faults(Aim.TOGETHER, (voice, 0), (bulk, 8.2e6)) == [Kind.NOTHING]


def test_traffic_that_another_class_counted_is_said_to_be_there() -> None:
    voice, default = lane("voice", minor="10"), class_key("t", "ifb0", "77:2")
    of = tree(voice)
    run = Run(lane=voice, flow=voice.flows["udp"], offered_bps=None)
    outcome = Outcome(run=run, classes={voice.key: counted(1e3), default: counted(9.9e6)})
    [fault] = judge(Round(tree=of, aim=Aim.ALONE, runs=(run,)), (outcome,), 0.05).faults
    assert (fault.kind, fault.into) == (Kind.ELSEWHERE, default)


def test_nothing_counted_anywhere_is_a_fault_of_its_own() -> None:
    assert faults(Aim.ALONE, (lane(minor="10"), 0)) == [Kind.NOTHING]


def test_a_class_that_held_nothing_back_was_not_measured() -> None:
    held = lane(minor="10")
    run = Run(lane=held, flow=held.flows["udp"], offered_bps=None)
    idle = replace(counted(4e6), overlimits=0)
    judged = judge(
        Round(tree=tree(held), aim=Aim.ALONE, runs=(run,)), (Outcome(run=run, classes={held.key: idle}),), 0.05
    )
    assert judged.faults == ()
    assert judged.outcomes[0].note == "only 4 mbit/s could be sent, and the class held nothing of it back"


def test_tcp_that_waits_for_answers_over_a_bad_line_was_not_measured() -> None:
    held = replace(lane(minor="10", rate=5_000_000), answers_us=30_000)
    for aim, protocol, noted in ((Aim.ALONE, "tcp", True), (Aim.TOGETHER, "tcp", True), (Aim.ALONE, "udp", False)):
        run = Run(lane=held, flow=held.flows[protocol], offered_bps=None)
        slow = Outcome(run=run, classes={held.key: counted(4e6)})
        judged = judge(Round(tree=tree(held), aim=aim, runs=(run,)), (slow,), 0.05)
        assert bool(judged.faults) != noted
        assert judged.outcomes[0].note.startswith("TCP waits for answers") == noted
        whole = Outcome(run=run, classes={held.key: counted(10e6)})
        assert judge(Round(tree=tree(held), aim=aim, runs=(run,)), (whole,), 0.05).outcomes[0].note == ""


def test_a_run_without_figures_is_nobodys_fault() -> None:
    assert faults(Aim.ALONE, (lane(minor="10"), 0), note="there is no namespace web") == []


def test_latency_is_judged_where_it_is_declared() -> None:
    late = Latency(p50_us=1000, p99_us=28_000, arrived=100)
    assert faults(Aim.ALONE, (lane(minor="10", latency=20_000), 10e6), latency=late) == [Kind.LATE]
    assert faults(Aim.ALONE, (lane(minor="10"), 10e6), latency=late) == []
    large = replace(lane(minor="10", latency=20_000), frame_bytes=9014)
    assert faults(Aim.ALONE, (large, 10e6), latency=late) == [], "two frames take 14 ms"


def test_a_class_reckons_with_its_overhead_and_in_cells() -> None:
    held = Counted(bytes=1000 * 100, packets=1000, drops=0, overlimits=0, elapsed_s=1.0)
    assert held.rate_bps() == 800_000
    assert held.rate_bps(overhead_bytes=24) == 124 * 8 * 1000
    assert held.rate_bps(overhead_bytes=10, cells=True) == 3 * 53 * 8 * 1000
    assert held.rate_bps(overhead_bytes=-14) == 86 * 8 * 1000
    assert Counted(bytes=0, packets=0, drops=0, overlimits=0, elapsed_s=1.0).rate_bps(cells=True) == 0


def test_the_factor_is_what_arrived_of_what_was_counted() -> None:
    held = lane(minor="10")
    run = Run(lane=held, flow=held.flows["tcp"], offered_bps=None)
    assert Outcome(run=run, classes={held.key: counted(10e6)}, goodput_bps=9.56e6).factor == pytest.approx(0.956)
    assert Outcome(run=run, classes={held.key: counted(0)}, goodput_bps=1.0).factor is None


def test_percentiles_need_enough_answers() -> None:
    assert latency_of([1.0] * 5) is None
    assert latency_of([float(n) for n in range(101)]) == Latency(p50_us=50, p99_us=99, arrived=101)


# iperf3


def test_a_slow_class_is_given_the_time_to_begin_and_spared_small_packets() -> None:
    slow, fast = lane(ceil=16_000), lane()
    assert [_skip_s(next(rounds_of(tree(held)))) for held in (slow, fast)] == [2.0, pytest.approx(1.0016)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sends:
        sends.bind(("127.0.0.1", 0))
        flow = replace(slow.flows["udp"], target="127.0.0.1", port=sends.getsockname()[1])
        sender = Sender(flow, sends, 0.5)
        for now_s in (1.0, 1.02, 1.4, 1.5, 1.98, 2.0):
            sender.send(now_s)
        sends.setblocking(False)
        assert len(list(received(sends, 64))) == 3


def test_what_a_round_leaves_in_queues_goes_before_the_next_begins() -> None:
    of, waiting = tree(lane()), [3, 1, 0, 9]

    def meter(_: Tree) -> dict[Key, Total]:
        return {lane().key: Total(bytes=0, packets=0, drops=0, overlimits=0, waiting=waiting.pop(0))}

    _drain([next(rounds_of(of))], meter)
    assert waiting == [9]


def test_what_others_go_on_sending_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    of, looks = tree(lane()), 0

    def meter(_: Tree) -> dict[Key, Total]:
        nonlocal looks
        looks += 1
        return {lane().key: Total(bytes=0, packets=0, drops=0, overlimits=0, waiting=9)}

    monkeypatch.setattr(measuring, "LOOK_S", 0.01)
    monkeypatch.setattr(measuring, "STALL_S", 0.05)
    _drain([next(rounds_of(of))], meter)
    assert 0 < looks < 10


def test_what_iperf3_is_asked() -> None:
    held = lane("voice")
    flow = Flow(protocol="udp", source=HERE, target=THERE, port=5060, source_port=7000, dscp=46)
    words = " ".join(iperf.client(Run(lane=held, flow=flow, offered_bps=12_000_000), 5.0))
    assert words == (
        "iperf3 -c 10.0.0.2 -B 10.0.0.1 -p 5060 -J -i 0.25 -t 5 --connect-timeout 3000 "
        "--cport 7000 --dscp 46 -u -b 12000000"
    )
    assert iperf.server(flow) == "iperf3 -s -1 -J -i 0.25 -B 10.0.0.2 -p 5060".split()


def test_what_comes_from_another_machine_is_asked_for_in_reverse() -> None:

    held = replace(lane(), sender=Place(name="192.0.2.1", netns=None, address="192.0.2.1"))
    flow = Flow(protocol="tcp", source="192.0.2.1", target=HERE, port=8080)
    words = " ".join(iperf.client(Run(lane=held, flow=flow, offered_bps=None), 5.0, peer_port=5203))
    assert (
        words
        == "iperf3 -c 192.0.2.1 -B 10.0.0.1 -p 5203 -J -i 0.25 -t 5 --connect-timeout 3000 -R --cport 8080 -l 31250"
    )
    anything = replace(flow, port=PORTS[0])
    assert "--cport" not in iperf.client(Run(lane=held, flow=anything, offered_bps=None), 5.0, peer_port=5203)


def test_blocks_of_tcp_are_a_tenth_of_an_interval() -> None:
    sizes = []
    for ceil in (8_000, 1_000_000, 10**10):
        held = lane(ceil=ceil)
        words = iperf.client(Run(lane=held, flow=held.flows["tcp"], offered_bps=None), 5.0)
        sizes.append(int(words[words.index("-l") + 1]))
    assert sizes == [1000, 3125, 131_072]


def test_goodput_is_of_the_seconds_that_are_measured() -> None:
    def interval(start: float, bytes_: int) -> dict[str, object]:
        return {"sum": {"start": start, "seconds": 0.25, "bytes": bytes_}}

    sizes = {0: 10**9, 0.75: 10**9, 1.0: 1000, 1.25: 1000, 1.5: 10**9}
    report = json.dumps({"intervals": [interval(start, size) for start, size in sizes.items()]})
    assert iperf.goodput_bps(report, 1.0, 1.5) == 32_000


def test_what_was_counted_before_the_end_was_asked_for_is_a_report() -> None:
    intervals = [{"sum": {"start": 1.0, "seconds": 0.25, "bytes": 1000}}]
    told = {"intervals": intervals, "error": "interrupt - the server has terminated"}
    assert iperf.goodput_bps(json.dumps(told), 1.0, 1.5) == 32_000
    with pytest.raises(iperf.Unread):
        iperf.goodput_bps(json.dumps({**told, "intervals": []}), 1.0, 1.5)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "iperf3 said nothing"),
        ('{"error": "unable to connect"}', "iperf3: unable to connect"),
        ('{"intervals": []}', "iperf3 did not run for long enough"),
        ("iperf3: error - bad\n", "iperf3: error - bad"),
    ],
)
def test_a_report_that_is_none_says_why(said: str, why: str) -> None:
    with pytest.raises(iperf.Unread) as caught:
        iperf.goodput_bps(said, 1.0, 4.0)
    assert str(caught.value) == why
