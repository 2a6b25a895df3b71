"""Bursts that a rate does not go with. Source: tc-htb(8), net/sched/sch_htb.c."""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.findings import Finding
from weft.compiler.network import ETHERNET_MTU
from weft.facts import Facts
from weft.lint.qos.stated import directions
from weft.model.intent import Intent, Path
from weft.model.qos import Shape

FRAME_BYTES = ETHERNET_MTU + 14
TIMER_S = 0.001
"""A queue may wake up so much late; for that long the bucket must last."""
TOO_LONG_S = 0.25
"""A burst that takes longer at its rate is a time without a limit."""
ALWAYS_BYTES = 65_536
"""One GSO frame: no burst of this size is called large."""


def bursts(intent: Intent, facts: Facts) -> Iterator[Finding]:
    for path, shape in _shapes(intent):
        rate_bps = shape.ceil or shape.rate
        if shape.burst is not None and rate_bps is not None:
            yield from _burst((*path, "burst"), shape.burst, rate_bps)


def _burst(path: Path, burst_bytes: int, rate_bps: int) -> Iterator[Finding]:
    lasts_s = burst_bytes * 8 / rate_bps
    right = max(int(rate_bps / 8 * TIMER_S) + 1, 2 * FRAME_BYTES)
    fix = f"leave it out, or {right}b and more"
    if burst_bytes < FRAME_BYTES:
        what = f"{burst_bytes} bytes are less than a frame, which goes out whole: it is made as large"
        yield Finding(path=path, what=what, fix=fix, severity="warning")
    elif lasts_s < TIMER_S:
        what = f"{burst_bytes} bytes last {lasts_s * 1e6:.0f} us at this rate: a timer that is 1 ms late loses the rest"
        yield Finding(path=path, what=what, fix=fix, severity="warning")
    elif lasts_s > TOO_LONG_S and burst_bytes > ALWAYS_BYTES:
        what = f"{burst_bytes:,} bytes go out unlimited after each pause: {lasts_s:.1f} s of the rate"
        fix = f"leave it out, or {max(int(rate_bps / 8 * TOO_LONG_S), ALWAYS_BYTES)}b and less"
        yield Finding(path=path, what=what, fix=fix, severity="warning")


def _shapes(intent: Intent) -> Iterator[tuple[Path, Shape]]:
    for stated in directions(intent):
        yield stated.path, stated.direction
        yield from ((path, held) for path, _, held in stated.classes())
