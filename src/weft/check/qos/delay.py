"""How long small packets of a class are under way, there and back.

Rules: sockets of our own, closed at the end; a packet that is lost is none. Every question carries its own time, so
answers are matched whatever their order.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import field
from functools import partial
from statistics import quantiles
from struct import Struct

from weft.check.qos.lanes import Lane
from weft.check.qos.verdict import Latency
from weft.check.reach.exchange import Exchange, family_of, received
from weft.check.reach.rooms import Rooms
from weft.compiler.qos.flow import Flow
from weft.records import dataclass
from weft.state import Key

EVERY_S = 0.02
_TIME = Struct("!Q")
_LEAST = 20
"""Of so many answers a 99th percentile is told."""


@dataclass(slots=True, eq=False)
class Asker:
    """Who asks along one flow. `took_us` of each answer."""

    flow: Flow
    sends: socket.socket
    took_us: list[float] = field(default_factory=list)

    def ask(self) -> None:
        try:
            self.sends.sendto(_TIME.pack(time.monotonic_ns()), (self.flow.target, self.flow.port))
        except OSError:  # the queue is full, or the port is gone: no answer comes of it
            return

    @property
    def latency(self) -> Latency | None:
        """None where too few answers came."""
        return latency_of(self.took_us)


def latency_of(took_us: Sequence[float]) -> Latency | None:
    if len(took_us) < _LEAST:
        return None
    percents = quantiles(took_us, n=100, method="inclusive")
    return Latency(p50_us=round(percents[49]), p99_us=round(percents[98]), answers=len(took_us))


class Delays:
    """All that ask during one round."""

    def __init__(self, rooms: Rooms, exchange: Exchange) -> None:
        self._rooms, self._exchange = rooms, exchange
        self.askers: dict[Key, Asker] = {}

    def open(self, lane: Lane, flow: Flow) -> None:
        """Begin to listen. Raises: OSError, NamespaceGone."""
        assert lane.sender is not None and lane.receiver is not None
        assert lane.sender.netns is not None and lane.receiver.netns is not None
        answers = self._socket(lane.receiver.netns, flow, (flow.target, flow.port))
        self._exchange.watch(answers, partial(_answer, answers))
        asks = Asker(flow, self._socket(lane.sender.netns, flow, (flow.source, flow.source_port or 0)))
        self._exchange.watch(asks.sends, partial(_note, asks))
        self.askers[lane.key] = asks

    def turn_until(self, end_s: float, ask: bool = True) -> None:
        """Ask and answer until the clock says so. Source: time.monotonic."""
        while (now := time.monotonic()) < end_s:
            if ask:
                for asker in self.askers.values():
                    asker.ask()
            next_s = min(end_s, now + EVERY_S)
            while (left := next_s - time.monotonic()) > 0:
                self._exchange.turn(left)

    def _socket(self, netns: str, flow: Flow, address: tuple[str, int]) -> socket.socket:
        with self._rooms.inside(netns):
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


def _answer(held: socket.socket) -> None:
    try:
        while True:
            question, who = held.recvfrom(64)
            held.sendto(question, who)
    except OSError:  # nothing more, or an answer that found no room
        return


def _note(asker: Asker) -> None:
    now = time.monotonic_ns()
    for answer in received(asker.sends, _TIME.size):
        if len(answer) == _TIME.size:
            asker.took_us.append((now - _TIME.unpack(answer)[0]) / 1000)
