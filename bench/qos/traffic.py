"""Traffic between namespaces of a world, and what the receiver says of it.

Rules: iperf3 and ping are the witnesses, never weft's own reader. Rates are bits of Ethernet frames a second, as a
bucket counts them: what the receiver got, times what each packet of it has around it. A link's own counters would not
do: where nobody takes large frames apart they count 64 kB and one header.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, quantiles
from typing import Any

from tests.world import World

PAYLOAD_BYTES = 1448
"""Of a full frame: TCP with its timestamps, and UDP as iperf3 sends it."""
AROUND_BYTES = {"tcp": 66, "udp": 42}
INTERVAL_S = 0.25
PORT = 5201
_SOME_S = 10
_BLAST = (sys.executable, "-m", "bench.qos.blast")
ROOT = Path(__file__).parents[2]
FAST_BPS = 200_000_000
"""Above, UDP is sent by blast.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Who sends to whom. `sender`, `receiver`: namespaces, None for the host. `offered_bps` None: what TCP finds.
    `reverse`: the receiver asks for it, as from behind NAT. `flows`: how many at once. `after_s`: when it begins,
    `seconds`: how long it lasts, None for as long as all."""

    sender: str | None
    receiver: str | None
    target: str
    protocol: str = "tcp"
    offered_bps: int | None = None
    flows: int = 1
    port: int = PORT
    reverse: bool = False
    after_s: float = 0.0
    seconds: float | None = None

    @property
    def blasts(self) -> bool:
        return self.protocol == "udp" and (self.offered_bps or 0) > FAST_BPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Frames that arrived, in bit/s, for each interval: when it began, counted from the start of all, and how much."""

    intervals: tuple[tuple[float, float], ...]

    def between_bps(self, from_s: float, to_s: float) -> float:
        """Raises: ValueError where nothing was measured then."""
        found = [rate for start, rate in self.intervals if from_s - 0.01 <= start < to_s - INTERVAL_S / 2]
        return mean(found)

    def first_s(self, at_least_bps: float, from_s: float, lasting: int = 2) -> float | None:
        """The first time from which so much came for `lasting` intervals, counted from `from_s`; None for never."""
        later = [held for held in self.intervals if held[0] >= from_s - INTERVAL_S]
        for at in range(len(later) - lasting + 1):
            if all(rate >= at_least_bps for _, rate in later[at : at + lasting]):
                return max(0.0, later[at][0] - from_s)
        return None


def send(world: World, streams: Sequence[Stream], seconds: float) -> list[Received]:
    """All at once. Raises: RuntimeError with what iperf3 said where one fails."""
    with _servers(world, streams, seconds) as servers:
        began = time.monotonic()
        clients = []
        for stream in sorted(streams, key=lambda stream: stream.after_s):
            time.sleep(max(0.0, began + stream.after_s - time.monotonic()))
            clients.append((time.monotonic() - began, stream, _client(world, stream, seconds)))
        started = {id(stream): at for at, stream, _ in clients}
        told = {id(stream): _said(client, stream, seconds) for _, stream, client in clients}
        served = [server.communicate(timeout=_SOME_S)[0] for server in servers]
    reports = [told[id(of)] if of.reverse else said for of, said in zip(streams, served, strict=True)]
    return [_received(json.loads(said), of, started[id(of)]) for said, of in zip(reports, streams, strict=True)]


def _said(client: subprocess.Popen[str], stream: Stream, seconds: float) -> str:
    said, _ = client.communicate(timeout=seconds + 30)
    if client.returncode:
        raise RuntimeError(f"iperf3 to {stream.target}: {said[-500:]}")
    return said


