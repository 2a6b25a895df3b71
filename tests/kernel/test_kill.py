"""SIGKILL before the first and after every write to disk and to the kernel; the next ends in the old state or the new.

Judged by the outside dump alone, and strictly: before the commit record it is the former state, after it the wanted
one. The world is led to and fro between two states (faults/killer.py) until every change of both ways had its kill.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import ANY

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import preload, weft_in
from tests.kernel.faults.held_tap import HeldTap
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.rig import SCOPE, Files, Rig
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


@pytest.fixture
def host(world: World) -> World:
    intents.give_way_out(world)
    return world


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.fixture
def held(host: World, tmp_path: Path) -> Iterator[tuple[World, HeldTap]]:
    """A world with A applied and its tap open in this process."""
    ran = weft_in(host, "apply", "-y", "-f", write(tmp_path / "a.yaml", intents.A))
    assert ran.status == 0, str(ran)
    with closing(HeldTap(host, intents.TAP, "02:00:00:00:00:09", "10.10.0.9")) as tap:
        yield host, tap


def test_from_one_intent_to_another_and_back(held: tuple[World, HeldTap], tmp_path: Path) -> None:
    world, tap = held
    a, b = write(tmp_path / "a.yaml", intents.A), write(tmp_path / "b.yaml", intents.B)
    index = Files.of(world).tap
    assert index

    def guest_goes_on() -> None:
        assert Files.of(world).tap == index, "the tap is another one"
        assert tap.reaches("10.10.0.1"), "no frames pass the tap"

    tally = Killer(Rig.between(world, ("apply", "-y", "-f", a), ("apply", "-y", "-f", b)), guest_goes_on).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 20


def test_from_nothing_to_an_intent_and_back(host: World, tmp_path: Path) -> None:
    a = write(tmp_path / "a.yaml", intents.A)
    tally = Killer(Rig.between(host, ("apply", "-y", "-f", a), ("destroy", "-y", SCOPE))).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 20


def test_replacing_a_tap_and_back(host: World, tmp_path: Path) -> None:
    one = write(tmp_path / "one.yaml", intents.TAPS.format(owner="nobody", queues=1))
    two = write(tmp_path / "two.yaml", intents.TAPS.format(owner="root", queues=4))
    tally = Killer(Rig.between(host, ("apply", "-y", "-f", one), ("apply", "-y", "-f", two))).run()
    print(tally)


def test_routers_changed_and_back(host: World, tmp_path: Path) -> None:
    one, two = (write(tmp_path / f"{at}.yaml", text) for at, text in enumerate(intents.ROUTERS))

    def port_goes_on() -> None:
        assert host.ping("10.10.0.1", netns="web"), "the router no longer answers"

    assert weft_in(host, "apply", "-y", "-f", one).status == 0
    tally = Killer(
        Rig.between(host, ("apply", "-y", "-f", one), ("apply", "-y", "-f", two)), port_goes_on, stride=2
    ).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 10


def test_programs_changed_and_back(host: World, tmp_path: Path) -> None:
    one, two = (write(tmp_path / f"{at}.yaml", text) for at, text in enumerate(intents.ADVERTISED))
    tally = Killer(Rig.between(host, ("apply", "-y", "-f", one), ("apply", "-y", "-f", two)), stride=2).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 3


def test_a_prefix_lost_and_given_back(host: World, tmp_path: Path) -> None:
    """At every point: the radvd that takes a prefix back is another, its neighbour the same throughout."""
    one, two = (("apply", "-y", "-f", write(tmp_path / f"{at}.yaml", text)) for at, text in enumerate(intents.PREFIXES))
    former = radvds_after(host, one)
    assert radvds_after(host, two) == {**former, "front": ANY}
    assert radvds_after(host, two)["front"] != former["front"], "it is replaced"
    still = former["still"]

    def neighbour_goes_on() -> None:
        assert radvds(host)["still"] == still

    tally = Killer(Rig.between(host, one, two), neighbour_goes_on).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 3


def radvds_after(host: World, words: tuple[str, ...]) -> dict[str, str]:
    assert weft_in(host, *words).status == 0
    return radvds(host)


def radvds(host: World) -> dict[str, str]:
    """What is known of the process of each network's radvd: its number and start."""
    said = host.run("sh", "-c", "cd /run/weft/*/processes && grep -H . *.pid").stdout
    found = (line.partition(".pid:") for line in said.splitlines())
    return {stem.rpartition(".")[2]: told for stem, _, told in found if "@" in stem}


def test_programs_started_and_ended(host: World, tmp_path: Path) -> None:
    """With the supervisor, which comes with the first and goes with the last."""
    one = write(tmp_path / "one.yaml", intents.ADVERTISED[0])
    tally = Killer(Rig.between(host, ("apply", "-y", "-f", one), ("destroy", "-y", SCOPE)), stride=2).run()
    print(tally)
    assert min(tally.former, tally.wanted, tally.repeated) > 3
