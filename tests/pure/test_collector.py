"""The collector is quiet while much is made, and does not go through it afterwards."""

import gc
from collections.abc import Iterator

import pytest

from weft.collector import uncollected


@uncollected
def many() -> list[list[int]]:
    assert not gc.isenabled()
    return [[number] for number in range(20_000)]


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    gc.enable()
    gc.unfreeze()
    gc.collect()
    yield
    gc.unfreeze()
    gc.enable()


def test_what_was_made_is_old_at_once() -> None:
    seen: list[int] = []
    gc.callbacks.append(lambda phase, info: seen.append(info["generation"]))
    try:
        made = many()
        [[] for _ in range(2)]  # what would have the collector go through the young
    finally:
        gc.callbacks.pop()
    assert gc.isenabled() and not seen
    young = {id(held) for held in gc.get_objects(generation=0)}
    assert young.isdisjoint(map(id, made)) and gc.get_freeze_count() == 0


def test_cycles_that_were_made_are_still_found() -> None:
    class Held:
        pass

    @uncollected
    def circular(beside: int) -> list[list[int]]:
        one = Held()
        one.other = one  # type: ignore[attr-defined]
        return [[number] for number in range(beside)]

    def is_held() -> bool:
        return any(isinstance(held, Held) for held in gc.get_objects())

    circular(20_000)
    assert is_held()
    gc.collect()
    assert not is_held()
    kept = circular(2_000)
    assert kept and not is_held(), "of few objects the next look finds it"


def test_what_somebody_froze_stays_frozen() -> None:
    gc.freeze()
    many()
    assert gc.get_freeze_count() > 0


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    many()
    assert not gc.isenabled()
