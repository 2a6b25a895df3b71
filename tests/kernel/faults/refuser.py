"""Has the steps of a command refused, one by one, on both ways of a rig.

A step is a message of a batch, an nft transaction, a system call, a write of a setting or a file. Refused before the
commit record the former state is back and the exit code 5; after it the wanted one is reached.
"""

from __future__ import annotations

import signal
from collections import Counter

from tests.kernel.faults.command import Ran, weft_in
from tests.kernel.faults.points import Refusal, signal_at
from tests.kernel.faults.rig import Rig

DONE, REFUSED, INCOMPLETE, INTERRUPTED = 0, 5, 6, 130


def judge(rig: Rig, ran: Ran, what: str, *, recover: bool = False) -> None:
    """The exit code and the world agree. A rest on disk that could not be closed is recovered first."""
    if recover or ran.status == INCOMPLETE:
        again = weft_in(rig.world, "recover")
        assert again.status == DONE, f"{what}: {ran}\nthen {again}"
    at = rig.look(f"{what}: {ran}")
    expected = {DONE: [rig.there], REFUSED: [rig.here], INCOMPLETE: [rig.here, rig.there]}
    expected[INTERRUPTED] = [rig.there if "after everything was done" in ran.err else rig.here]
    agrees = any(at is end for end in expected.get(ran.status, []))
    assert agrees, f"{what}: {ran}\nbut the world is as after {at.name!r}"
    if at is rig.there:
        rig.turn()


def refuse_every_step(rig: Rig, *, first: int = 0, stride: int = 1) -> Counter[int]:
    """On both ways; how often which exit code came of it. `first`, `stride`: at which steps, all unless said."""
    codes: Counter[int] = Counter()
    following: Counter[tuple[str, ...]] = Counter()
    done: set[tuple[str, ...]] = set()
    while len(done) < 2:
        words = rig.there.words
        number = first + stride * following[words]
        refusal = Refusal(number)
        ran = rig.go(refusal)
        judge(rig, ran, f"refused step {number}")
        following[words] += 1
        if refusal.happened:
            codes[ran.status] += 1
        else:
            done.add(words)
    return codes


def stop_anywhere(rig: Rig, *, stride: int) -> Counter[int]:
    """SIGTERM and SIGINT in turns at every so many points, on both ways; how often which exit code came of it."""
    codes: Counter[int] = Counter()
    following: Counter[tuple[str, ...]] = Counter()
    done: set[tuple[str, ...]] = set()
    while len(done) < 2:
        words = rig.there.words
        which = (signal.SIGTERM, signal.SIGINT)[following[words] % 2]
        number = stride * following[words] + 1
        ran = rig.go(signal_at(number, which))
        stopped = which.name in ran.err
        judge(rig, ran, f"{which.name} at {number}")
        following[words] += 1
        codes[ran.status] += stopped
        if not stopped:
            done.add(words)
    return codes
