"""Datagrams there and back. Source: udp(7)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from weft.check.reach.exchange import Exchange, enlarge, family_of, received
from weft.check.reach.places import Places
from weft.check.reach.probes import MESSAGE_BYTES, Board, Probe
from weft.reach import Endpoint


class Udp:
    """UDP in one family: for each port a socket that asks and one that answers."""

    def __init__(self, exchange: Exchange, board: Board, family: int) -> None:
        self._exchange, self._board, self._family = exchange, board, family
        self._asking: dict[str, socket.socket] = {}
        self._answering: dict[str, int] = {}
        self._places = Places(family)

    def open(self, end: Endpoint) -> None:
        """The calling thread is in the port's namespace. Raises: OSError."""
        if end.asks:
            asking = self._bound(end, 0)
            self._asking[end.name] = asking
            self._exchange.watch(asking, partial(self._hear, asking, end))
        if end not in self._places:
            answering = self._bound(end, end.own_port)
            self._places.add(end)
            self._answering[end.name] = answering.getsockname()[1]
            self._exchange.watch(answering, partial(self._answer, answering, end))

    def port(self, end: Endpoint) -> int:
        """At which the port is asked."""
        return end.talk.port if end.talk is not None else self._answering[end.name]

    def send(self, probes: Sequence[Probe]) -> None:
        for probe in probes:
            try:
                to = (probe.target.asked(self._family), self.port(probe.target))
                self._asking[probe.source.name].sendto(self._board.question(probe), to)
            except OSError as failure:
                probe.note = (failure.strerror or "").lower()

    def _bound(self, end: Endpoint, port: int) -> socket.socket:
        made = socket.socket(family_of(self._family), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            enlarge(made)
            made.bind((end.address(self._family), port))
        except OSError:
            made.close()
            raise
        return made

    def _answer(self, held: socket.socket, end: Endpoint) -> None:
        with suppress(OSError):  # nothing more, or no way back, which the other end will notice
            while True:
                packet, sender = held.recvfrom(MESSAGE_BYTES)
                probe = self._board.read(packet)
                if probe is not None:
                    is_here = probe.target.is_at(end, self._family)
                    probe.arrived |= is_here
                    held.sendto(self._board.answer(probe, probe.target if is_here else end), sender)

    def _hear(self, held: socket.socket, end: Endpoint) -> None:
        for packet in received(held, MESSAGE_BYTES):
            probe = self._board.read_answer(packet)
            if probe is not None and probe.source is end:
                probe.answered = True
