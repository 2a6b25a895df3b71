"""DESIGN's property on the real kernel: any a, any b, any injected refusal: an apply ends in a or in b.

Judged twice: by weft's own look, and by the outside dump (iproute2, nft, /proc), which must be the former one whenever
the apply was rolled back.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Sequence
from random import Random

import pytest

from tests.dump import Dump, differences
from tests.property.states import NETNS, for_kernel, random_state
from tests.world import World
from weft.apply import lead_to, transact
from weft.backends.base import Backend, Selection
from weft.diff import diff
from weft.errors import KernelRefused, RolledBack
from weft.observe import Machine
from weft.plan import Plan, plan
from weft.plan.render import describe
from weft.service import Service
from weft.service.claims import claim, release
from weft.state import Change, State
from weft.store.journal import Journal

PAIRS = int(os.environ.get("WEFT_KERNEL_PAIRS", "200"))
FIRST = int(os.environ.get("WEFT_KERNEL_FIRST_SEED", "0"))
SCOPE = "s"

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(600)]


class Faulty:
    """A backend that hands on changes one by one until the n-th of all backends, which it refuses."""

    def __init__(self, backend: Backend, fault: Callable[[Change], None]) -> None:
        self._backend, self._fault = backend, fault

    def observe(self, selection: Selection) -> State:
        return self._backend.observe(selection)

    def commit(self, changes: Sequence[Change]) -> None:
        for number, change in enumerate(changes):
            try:
                self._fault(change)
            except KernelRefused:
                self._backend.commit(changes[:number])
                raise
        self._backend.commit(changes)


def refuse_nth(n: int) -> Callable[[Change], None]:
    left = [n]

    def fault(change: Change) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise KernelRefused(str(change), errno.ENOMEM)

    return fault


def everything(machine: Machine) -> State:
    """All that the scope owns now."""
    return machine.split(machine.observe(NETNS, machine.noted()), State()).ours


def step(machine: Machine, journal: Journal, goal: State, fault: Callable[[Change], None]) -> tuple[Plan, bool]:
    """Go from what is there towards `goal`; whether it got there."""
    todo = plan(everything(machine), goal)
    backends = {name: Faulty(backend, fault) for name, backend in machine.backends.items()}
    reached = todo.before
    try:
        claim(machine, todo, goal, ())
        transact(todo, backends, journal, machine.looker(todo.before, todo.after))
        reached = todo.after
    except RolledBack:
        return todo, False
    finally:
        release(machine, todo.keys, reached)
    return todo, True


def lasting_differences(before: Dump, after: Dump) -> list[str]:
    """Without what the kernel makes a moment after a link came up or an address passed duplicate address detection
    (link-local addresses, local IPv6 routes), and the limits that a bridge takes over from its members and keeps."""
    return [line for line in differences(before, after) if not _GENERATED.search(line)]


_GENERATED = re.compile(
    r"/tso_max_size: |'type': 'local', 'dst': 'f|'(local|dst)': '(fe80::(?!1')|ff00::)"
    r"|/route: order or number|/addr/\w+: order or number"
)


def assert_is(machine: Machine, want: State, seed: int, world: World) -> None:
    left = diff(everything(machine), want)
    told = "\n".join(f"{change.op.value} {describe(change)}" for change in left.values())
    assert not left, f"seed {seed}: the kernel differs from the wanted state:\n{told}"


def test_any_refusal_ends_in_the_former_or_the_wanted_state(world: World) -> None:
    with world.inside():
        service = Service()
        machine = service.machine(SCOPE)
        journal = Journal(service.run_directory, SCOPE)
        states = for_kernel(service.host_id, SCOPE)
        now = State()
        reached = rolled_back = 0
        for seed in range(FIRST, FIRST + PAIRS):
            rng = Random(seed)
            goal = random_state(rng, states)
            before = world.dump()
            _, done = step(machine, journal, goal, refuse_nth(rng.randrange(60)))
            if done:
                now, reached = goal, reached + 1
            else:
                rolled_back += 1
                residue = lasting_differences(before, world.dump())
                assert not residue, f"seed {seed}: rolled back, but from outside:\n" + "\n".join(residue)
            assert_is(machine, now, seed, world)
        lead_to(State(), frozenset(now), machine.backends, machine.looker(now, State()))
        assert not everything(machine)
    print(f"{PAIRS} pairs on the real kernel: {reached} reached the wanted state, {rolled_back} were rolled back")
    assert min(reached, rolled_back) > PAIRS // 6, "one of the two was hardly tried"
