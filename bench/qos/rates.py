"""How near to the declared rate each side comes, in the first second and after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.qos.lab import ADDRESS, PEER, PORT
from bench.qos.sides import DIRECTIONS, SIDES, TO, NotPossible
from bench.qos.traffic import Received, Stream, send
from bench.rows import WEFT, Row

RATES_BPS = (1_000_000, 10_000_000, 100_000_000, 500_000_000)
PROTOCOLS = ("tcp", "udp")
WITHIN, FIRST_WITHIN = 0.03, 0.15
SECONDS = 4
ABOVE = 1.2
"""So much of the rate is offered by UDP."""


def rates(folder: Path, runs: int) -> list[Row]:
    """The declared rate at 1 to 500 mbit/s, TCP and UDP, both directions."""
    asked = [(direction, rate, protocol) for direction in DIRECTIONS for rate in RATES_BPS for protocol in PROTOCOLS]
    return [row for what in asked for row in _rows(folder, runs, *what)]


def _rows(folder: Path, runs: int, direction: str, rate_bps: int, protocol: str) -> Iterator[Row]:
    got: dict[str, list[Received]] = defaultdict(list)
    lacking: dict[str, str] = {}
    remarks: dict[str, str] = {}
    for _ in range(runs):
        for name, side in SIDES.items():
            try:
                with side(folder, rate_bps, direction) as lab:
                    remarks |= lab.remarks_of(name)
                    got[name].append(send(lab.world, [_stream(direction, rate_bps, protocol)], SECONDS)[0])
            except NotPossible as why:
                lacking[name] = str(why)
    case = f"{rate_bps // 10**6} mbit/s {protocol.upper()} {direction}"
    for part, from_s, to_s, within in (("", 1, SECONDS, WITHIN), (", first second", 0, 1, FIRST_WITHIN)):
        sides: dict[str, float | str] = {name: lacking.get(name, "") for name in SIDES}
        sides |= {name: median(of.between_bps(from_s, to_s) for of in held) / 10**6 for name, held in got.items()}
        off = abs(float(sides[WEFT]) * 10**6 / rate_bps - 1)
        yield Row(
            case=case + part,
            unit="mbit/s",
            sides=sides,
            bound=f"within {within:.0%}",
            kept=off <= within,
            remarks=remarks,
        )


def _stream(direction: str, rate_bps: int, protocol: str) -> Stream:
    sender, receiver = (PEER, PORT) if direction == TO else (PORT, PEER)
    offered = None if protocol == "tcp" else round(rate_bps * ABOVE)
    return Stream(
        sender=sender,
        receiver=receiver,
        device=receiver,
        target=ADDRESS[receiver],
        protocol=protocol,
        offered_bps=offered,
    )
