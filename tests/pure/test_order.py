"""Each worker begins with its share of the longest tests."""

from hypothesis import given
from hypothesis import strategies as st

from tests.order import dealt


def test_each_workers_part_begins_with_its_share() -> None:
    assert dealt("ABCD", "abcdefgh", 3) == [*"ADab", *"Bcde", *"Cfgh"]


@given(st.integers(0, 40), st.integers(0, 200), st.integers(1, 5))
def test_none_is_lost_and_one_worker_has_them_as_ever(slow: int, quick: int, workers: int) -> None:
    longest, others = range(slow), range(slow, slow + quick)
    order = dealt(longest, others, workers)
    assert sorted(order) == [*longest, *others]
    assert [number for number in order if number >= slow] == [*others]
    assert dealt(longest, others, 1) == [*longest, *others]
