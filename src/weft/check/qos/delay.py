"""How long small packets of a class are under way, one way: what comes back goes by other queues and another line.

Rules: sockets of our own, closed at the end; a packet that is lost is none. Every packet carries the time at which it
was sent; both ends are this process, so there is one clock. Source: clock_gettime(2) CLOCK_MONOTONIC.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import field
from functools import partial
from statistics import quantiles
from struct import Struct

from weft.check.qos.lanes import Lane
from weft.check.qos.verdict import Latency
from weft.check.reach.exchange import Exchange, family_of, received
from weft.check.reach.spaces import Spaces
from weft.compiler.qos.flow import Flow
from weft.records import dataclass
from weft.state import Key

EVERY_S = 0.02
SHARE = 0.05
"""Of its class, no more is taken by small packets, ..."""
SMALL_BYTES = 74
"""... which are at most so large."""
_TIME = Struct("!Q")
_LEAST = 20
"""Of so many packets a 99th percentile is told."""


@dataclass(slots=True, eq=False)
class Sender:
    """Who sends along one flow, every `every_s`. `took_us`: of each packet that arrived."""

    flow: Flow
    sends: socket.socket
    every_s: float = EVERY_S
    took_us: list[float] = field(default_factory=list)
    _next_s: float = 0.0

    def send(self, now_s: float) -> None:
        """One, when it is time."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + self.every_s - EVERY_S / 2  # who asks comes every EVERY_S
        with suppress(OSError):  # the queue is full, or the port is gone: none arrives
            self.sends.sendto(_TIME.pack(time.monotonic_ns()), (self.flow.target, self.flow.port))

    @property
    def latency(self) -> Latency | None:
        """None where too few arrived."""
        return latency_of(self.took_us)


def latency_of(took_us: Sequence[float]) -> Latency | None:
    if len(took_us) < _LEAST:
        return None
    percents = quantiles(took_us, n=100, method="inclusive")
    return Latency(p50_us=round(percents[49]), p99_us=round(percents[98]), arrived=len(took_us))


class Delays:
    """All that are sent during one round."""

    def __init__(self, spaces: Spaces, exchange: Exchange) -> None:
        self._spaces, self._exchange = spaces, exchange
        self.senders: dict[Key, Sender] = {}

    def open(self, lane: Lane, flow: Flow) -> None:
        """Begin to listen. Raises: OSError, NamespaceGone."""
        assert lane.sender is not None and lane.receiver is not None
        assert lane.sender.netns is not None and lane.receiver.netns is not None
        arrives = self._socket(lane.receiver.netns, flow, (flow.target, flow.port))
        sends = self._socket(lane.sender.netns, flow, (flow.source, flow.source_port or 0))
        sender = Sender(flow, sends, max(EVERY_S, SMALL_BYTES * 8 / (SHARE * lane.ceil_bps)))
        self._exchange.watch(arrives, partial(_note, arrives, sender))
        self._exchange.watch(sender.sends, partial(_drain, sender.sends))
        self.senders[lane.key] = sender

    def turn_until(self, end_s: float, send: bool = True) -> None:
        """Send and receive until the clock says so. Source: time.monotonic."""
        while (now := time.monotonic()) < end_s:
            if send:
                for sender in self.senders.values():
                    sender.send(now)
            next_s = min(end_s, now + EVERY_S)
            while (left := next_s - time.monotonic()) > 0:
                self._exchange.turn(left)

    def _socket(self, netns: str, flow: Flow, address: tuple[str, int]) -> socket.socket:
        with self._spaces.inside(netns):
            held = socket.socket(family_of(flow.family), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            _set_dscp(held, flow)
            held.bind(address)
        except OSError:
            held.close()
            raise
        return held


def _set_dscp(held: socket.socket, flow: Flow) -> None:
    if flow.family == 6:
        held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, flow.dscp << 2)
    else:
        held.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, flow.dscp << 2)


def _note(arrives: socket.socket, sender: Sender) -> None:
    now = time.monotonic_ns()
    for packet in received(arrives, _TIME.size):
        if len(packet) == _TIME.size:
            sender.took_us.append((now - _TIME.unpack(packet)[0]) / 1000)


def _drain(held: socket.socket) -> None:
    """Nobody answers but with errors."""
    for _ in received(held, _TIME.size):
        pass
