"""What goes along with another step needs nothing of it, nor it of that; and an apply ends as ever where they do."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from threading import Lock

import pytest

from tests.property.states import random_state
from tests.property.test_road import MemoryJournal, look_at, refuse_nth, same
from weft import apply
from weft.apply import Backends, run, transact
from weft.backends.base import Selection
from weft.backends.fake import FakeKernel
from weft.errors import RolledBack
from weft.plan import Plan, Step, plan
from weft.state import Change, State

SEEDS = 600


class OneAtATime:
    """A fake kernel that takes the changes of several threads one by one, as the real one does."""

    def __init__(self, kernel: FakeKernel) -> None:
        self._kernel, self._lock = kernel, Lock()

    def observe(self, selection: Selection) -> State:
        return self._kernel.observe(selection)

    def commit(self, changes: Sequence[Change]) -> None:
        for change in changes:
            with self._lock:
                self._kernel.commit([change])


def backends_of(kernel: FakeKernel) -> Backends:
    return dict.fromkeys(("rtnl", "nft", "setting", "process"), OneAtATime(kernel))


def goes_along(todo: Plan) -> bool:
    return any(step.along for step in todo.steps())


def swapped(todo: Plan) -> list[Step]:
    """The steps with those that go along before what they go along with."""
    steps = list(todo.steps())
    for at, step in enumerate(steps):
        if step.along:
            steps[at - 1 : at + 1] = step, steps[at - 1]
    return steps


def test_either_may_come_first() -> None:
    found = 0
    for seed in range(SEEDS):
        rng = Random(seed)
        a, b = random_state(rng), random_state(rng)
        todo = plan(a, b)
        found += goes_along(todo)
        kernel = FakeKernel(a)
        run(swapped(todo), dict.fromkeys(("rtnl", "nft", "setting", "process"), kernel))
        assert same(kernel.state, b), f"seed {seed}"
    assert found, "nothing went along"


def test_any_refusal_of_either_ends_in_the_former_or_the_wanted_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "WORTH_A_THREAD", 1)
    ends = {"former": 0, "wanted": 0}
    for seed in range(SEEDS):
        rng = Random(seed)
        a, b = random_state(rng), random_state(rng)
        todo = plan(a, b)
        if not goes_along(todo):
            continue
        kernel = refuse_nth(rng.randrange(60))
        kernel.state = State(a)
        try:
            transact(todo, backends_of(kernel), MemoryJournal(), look_at(kernel))
        except RolledBack:
            assert same(kernel.state, a), f"seed {seed}"
            ends["former"] += 1
        else:
            assert same(kernel.state, b), f"seed {seed}"
            ends["wanted"] += 1
    assert all(ends.values()), ends


def test_few_changes_are_done_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a thread for a few changes")

    monkeypatch.setattr(apply, "side_by_side", never)
    todo = next(todo for seed in range(SEEDS) if goes_along(todo := plan(State(), random_state(Random(seed)))))
    done: list[int] = []
    run(todo.steps(), backends_of(FakeKernel()), done.append)
    assert sum(done) == sum(len(step.changes) for step in todo.steps())
