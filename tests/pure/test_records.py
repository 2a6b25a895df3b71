"""Records are what the standard dataclasses are, compiled later."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, fields, replace
from typing import Any

import pytest

from weft.records import _FEW, compile_constructors, maker
from weft.records import dataclass as record

MAKERS = [record, dataclasses.dataclass]
ids = {"ids": ["record", "standard"]}


def made(by: Callable[..., Any]) -> tuple[Any, Any]:
    """A class and one upon it."""

    @by(frozen=True, slots=True, kw_only=True)
    class Link:
        ifname: str
        mtu: int | None = None
        newborn: bool = field(default=False, compare=False)
        words: list[str] = field(default_factory=list, repr=False)
        seen: tuple[str, ...] = field(default=(), init=False)

    @by(frozen=True, slots=True, kw_only=True)
    class Vlan(Link):
        vid: int
        mtu: int | None = 1496

    return Link, Vlan


@pytest.mark.parametrize("by", MAKERS, **ids)
def test_it_is_made_compared_and_shown_by_its_fields(by: Callable[..., Any]) -> None:
    link, vlan = made(by)
    one = vlan(ifname="v", vid=2)
    assert (one.ifname, one.mtu, one.newborn, one.words, one.seen, one.vid) == ("v", 1496, False, [], (), 2)
    assert [field.name for field in fields(vlan)] == ["ifname", "mtu", "newborn", "words", "seen", "vid"]
    assert one == vlan(ifname="v", vid=2, newborn=True) != replace(one, vid=3)
    assert one.words is not vlan(ifname="v", vid=2).words
    assert link(ifname="v") != one
    assert repr(one).endswith("Vlan(ifname='v', mtu=1496, newborn=False, seen=(), vid=2)")
    assert not hasattr(one, "__dict__")


@pytest.mark.parametrize("by", MAKERS, **ids)
def test_the_first_objects_and_those_after_many_are_made_alike(by: Callable[..., Any]) -> None:
    @by(slots=True)
    class Range:
        low: int
        high: int = 0
        tags: list[str] = field(default_factory=list)
        note: str = field(default="", kw_only=True)
        width: int = field(default=0, init=False)

        def __post_init__(self) -> None:
            self.high = self.high or self.low
            self.width = self.high - self.low

    for number in range(2 * _FEW):
        one = Range(number, tags=["a"], note="n")
        assert (one.low, one.high, one.tags, one.note, one.width) == (number, number, ["a"], "n", 0)
        assert (two := Range(1, high=3)).width == 2
        assert (two.tags, two.note) == ([], "")
        assert two.tags is not Range(1).tags


@pytest.mark.parametrize("by", MAKERS, **ids)
@pytest.mark.parametrize("before", [0, _FEW, 2 * _FEW])
@pytest.mark.parametrize(
    ("args", "values"), [((), {}), ((1, 2, 3), {}), ((1,), {"low": 1}), ((1,), {"hihg": 2}), ((1,), {"width": 2})]
)
def test_wrong_arguments_are_told_in_the_standard_words(
    by: Callable[..., Any], before: int, args: tuple[int, ...], values: dict[str, int]
) -> None:
    @by(slots=True)
    class Range:
        low: int
        high: int = 0
        width: int = field(default=0, init=False)

    for _ in range(before):
        Range(1)
    with pytest.raises(TypeError, match=r"__init__\(\) (missing|takes|got)"):
        Range(*args, **values)
    assert Range(1).high == 0


@pytest.mark.parametrize("by", MAKERS, **ids)
def test_what_is_frozen_stays_and_hashes_by_value(by: Callable[..., Any]) -> None:
    @by(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 0

    with pytest.raises(FrozenInstanceError):
        Point(1).x = 2
    with pytest.raises(FrozenInstanceError):
        del Point(1).x
    assert {Point(1), Point(1, 0), Point(x=1)} == {Point(1)}


@pytest.mark.parametrize("by", MAKERS, **ids)
def test_what_is_not_frozen_changes_and_has_no_hash(by: Callable[..., Any]) -> None:
    @by(slots=True)
    class Box:
        held: int = 0

    box = Box()
    box.held = 3
    assert box == Box(3)
    with pytest.raises(TypeError):
        hash(box)


@pytest.mark.parametrize("by", MAKERS, **ids)
def test_what_compares_by_identity_may_be_hashed(by: Callable[..., Any]) -> None:
    @by(slots=True, eq=False)
    class Box:
        held: int = 0

    assert Box() != Box()
    assert len({Box(), Box()}) == 2


@pytest.mark.parametrize("by", MAKERS, **ids)
def test_order_is_that_of_the_fields_and_only_among_its_own(by: Callable[..., Any]) -> None:
    @by(frozen=True, slots=True, order=True)
    class Hop:
        ifname: str
        weight: int = 1

    assert sorted([Hop("b"), Hop("a", 2), Hop("a")]) == [Hop("a"), Hop("a", 2), Hop("b")]
    assert Hop("a") <= Hop("a") < Hop("b") >= Hop("a")
    with pytest.raises(TypeError):
        assert Hop("a") < ("a", 1)


@pytest.mark.parametrize("by", MAKERS, **ids)
def test_what_a_class_says_itself_stands(by: Callable[..., Any]) -> None:
    @by(frozen=True, slots=True)
    class Loud:
        word: str

        def __repr__(self) -> str:
            return self.word.upper()

        def __hash__(self) -> int:
            return 7

    assert (repr(Loud("a")), hash(Loud("a"))) == ("A", 7)


@pytest.mark.parametrize("by", MAKERS, **ids)
@pytest.mark.parametrize("wrong", [{}, {"ifname": "a", "mtv": 1}, {"ifname": "a", "seen": ()}])
def test_wrong_arguments_are_refused_each_time(by: Callable[..., Any], wrong: dict[str, Any]) -> None:
    link, _ = made(by)
    for _ in range(2):
        with pytest.raises(TypeError):
            link(**wrong)
    with pytest.raises(TypeError):
        link("a")


def test_all_constructors_are_compiled_at_once() -> None:
    @record(slots=True)
    class Range:
        low: int
        high: int = 0

    @record(slots=True)
    class Own:
        low: int

        def __init__(self) -> None:
            self.low = 7

    waiting = Range.__init__
    compile_constructors()
    compiled = Range.__init__
    assert compiled is not waiting
    assert Range(1, high=2) == Range(low=1, high=2) and Own().low == 7
    assert Range.__init__ is compiled, "once for all"


def test_what_a_maker_makes_is_what_the_class_makes() -> None:
    link, vlan = made(record)
    make_link, make_vlan = maker(link), maker(vlan)
    for number in range(2 * _FEW):
        one = make_vlan(ifname=f"v{number}", vid=2)
        assert type(one) is vlan
        assert (one, repr(one)) == (same := vlan(ifname=f"v{number}", vid=2), repr(same))
        assert one.words is not make_vlan(ifname="v", vid=2).words
        assert make_link(ifname="v", mtu=number) == link(ifname="v", mtu=number)
        assert not hasattr(one, "__dict__")
        with pytest.raises(FrozenInstanceError):
            one.vid = 3
        with pytest.raises(FrozenInstanceError):
            del one.vid
        with pytest.raises(TypeError):
            make_vlan(ifname="v", vid=2, mtv=1)


def test_what_a_maker_makes_is_complete_when_the_class_completes_it() -> None:
    @record(frozen=True, slots=True)
    class Range:
        low: int
        high: int = 9
        width: int = field(default=0, init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "width", self.high - self.low)

    make = maker(Range)
    for _ in range(2 * _FEW):
        assert (make(1, 3).width, make(1).width) == (2, 8)
        assert {make(1), make(1, 9), Range(1)} == {Range(1)}
