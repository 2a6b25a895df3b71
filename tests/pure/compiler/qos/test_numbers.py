"""Derived figures, each by hand, and that each has its reason."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.compiler.qos import numbers
from weft.compiler.qos.handles import classid, major, minors, splitter
from weft.compiler.qos.tree import Branch, Ground, build_tree
from weft.kinds.tc.htb import burst_held

FRAME = 1514


@pytest.mark.parametrize(
    ("rate_bps", "wanted"), [(1_000_000, 3028), (24_224_000, 3028), (100_000_000, 12_500), (10**9, 125_000)]
)
def test_a_burst_is_a_millisecond_or_two_frames(rate_bps: int, wanted: int) -> None:
    assert numbers.burst(rate_bps, FRAME).value == wanted


def test_a_given_burst_is_a_frame_at_least() -> None:
    assert numbers.burst(10**6, FRAME, 32_768).value == 32_768
    assert numbers.burst(10**6, FRAME, 100).value == FRAME
    assert "1514" in numbers.burst(10**6, FRAME, 100).why


@pytest.mark.parametrize(
    ("rate_bps", "wanted"), [(1_000, 1514), (1_200_000, 1514), (8_000_000, 10_000), (10**9, 200_000)]
)
def test_a_turn_is_ten_milliseconds_within_what_htb_takes(rate_bps: int, wanted: int) -> None:
    assert numbers.quantum(rate_bps, FRAME).value == wanted


@pytest.mark.parametrize(("limit_bps", "wanted"), [(104_800_000, 1), (104_900_000, 0), (10**6, 1), (10**10, 0)])
def test_frames_are_taken_apart_where_one_takes_five_milliseconds(limit_bps: int, wanted: int) -> None:
    assert numbers.splits(limit_bps).value == wanted


@pytest.mark.parametrize(
    ("limit_bps", "latency_us", "wanted"),
    [
        (10_000_000, None, 32),  # 41 frames in 50 ms
        (10_000_000, 200_000, 128),  # 165
        (1_000_000, None, 16),
        (10**9, None, 4096),  # 4128
        (10**9, 10**7, 16_384),
        (numbers.UNLIMITED_BPS, None, 1024),
    ],
)
def test_a_plain_queue_is_no_longer_than_the_latency(limit_bps: int, latency_us: int | None, wanted: int) -> None:
    assert numbers.fifo_packets(limit_bps, FRAME, latency_us).value == wanted


@pytest.mark.parametrize(
    ("limit_bps", "latency_us", "wanted"),
    [(10_000_000, None, 5_000), (2_000_000, None, 10_000), (1_000_000, None, 20_000), (10**9, 20_000, 20_000)],
)
def test_a_frame_has_time_for_itself(limit_bps: int, latency_us: int | None, wanted: int) -> None:
    target = numbers.codel_target(limit_bps, FRAME, latency_us).value
    assert target == wanted
    assert target >= numbers.frame_us(FRAME, limit_bps)
    assert numbers.codel_interval(target).value == max(100_000, 10 * wanted)


def test_slow_links_take_turns_of_small_packets() -> None:
    assert numbers.codel_quantum(10**7, FRAME).value == 300
    assert numbers.codel_quantum(10**9, FRAME).value == FRAME


@pytest.mark.parametrize(("frame", "wanted"), [(1514, 202), (9014, 1202)])
def test_a_minute_for_a_frame_is_the_least_rate(frame: int, wanted: int) -> None:
    least = numbers.least_rate_bps(frame)
    assert least == wanted
    assert frame * 8 / least <= 60 < frame * 8 / (least - 1)


def test_scraps_take_from_nobody() -> None:
    assert numbers.scraps(10**9, FRAME, is_default=True).value == 8_000
    assert numbers.scraps(10**9, FRAME, is_default=False).value == 1_000
    assert numbers.scraps(4_000, FRAME, is_default=False).value == 500
    assert numbers.scraps(500, FRAME, is_default=True).value == 202
    assert numbers.scraps(100, FRAME, is_default=True).value == 100


@pytest.mark.parametrize(
    ("layer", "overhead", "added", "left_out", "cells"),
    [
        ("ethernet", 0, 0, 0, False),
        ("ethernet", 24, 24, 0, False),
        ("ethernet", -4, 0, 4, False),
        ("ip", 0, 0, 14, False),
        ("ip", 40, 26, 0, False),
        ("atm", 10, 10, 0, True),
    ],
)
def test_what_is_counted(layer: str, overhead: int, added: int, left_out: int, cells: bool) -> None:
    found = numbers.counting(layer, overhead, FRAME)
    assert (found.overhead_bytes, found.left_out_bytes, found.cells) == (added, left_out, cells)


def test_a_rate_of_packets_grows_by_their_headers() -> None:
    assert numbers.counting("ip", 0, FRAME).frames(15_000_000) == 15_140_000
    assert numbers.counting("ethernet", 0, FRAME).frames(15_000_000) == 15_000_000


@given(st.sampled_from(("ip", "ethernet", "atm")), st.integers(-200, 200), st.integers(202, numbers.UNLIMITED_BPS // 2))
def test_what_was_declared_is_known_again(layer: str, overhead: int, rate_bps: int) -> None:
    count = numbers.counting(layer, overhead, FRAME)
    assert count.declared(count.frames(rate_bps)) == rate_bps


def test_a_grown_figure_says_what_was_given() -> None:
    top = Branch(ceil_bps=15_000_000, branches=(Branch(path=("web",), rate_bps=1_500_000),))
    for layer, told in (("ip", "15mbit as given, in frames"), ("ethernet", "as given")):
        ground = Ground(scope="s", netns="", ifname="eth0", counting=numbers.counting(layer, 0, FRAME))
        nodes = build_tree(top, ground).nodes
        assert nodes[0].figures.ceil.why == told
        assert nodes[-1].figures.rate.why == told.replace("15mbit", "1500kbit")


MBIT = 10**6
INNER = (
    Branch(),
    Branch(ceil_bps=2 * MBIT),
    Branch(rate_bps=MBIT),
    Branch(rate_bps=MBIT, ceil_bps=2 * MBIT),
    Branch(rate_bps=MBIT, burst_bytes=32_768),
)


def test_classes_that_are_alike_in_part_have_figures_of_their_own() -> None:
    """The same as where each is alone with what it is part of."""
    ground = Ground(scope="s", netns="", ifname="eth0")
    outer = [
        Branch(
            path=(f"o{at}",),
            ceil_bps=ceil_bps,
            branches=tuple(replace(inner, path=(f"o{at}", f"i{number}")) for number, inner in enumerate(INNER)),
        )
        for at, ceil_bps in enumerate((None, 8 * MBIT, MBIT // 2, 4_000))
    ]
    together = build_tree(Branch(ceil_bps=10 * MBIT, branches=tuple(outer)), ground)
    found = {node.branch.path: node.figures for node in together.nodes}
    for one in outer:
        for leaf in one.branches:
            alone = build_tree(Branch(ceil_bps=10 * MBIT, branches=(replace(one, branches=(leaf,)),)), ground)
            for node in alone.nodes:
                assert found[node.branch.path] == node.figures, node.branch.path
    assert len({str(figures) for figures in found.values()}) > len(found) // 2


def test_netem_holds_what_is_under_way() -> None:
    assert numbers.netem_packets(10**7, FRAME, 100_000).value == 1000
    assert numbers.netem_packets(10**9, FRAME, 100_000).value == 2 * 8256
    assert numbers.netem_packets(10**9, FRAME, 10**9).value == 1_000_000


def test_every_figure_has_its_reason() -> None:
    found = [
        numbers.burst(10**6, FRAME),
        numbers.quantum(10**6, FRAME),
        numbers.splits(10**6),
        numbers.fifo_packets(10**6, FRAME, None),
        numbers.codel_target(10**6, FRAME, None),
        numbers.codel_interval(5000),
        numbers.codel_packets(10**6),
        numbers.netem_packets(10**6, FRAME, 1000),
        numbers.scraps(10**6, FRAME, is_default=True),
    ]
    assert all(derived.why for derived in found)


def test_figures_stay_as_the_kernel_keeps_them() -> None:
    for rate_bps in (202, 1_000, 10**6, 10**9, numbers.UNLIMITED_BPS):
        held = burst_held(numbers.burst(rate_bps, FRAME).value, rate_bps)
        assert burst_held(held, rate_bps) == held


# handles


def test_majors_are_in_the_part_that_the_kernel_leaves_free() -> None:
    found = {major("lab", netns, f"wp{n}") for netns in ("", "a") for n in range(2000)}
    assert min(found) >= 0x100 and max(found) < 0x8000
    assert len(found) > 3000


def test_a_class_has_its_number_by_itself() -> None:
    paths = [(f"c{n}",) for n in range(3000)]
    alone = {path: minors([path])[path] for path in paths}
    together = minors(paths)
    assert len(set(together.values())) == len(paths)
    assert sum(alone[path] != together[path] for path in paths) < 200  # those that met another
    assert minors(reversed(paths)) == together
    assert all(0x10 <= number < 0xFFFF for number in together.values())


def test_no_splitter_has_the_handle_of_another() -> None:
    taken: set[int] = {0x77}
    for n in range(2000):
        number = splitter(0x77, (f"c{n}",), taken)
        assert number not in taken
        taken.add(number)


def test_numbers_are_written_as_tc_does() -> None:
    assert classid(0x1F0, 0x2A) == "1f0:2a"
