"""DESIGN's property: any a, any b, any injected failure: an apply ends in a or in b."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.states import random_state, random_tree
from weft.apply import Backends, Look, lead_to, run, transact
from weft.backends.fake import FakeKernel
from weft.diff import diff, differing_fields
from weft.errors import DumpInterrupted, KernelRefused, RollbackIncomplete, RolledBack
from weft.kinds import KINDS
from weft.plan import Phase, plan
from weft.state import Change, Key, Op, State
from weft.store.journal import Record

PAIRS = int(os.environ.get("WEFT_PROPERTY_PAIRS", "10000"))
"""How many random pairs of states the seeded run goes through."""

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
randoms = st.randoms(use_true_random=False)


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it and go on."""


class MemoryJournal:
    """A journal in memory."""

    def __init__(self) -> None:
        self.phase = "none"
        self.former, self.goal = State(), State()

    def begin(self, record: Record) -> None:
        self.phase, self.former, self.goal = "begun", record.former, record.goal

    def commit(self) -> None:
        self.phase = "committed"

    def is_committed(self) -> bool:
        return self.phase == "committed"

    def end(self) -> None:
        self.phase = "none"


def backends_of(kernel: FakeKernel) -> Backends:
    return dict.fromkeys(("rtnl", "nft", "setting", "process"), kernel)


def look_at(kernel: FakeKernel) -> Look:
    return lambda keys, goal: State.of(obj for obj in kernel.state.values() if obj.key in keys)


def same(have: State, want: State) -> bool:
    return have.keys() == want.keys() and not any(differing_fields(have[k], want[k]) for k in want)


@given(randoms)
def test_diff_reaches_desired(rng: Random) -> None:
    a, b = random_state(rng), random_state(rng)
    kernel = FakeKernel(a)
    run(plan(a, b).steps(), backends_of(kernel))
    assert same(kernel.state, b)


@given(randoms)
def test_a_second_apply_changes_nothing(rng: Random) -> None:
    b = random_state(rng)
    assert diff(b, b) == {}


@given(randoms)
def test_nothing_that_may_be_held_open_goes_before_the_commit_record(rng: Random) -> None:
    todo = plan(random_state(rng), random_state(rng))
    for step in todo.steps(Phase.MAKE, Phase.SWITCH):
        assert not any(c.op is Op.DELETE and KINDS.of(c.object).held for c in step.changes)


@given(randoms)
def test_make_deletes_and_changes_nothing(rng: Random) -> None:
    todo = plan(random_state(rng), random_state(rng))
    assert all(c.op is Op.CREATE for step in todo.steps(Phase.MAKE) for c in step.changes)


def refuse_nth(n: int, error: BaseException | None = None) -> FakeKernel:
    """A kernel that refuses its n-th change and takes all others."""
    seen = [0]

    def fault(change: Change) -> None:
        seen[0] += 1
        if seen[0] == n + 1:
            raise error or KernelRefused(str(change), errno.ENOMEM)

    return FakeKernel(fault=fault)


def check_pair(rng: Random, draw: Callable[[Random], State] = random_state, most: int = 30) -> None:
    a, b = draw(rng), draw(rng)
    kernel = refuse_nth(rng.randrange(most))
    kernel.state = State(a)
    todo = plan(a, b)
    try:
        transact(todo, backends_of(kernel), MemoryJournal(), look_at(kernel))
    except RolledBack:
        assert same(kernel.state, a), "rolled back, but not to the former state"
    else:
        assert same(kernel.state, b), "done, but not in the wanted state"


def check_kill(rng: Random, draw: Callable[[Random], State] = random_state, most: int = 30) -> None:
    a, b = draw(rng), draw(rng)
    kernel = refuse_nth(rng.randrange(most), Killed())
    kernel.state = State(a)
    journal = MemoryJournal()
    todo = plan(a, b)
    journal.begin(Record(former=todo.before, goal=todo.after))
    try:
        run(todo.steps(Phase.MAKE, Phase.SWITCH), backends_of(kernel))
        journal.commit()
        run(todo.steps(Phase.RETIRE), backends_of(kernel))
    except Killed:
        goal = journal.goal if journal.phase == "committed" else journal.former
        lead_to(goal, todo.keys, backends_of(kernel), look_at(kernel))
        assert same(kernel.state, b if journal.phase == "committed" else a)


@given(randoms)
def test_any_refusal_ends_in_the_former_or_the_wanted_state(rng: Random) -> None:
    check_pair(rng)


@given(randoms)
def test_any_kill_is_recovered(rng: Random) -> None:
    check_kill(rng)


def test_many_pairs_of_trees() -> None:
    """Of one link: what whole states seldom have at one place in both."""
    for seed in range(PAIRS):
        try:
            check_pair(Random(seed), random_tree, 12)
            check_kill(Random(seed), random_tree, 12)
        except BaseException as failure:
            failure.add_note(f"seed {seed}")
            raise


def test_many_pairs() -> None:
    """The same over many seeds, cheaper than drawing each by hypothesis."""
    for seed in range(PAIRS):
        try:
            check_pair(Random(seed))
            check_kill(Random(seed))
        except BaseException as failure:
            failure.add_note(f"seed {seed}")
            raise


def test_a_persistent_refusal_keeps_the_journal() -> None:
    a, b = State(), random_state(Random(3))
    kernel = FakeKernel(a, fault=_refuse_after(5))
    journal = MemoryJournal()
    with pytest.raises(Exception, match="weft recover"):
        transact(plan(a, b), backends_of(kernel), journal, look_at(kernel))
    assert journal.phase == "begun"


def _refuse_after(n: int) -> Callable[[Change], None]:
    left = [n]

    def fault(change: Change) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KernelRefused(str(change), errno.EIO)

    return fault


@pytest.mark.parametrize("n", range(0, 40, 3))
def test_an_error_of_the_system_is_a_refusal_like_any_other(n: int) -> None:
    a, b = random_state(Random(3)), random_state(Random(4))
    kernel, journal, todo = refuse_nth(n, OSError(errno.ENOBUFS, "no buffer")), MemoryJournal(), plan(a, b)
    kernel.state = State(a)
    try:
        transact(todo, backends_of(kernel), journal, look_at(kernel))
        assert same(kernel.state, b)
    except RolledBack:
        assert same(kernel.state, a)
    assert journal.phase == "none"


def test_a_way_back_that_cannot_be_seen_is_incomplete() -> None:
    def look(keys: frozenset[Key], goal: State) -> State:
        raise DumpInterrupted("again and again")

    b, journal = random_state(Random(4)), MemoryJournal()
    with pytest.raises(RollbackIncomplete, match="again and again"):
        transact(plan(State(), b), backends_of(refuse_nth(2)), journal, look)
    assert journal.phase == "begun"