def _client(world: World, stream: Stream, seconds: float) -> subprocess.Popen[str]:
    if stream.blasts:
        said = ("send", stream.target, stream.port, stream.offered_bps, seconds)
        return world.start(*_BLAST, *map(str, said), netns=stream.sender, cwd=ROOT, stdout=subprocess.PIPE)
    words = [
        "iperf3",
        "-c",
        stream.target,
        "-p",
        str(stream.port),
        "-J",
        "-i",
        str(INTERVAL_S),
        "-P",
        str(stream.flows),
    ]
    words += ["-R"] if stream.reverse else []
    words += ["-t", str(round(stream.seconds or seconds - stream.after_s))]
    words += ["-u", "-l", str(PAYLOAD_BYTES)] if stream.protocol == "udp" else []
    words += ["-b", str(stream.offered_bps // stream.flows)] if stream.offered_bps else []
    client = stream.receiver if stream.reverse else stream.sender
    return world.start(*words, netns=client, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@contextmanager
def _servers(world: World, streams: Sequence[Stream], seconds: float) -> Iterator[list[subprocess.Popen[str]]]:
    servers: list[subprocess.Popen[str]] = []
    try:
        for stream in streams:
            servers.append(_server(world, stream, seconds))
        for stream in streams:
            _await_listener(world, stream)
        yield servers
    finally:
        for server in servers:
            server.kill()
            server.wait()


def _server(world: World, stream: Stream, seconds: float) -> subprocess.Popen[str]:
    words: tuple[str, ...] = ("iperf3", "-s", "-1", "-J", "-i", str(INTERVAL_S), "-p", str(stream.port))
    if stream.blasts:
        words = (*_BLAST, "receive", str(stream.port), str(seconds))
    return world.start(*words, netns=_server_at(stream), cwd=ROOT, stdout=subprocess.PIPE)


def _server_at(stream: Stream) -> str | None:
    return stream.sender if stream.reverse else stream.receiver


def _await_listener(world: World, stream: Stream) -> None:
    until = time.monotonic() + _SOME_S
    kind = "-Hlun" if stream.blasts else "-Hltn"
    while not world.run("ss", kind, f"sport = :{stream.port}", netns=_server_at(stream)).stdout:
        if time.monotonic() > until:
            raise RuntimeError(f"iperf3 does not listen at port {stream.port}")
        time.sleep(0.02)


def _received(report: dict[str, Any], stream: Stream, began_s: float) -> Received:
    factor = 1 + AROUND_BYTES[stream.protocol] / PAYLOAD_BYTES
    sums = [interval["sum"] for interval in report["intervals"]]
    whole = [held for held in sums if held["seconds"] > INTERVAL_S / 2]
    rates = ((began_s + held["start"], held["bytes"] * 8 / held["seconds"] * factor) for held in whole)
    return Received(intervals=tuple(rates))


# Round trips


@dataclass(frozen=True, slots=True, kw_only=True)
class Pings:
    """Times of the answers, in milliseconds; `lost`: questions without."""

    times_ms: tuple[float, ...]
    lost: int

    @property
    def p50_ms(self) -> float:
        return quantiles(self.times_ms, n=100, method="inclusive")[49]

    @property
    def p99_ms(self) -> float:
        return quantiles(self.times_ms, n=100, method="inclusive")[98]


def ping(world: World, netns: str, target: str, seconds: float, every_s: float = 0.02) -> Pings:
    """Raises: RuntimeError where next to nothing is answered."""
    count = round(seconds / every_s)
    words = ("ping", "-n", "-D", "-i", str(every_s), "-c", str(count), "-W", "1", target)
    said = world.run(*words, netns=netns, check=False).stdout
    times = tuple(float(found) for found in re.findall(r"time=([\d.]+) ms", said))
    if len(times) < 20:
        raise RuntimeError(f"ping {target}: {said[-500:]}")
    return Pings(times_ms=times, lost=count - len(times))


def ping_under_load(world: World, netns: str, target: str, load: Stream, seconds: float) -> Pings:
    """While `load` runs, without its first second."""
    with _servers(world, [load], seconds):
        client = _client(world, load, seconds + 2)
        try:
            time.sleep(1.5)
            return ping(world, netns, target, seconds)
        finally:
            client.kill()
            client.wait()
