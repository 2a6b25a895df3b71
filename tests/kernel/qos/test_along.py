"""Classes by the hundred are made while nftables takes what leads to them: killed, refused, stopped at any place, the
world is as it was or as it shall be."""

from __future__ import annotations

from errno import ENOMEM
from itertools import pairwise
from pathlib import Path

import pytest

from tests.kernel.faults.command import preload, weft_in
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.points import Point
from tests.kernel.faults.refuser import DONE, REFUSED, judge, refuse_every_step, stop_anywhere
from tests.kernel.faults.rig import Rig
from tests.world import World
from weft.apply import WORTH_A_THREAD
from weft.backends.libnftables import Complaint
from weft.wire.tc import RTM_NEWTCLASS

pytestmark = [pytest.mark.kernel, pytest.mark.needs("htb", "nft_egress"), pytest.mark.timeout(600)]

HEAD = """
weft: 1
name: lab
tenants:
  t:
    networks: {net: {subnets: [10.77.0.0/24]}}
    ports:
      p:
        network: net
        attach: {netns: p}
        addresses: [10.77.0.1]
"""
TREE = """
        qos:
          ingress:
            ceil: 1gbit
            classes:
"""
COUNT = 2 * WORTH_A_THREAD
TRIES = 20
CLASSES = "".join(f"              c{n}: {{match: {{protocol: tcp, ports: [{5000 + n}]}}}}\n" for n in range(COUNT))


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


@pytest.fixture
def rig(world: World, tmp_path: Path) -> Rig:
    """From a port without a policy to one with many classes."""
    ends = []
    for name, text in (("plain", HEAD), ("shaped", HEAD + TREE + CLASSES)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text)
        ends.append(("apply", "-y", "-f", str(path)))
    return Rig.between(world, *ends)


def test_they_are_made_at_the_same_time(rig: Rig) -> None:
    """Seen in one of some tries: two processors that are busy otherwise take one after the other."""
    for _ in range(TRIES):
        if is_side_by_side(rig.go().points):
            return
        assert weft_in(rig.world, *rig.here.words).status == DONE
    raise AssertionError("one after the other, every time")


def is_side_by_side(points: tuple[str, ...]) -> bool:
    """Whether a send began before a transaction of nftables had ended, or the other way round."""
    doors = [point.split("(")[0].split(" ", 1)[1] for point in points]
    return any({first, then} == {"before run", "before send"} for first, then in pairwise(doors))


def test_a_kill_anywhere_is_recovered(rig: Rig) -> None:
    tally = Killer(rig).run()
    print(tally)
    assert tally.former and tally.wanted


def test_a_refusal_anywhere_takes_back_both(rig: Rig) -> None:
    """Nearly everywhere it is one of a queue."""
    codes = refuse_every_step(rig, first=2, stride=37)
    assert codes[REFUSED] > 5, codes


def test_a_refusal_of_what_leads_to_classes_takes_these_back(rig: Rig) -> None:
    ran = rig.go(refuse_many_elements)
    made = [point for point in ran.points if "after send" in point and f"type {RTM_NEWTCLASS} " in point]
    assert made, f"no class was made, so none was taken back: {ran}"
    assert ran.status == REFUSED, str(ran)
    judge(rig, ran, "refused elements")


def refuse_many_elements(point: Point) -> None:
    """Also when nftables is asked again, for the line at fault."""
    if point.side == "before" and point.door in ("run", "run_located") and point.arguments[1].count(" : ") >= COUNT:
        raise Complaint(1, ENOMEM, "Out of memory")


def test_a_signal_anywhere_takes_back_both(rig: Rig) -> None:
    codes = stop_anywhere(rig, stride=2)
    assert codes[REFUSED] > 4, codes
