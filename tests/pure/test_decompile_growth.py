"""What many namespaces cost to be said as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.growth import demand_linear
from weft.decompile import decompile
from weft.kinds.link.dummy import Dummy
from weft.state import State


class Looked(State):
    """Each object that is looked at is a call."""

    def items(self) -> Any:
        return _one_by_one(self)


def _one_by_one(state: State) -> Iterator[Any]:
    yield from [(key, state[key]) for key in state]


def test_so_many_namespaces_are_said_at_little_more_than_so_much_work() -> None:
    def saying(count: int) -> Callable[[], object]:
        names = [f"n{at}" for at in range(count)]
        state = Looked.of(Dummy(netns=name, ifname="d") for name in names)
        return lambda: decompile(state, names)

    assert isinstance(Looked.of([]), Looked)
    demand_linear(saying)
