"""Traffic between namespaces of a world, and what of it arrives.

Rules: iperf3 and ping make it, the receiver counts it, never weft's own reader. Rates are bits of Ethernet frames a
second, as a bucket counts them. The receiver's link tells bytes and packets, but a packet may be 64 kB with one header
where nobody took it apart; so headers are taken off as often as there are packets, and put on again for each full
frame. (The receiver's program would tell what it got in order, which after a loss is seconds later.)
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.world import World

PAYLOAD_BYTES = 1448
"""Of a full frame: TCP with its timestamps, and UDP as iperf3 sends it."""
AROUND_BYTES = {"tcp": 66, "udp": 42}
INTERVAL_S = 0.25
PORT = 5201
FAST_BPS = 200_000_000
"""Above, UDP is sent by blast.py."""
ROOT = Path(__file__).parents[2]
_SOME_S = 10
_MORE_S = 1.5
"""So much longer than asked is counted, for what begins late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Who sends to whom. `sender`, `receiver`: namespaces, None for the host. `device`: the receiver's link, where that
    is to count; else iperf3 does. `offered_bps` None: what TCP finds. `reverse`: the receiver asks for it, as from
    behind NAT. `flows`: how many at once. `after_s`: when it begins."""

    sender: str | None
    receiver: str | None
    target: str
    device: str = ""
    protocol: str = "tcp"
    offered_bps: int | None = None
    flows: int = 1
    port: int = PORT
    reverse: bool = False
    after_s: float = 0.0

    @property
    def blasts(self) -> bool:
        return self.protocol == "udp" and (self.offered_bps or 0) > FAST_BPS

    @property
    def server_at(self) -> str | None:
        return self.sender if self.reverse else self.receiver

    @property
    def client_at(self) -> str | None:
        return self.receiver if self.reverse else self.sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Bits of frames that had arrived, by the time since all began."""

    times_s: tuple[float, ...]
    bits: tuple[float, ...]

    def until(self, at_s: float) -> float:
        """Bits until then, between two readings in proportion."""
        after = bisect_left(self.times_s, at_s)
        if after == 0 or after == len(self.times_s):
            return self.bits[min(after, len(self.bits) - 1)]
        before_s, after_s = self.times_s[after - 1 : after + 1]
        share = (at_s - before_s) / (after_s - before_s)
        return self.bits[after - 1] + share * (self.bits[after] - self.bits[after - 1])

    def between_bps(self, from_s: float, to_s: float) -> float:
        return (self.until(to_s) - self.until(from_s)) / (to_s - from_s)

    def reaches_s(self, rate_bps: float, from_s: float, lasting_s: float = 0.25) -> float | None:
        """How long after `from_s` so much has come for so long; None for never."""
        at_s = from_s
        while at_s + lasting_s <= self.times_s[-1]:
            if self.between_bps(at_s, at_s + lasting_s) >= rate_bps:
                return at_s - from_s + lasting_s
            at_s += 0.05
        return None

    def from_first(self) -> Received:
        """The same, counted from when the first packets came."""
        first = next((at for at, bits in zip(self.times_s, self.bits, strict=True) if bits > 50_000), self.times_s[0])
        return Received(times_s=tuple(at - first for at in self.times_s), bits=self.bits)


def send(world: World, streams: Sequence[Stream], seconds: float) -> list[Received]:
    """All at once, each until `seconds` after the first began. Raises: RuntimeError with what iperf3 said where one
    fails."""
    with _servers(world, streams) as servers, _samplers(world, streams, seconds) as samplers:
        began_s = time.monotonic()
        clients: dict[int, subprocess.Popen[str]] = {}
        started: dict[int, float] = {}
        for stream in sorted(streams, key=lambda stream: stream.after_s):
            time.sleep(max(0.0, began_s + stream.after_s - time.monotonic()))
            started[id(stream)] = time.monotonic() - began_s
            clients[id(stream)] = _client(world, stream, seconds - stream.after_s + _MORE_S)
        told = {id(stream): _said(clients[id(stream)], stream, seconds) for stream in streams}
        found = []
        for stream, server, sampler in zip(streams, servers, samplers, strict=True):
            if sampler is not None:
                found.append(_sampled(sampler.communicate(timeout=_SOME_S)[0], stream, began_s))
            else:
                said = told[id(stream)] if stream.reverse else _told(server)
                found.append(_reported(json.loads(said), stream, started[id(stream)]))
        return found


def _told(server: subprocess.Popen[str] | None) -> str:
    assert server is not None
    return server.communicate(timeout=_SOME_S)[0]


