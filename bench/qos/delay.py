"""What a load at 10 mbit/s adds to the time of a ping beside it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import median

from bench.qos.lab import ADDRESS, PEER, PORT
from bench.qos.sides import DIRECTIONS, SIDES, TO, NotPossible
from bench.qos.traffic import Stream, ping, ping_under_load
from bench.rows import WEFT, Row

RATE_BPS = 10_000_000
FLOWS = 4
SECONDS = 4
AT_MOST_MS = 15
TIMES_LESS = 5
PLUGIN = "CNI bandwidth"


def delay(folder: Path, runs: int) -> list[Row]:
    """Ping under load at 10 mbit/s: what is added at the 99th percentile."""
    return [row for direction in DIRECTIONS for row in _rows(folder, runs, direction)]


def _rows(folder: Path, runs: int, direction: str) -> list[Row]:
    added: dict[str, list[tuple[float, float]]] = defaultdict(list)
    sides: dict[str, float | str] = {}
    remarks: dict[str, str] = {}
    has_fq_codel = False
    for _ in range(runs):
        for name, side in SIDES.items():
            try:
                with side(folder, RATE_BPS, direction) as lab:
                    remarks |= lab.remarks_of(name)
                    idle = ping(lab.world, PORT, ADDRESS[PEER], 1)
                    loaded = ping_under_load(lab.world, PORT, ADDRESS[PEER], _load(direction), SECONDS)
                    added[name].append((loaded.p50_ms - idle.p50_ms, loaded.p99_ms - idle.p50_ms))
                    if name == WEFT:
                        has_fq_codel = "fq_codel" in lab.sh("ip -all netns exec tc qdisc")
            except NotPossible as why:
                sides[name] = str(why)
    p50 = sides | {name: median(half for half, _ in held) for name, held in added.items()}
    p99 = sides | {name: median(most for _, most in held) for name, held in added.items()}
    return _judged(f"ping beside {FLOWS} TCP flows {direction}", p50, p99, remarks, has_fq_codel)


def _judged(
    case: str, p50: dict[str, float | str], p99: dict[str, float | str], remarks: dict[str, str], has_fq_codel: bool
) -> list[Row]:
    ours, plugins = p99[WEFT], p99[PLUGIN]
    assert not isinstance(ours, str)
    bound, kept = (f"at most {AT_MOST_MS} ms", ours <= AT_MOST_MS) if has_fq_codel else ("", None)
    rows = [
        Row(case=f"{case}, added p50", unit="ms", sides=p50, remarks=remarks),
        Row(case=f"{case}, added p99", unit="ms", sides=p99, bound=bound, kept=kept, remarks=remarks),
    ]
    if not isinstance(plugins, str):
        times = plugins / max(ours, 0.1)
        bound, kept = (f"at least {TIMES_LESS}", times >= TIMES_LESS) if has_fq_codel else ("", None)
        rows.append(
            Row(
                case=f"{case}, plugin's of weft's",
                unit="times",
                sides={WEFT: times},
                bound=bound,
                kept=kept,
            )
        )
    return rows


def _load(direction: str) -> Stream:
    sender, receiver = (PEER, PORT) if direction == TO else (PORT, PEER)
    return Stream(sender=sender, receiver=receiver, target=ADDRESS[receiver], flows=FLOWS)
