"""iperf3: what it is asked, and what it said.

Rules: pure. The sender is the client, but where the other end is another machine's: then the client is always here.
Source: iperf3(1), 3.12.
"""

from __future__ import annotations

import json
from typing import Any

from weft.check.qos.lanes import Run
from weft.compiler.qos.flow import PORTS, Flow

PROGRAM = "iperf3"
PACKAGE = "iperf3"
CONNECT_MS = 3000
INTERVAL_S = 0.25
BLOCKS, LEAST_BLOCK_BYTES, MOST_BLOCK_BYTES = 10, 1_000, 131_072
"""In an interval, and how large they may be."""
INTERRUPTED = "interrupt - "
"""How a report begins to say that it was asked for before its time."""


class Unread(Exception):
    """iperf3 gave no report; in its own words where it said any."""


def server(flow: Flow) -> list[str]:
    """Serves one client, and ends."""
    return [PROGRAM, "-s", "-1", "-J", "-i", str(INTERVAL_S), "-B", flow.target, "-p", str(flow.port)]


def client(run: Run, run_s: float, peer_port: int | None = None) -> list[str]:
    """`peer_port`: where the server of another machine listens, None where it is ours."""
    flow, outward = run.flow, run.lane.receiver is not None and run.lane.receiver.netns is None
    is_reverse = peer_port is not None and not outward
    here, there = (flow.target, flow.source) if is_reverse else (flow.source, flow.target)
    own_port = flow.source_port
    if is_reverse:  # a port that the class does not ask for is any: one's own is not free again at once
        own_port = None if flow.port in PORTS else flow.port
    words = [PROGRAM, "-c", there, "-B", here, "-p", str(peer_port or flow.port), "-J", "-i", str(INTERVAL_S)]
    words += ["-t", str(round(run_s)), "--connect-timeout", str(CONNECT_MS)]
    words += ["-R"] if is_reverse else []
    words += ["--cport", str(own_port)] if own_port is not None else []
    words += ["--dscp", str(flow.dscp)] if flow.dscp else []
    words += ["-u"] if flow.protocol == "udp" else ["-l", str(_block_bytes(run.lane.ceil_bps))]
    return [*words, "-b", str(run.offered_bps)] if run.offered_bps else words


def _block_bytes(ceil_bps: int) -> int:
    """The receiver counts whole blocks, and by itself takes 128 kB for one: seconds at some 100 kbit/s."""
    return min(MOST_BLOCK_BYTES, max(LEAST_BLOCK_BYTES, round(ceil_bps * INTERVAL_S / BLOCKS / 8)))


def goodput_bps(report: str, from_s: float, to_s: float) -> float:
    """What arrived a second between the two, of a server's report or of a client's that received. Raises: Unread."""
    sums = [interval["sum"] for interval in read(report).get("intervals", ())]
    counted = [
        held
        for held in sums
        if from_s - INTERVAL_S / 2 <= held["start"] < to_s - INTERVAL_S / 2 and held["seconds"] > INTERVAL_S / 2
    ]
    seconds = sum(held["seconds"] for held in counted)
    if not seconds:
        raise Unread("iperf3 did not run for long enough")
    return float(sum(held["bytes"] for held in counted) * 8 / seconds)


def read(report: str) -> dict[str, Any]:
    """Raises: Unread."""
    try:
        said = json.loads(report)
    except ValueError as failure:
        raise Unread(report.strip().splitlines()[-1][:200] if report.strip() else "iperf3 said nothing") from failure
    if "error" in said and not (INTERRUPTED in said["error"] and said.get("intervals")):
        raise Unread(f"iperf3: {said['error']}")
    return dict(said)