def _said(client: subprocess.Popen[str], stream: Stream, seconds: float) -> str:
    said, _ = client.communicate(timeout=seconds + 30)
    if client.returncode:
        raise RuntimeError(f"iperf3 to {stream.target}: {said[-500:]}")
    return said


def _client(world: World, stream: Stream, seconds: float) -> subprocess.Popen[str]:
    if stream.blasts:
        words = [sys.executable, "-m", "bench.qos.blast", stream.target, stream.port, stream.offered_bps, seconds]
        return world.start(*map(str, words), netns=stream.sender, cwd=ROOT, stdout=subprocess.PIPE)
    words = ["iperf3", "-c", stream.target, "-p", str(stream.port), "-J", "-i", str(INTERVAL_S)]
    words += ["-P", str(stream.flows), "-t", str(round(seconds))]
    words += ["-R"] if stream.reverse else []
    words += ["-u", "-l", str(PAYLOAD_BYTES)] if stream.protocol == "udp" else []
    words += ["-b", str(stream.offered_bps // stream.flows)] if stream.offered_bps else []
    return world.start(*map(str, words), netns=stream.client_at, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@contextmanager
def _servers(world: World, streams: Sequence[Stream]) -> Iterator[list[subprocess.Popen[str] | None]]:
    servers: list[subprocess.Popen[str] | None] = []
    try:
        for stream in streams:
            words = ("iperf3", "-s", "-1", "-J", "-i", str(INTERVAL_S), "-p", str(stream.port))
            started = None if stream.blasts else world.start(*words, netns=stream.server_at, stdout=subprocess.PIPE)
            servers.append(started)
        for stream in streams:
            _await_listener(world, stream)
        yield servers
    finally:
        _end(servers)


@contextmanager
def _samplers(world: World, streams: Sequence[Stream], seconds: float) -> Iterator[list[subprocess.Popen[str] | None]]:
    samplers: list[subprocess.Popen[str] | None] = []
    try:
        for stream in streams:
            samplers.append(_sampler(world, stream, seconds) if stream.device else None)
        yield samplers
    finally:
        _end(samplers)


def _sampler(world: World, stream: Stream, seconds: float) -> subprocess.Popen[str]:
    words = (sys.executable, "-m", "bench.qos.sampler", stream.device, str(seconds + _MORE_S))
    return world.start(*words, netns=stream.receiver, cwd=ROOT, stdout=subprocess.PIPE)


def _end(programs: Sequence[subprocess.Popen[str] | None]) -> None:
    for program in filter(None, programs):
        program.kill()
        program.wait()


def _await_listener(world: World, stream: Stream) -> None:
    until = time.monotonic() + _SOME_S
    while not stream.blasts and not world.run("ss", "-Hltn", f"sport = :{stream.port}", netns=stream.server_at).stdout:
        if time.monotonic() > until:
            raise RuntimeError(f"iperf3 does not listen at port {stream.port}")
        time.sleep(0.02)


def _sampled(lines: str, stream: Stream, began_s: float) -> Received:
    read = [json.loads(line) for line in lines.splitlines()]
    _, first_bytes, first_packets = read[0]
    around = AROUND_BYTES[stream.protocol]
    payload = [(size - first_bytes) - around * (packets - first_packets) for _, size, packets in read]
    return Received(
        times_s=tuple(at - began_s for at, _, _ in read), bits=tuple(_framed(held, stream) for held in payload)
    ).from_first()


def _reported(report: dict[str, Any], stream: Stream, began_s: float) -> Received:
    times, bits = [began_s], [0.0]
    for interval in report["intervals"]:
        held = interval["sum"]
        times.append(began_s + held["end"])
        bits.append(bits[-1] + _framed(held["bytes"], stream))
    return Received(times_s=tuple(times), bits=tuple(bits))


def _framed(payload_bytes: float, stream: Stream) -> float:
    """Bits of the full frames that carry a payload."""
    return payload_bytes * 8 * (1 + AROUND_BYTES[stream.protocol] / PAYLOAD_BYTES)


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
    words = ("ping", "-n", "-i", str(every_s), "-c", str(count), "-W", "1", target)
    said = world.run(*words, netns=netns, check=False).stdout
    times = tuple(float(found) for found in re.findall(r"time=([\d.]+) ms", said))
    if len(times) < 20:
        raise RuntimeError(f"ping {target}: {said[-500:]}")
    return Pings(times_ms=times, lost=count - len(times))


def ping_under_load(world: World, netns: str, target: str, load: Stream, seconds: float) -> Pings:
    """While `load` runs, without its first second and a half."""
    with _servers(world, [load]):
        client = _client(world, load, seconds + 2)
        try:
            time.sleep(1.5)
            return ping(world, netns, target, seconds)
        finally:
            client.kill()
            client.wait()
