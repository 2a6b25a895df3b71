"""CAKE without a rate of its own: that is HTB's. Source: tc-cake(8), net/sched/sch_cake.c."""

from __future__ import annotations

from typing import Any

from weft.kinds.tc.qdisc import Qdisc, row
from weft.records import dataclass
from weft.wire.tc_queue import (
    CAKE_DIFFSERV_BESTEFFORT,
    CAKE_DIFFSERV_DIFFSERV3,
    TCA_CAKE_DIFFSERV_MODE,
    TCA_CAKE_RTT,
    TCA_CAKE_TARGET,
    numbers,
    read_numbers,
    unlimited_cake,
)

_TARGETS = 20
"""tc has a target of this part of the round trip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cake(Qdisc):
    """`diffserv`: three tins by DSCP, else one for all."""

    rtt_us: int = 100_000
    diffserv: bool = False


def _options(cake: Cake) -> bytes:
    return unlimited_cake() + numbers(
        {
            TCA_CAKE_DIFFSERV_MODE: CAKE_DIFFSERV_DIFFSERV3 if cake.diffserv else CAKE_DIFFSERV_BESTEFFORT,
            TCA_CAKE_RTT: cake.rtt_us,
            TCA_CAKE_TARGET: max(cake.rtt_us // _TARGETS, 1),
        }
    )


def _words(cake: Cake) -> tuple[str, ...]:
    return ("unlimited", "diffserv3" if cake.diffserv else "besteffort", "rtt", f"{cake.rtt_us}us")


def _fields(options: bytes) -> dict[str, Any]:
    found = read_numbers(options)
    return {
        "rtt_us": found[TCA_CAKE_RTT],
        "diffserv": found[TCA_CAKE_DIFFSERV_MODE] != CAKE_DIFFSERV_BESTEFFORT,
    }


ROW = row(Cake, "cake", options=_options, words=_words, fields=_fields, in_place=("rtt_us", "diffserv"))
