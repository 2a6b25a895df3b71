"""One step of a command is refused, between two intents every step; or a signal comes: the command leads back, or on,
and says so.

What a step is, and what must be true then: faults/refuser.py. The judge is the outside dump.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.kernel.faults import intents
from tests.kernel.faults.command import preload
from tests.kernel.faults.points import ALL, Refusal
from tests.kernel.faults.refuser import DONE, INCOMPLETE, INTERRUPTED, REFUSED, judge, refuse_every_step, stop_anywhere
from tests.kernel.faults.rig import SCOPE, Rig
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


@pytest.fixture
def host(world: World) -> World:
    intents.give_way_out(world)
    return world


@pytest.fixture
def rig(host: World, tmp_path: Path) -> Rig:
    """Between A and B."""
    return between(host, ("apply", "-y", "-f", write(tmp_path, intents.A)), tmp_path)


def between(host: World, first: tuple[str, ...], tmp_path: Path) -> Rig:
    return Rig.between(host, first, ("apply", "-y", "-f", write(tmp_path, intents.B)))


def write(folder: Path, text: str) -> str:
    path = folder / f"{len(list(folder.iterdir()))}.yaml"
    path.write_text(text)
    return str(path)


def test_every_refusal_between_two_intents(rig: Rig) -> None:
    codes = refuse_every_step(rig)
    print(f"{codes.total()} refusals: {codes[REFUSED]} led back, {codes[DONE]} led on, {codes[INCOMPLETE]} to close")
    assert min(codes[REFUSED], codes[DONE], codes[INCOMPLETE]) > 4


def test_refusals_from_nothing_and_back(host: World, tmp_path: Path) -> None:
    """Every second: between two intents, where most that can be made and deleted is, each has been refused."""
    words = ("apply", "-y", "-f", write(tmp_path, intents.A))
    codes = refuse_every_step(Rig.between(host, words, ("destroy", "-y", SCOPE)), stride=2)
    print(f"{codes.total()} refusals: {codes[REFUSED]} led back, {codes[DONE]} led on, {codes[INCOMPLETE]} to close")
    assert min(codes[REFUSED], codes[DONE], codes[INCOMPLETE]) > 4


def test_a_signal_in_the_middle(rig: Rig) -> None:
    """After every third write or send; what leads back from there is tried at every step above."""
    codes = stop_anywhere(rig, stride=6)
    print(f"{codes.total()} signals: {codes[REFUSED]} led back, {codes[DONE]} led on, {codes[INTERRUPTED]} idle")
    assert min(codes[REFUSED], codes[DONE]) > 4


def test_a_way_back_that_is_refused_too_is_finished_by_recover(rig: Rig) -> None:
    codes: Counter[int] = Counter()
    happened = True
    first = 0
    while happened:
        refusal = Refusal(first, ALL)
        ran = rig.go(refusal)
        happened = refusal.happened
        if ran.status == INCOMPLETE:
            assert "weft recover" in ran.err
        judge(rig, ran, f"refused all from step {first}", recover=True)
        codes[ran.status] += 1
        first += 4
    assert codes[INCOMPLETE] > 10, codes


def test_refusals_between_programs(host: World, tmp_path: Path) -> None:
    """Of their files, of the requests to their supervisor, and of all that is around them."""
    one, two = (("apply", "-y", "-f", write(tmp_path, text)) for text in intents.ADVERTISED)
    codes = refuse_every_step(Rig.between(host, one, two), stride=3)
    print(f"{codes.total()} refusals: {codes[REFUSED]} led back, {codes[DONE]} led on, {codes[INCOMPLETE]} to close")
    assert codes[REFUSED] > 4 and codes[DONE] + codes[INCOMPLETE] > 2
