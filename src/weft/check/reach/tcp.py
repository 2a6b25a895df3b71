"""Connections, each to a listener of the target's own. What is sent on one tells which probe it is.

Rules: the first bytes in at the listener prove both ways, for the handshake needed them. Connections end by a reset, so
that no side keeps them in TIME_WAIT. A service that has the port is called and told nothing (services.py): its answer
proves the way back, be it a refusal. Where it takes no more calls nobody answers, and that one came is all that can be
told. Source: tcp(7), socket(7) SO_LINGER.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from errno import EADDRINUSE, ECONNREFUSED, EINPROGRESS
from functools import partial
from itertools import groupby
from struct import pack

from weft.check.reach.exchange import READABLE, WRITABLE, Exchange, family_of
from weft.check.reach.places import Places
from weft.check.reach.probes import MESSAGE_BYTES, Board, Probe
from weft.check.reach.services import Services
from weft.check.reach.spaces import Spaces
from weft.reach import Endpoint

_RESET = pack("ii", 1, 0)
"""struct linger: on, for no time."""
_BACKLOG = 1024
NO_ROOM = "it came, and the service takes no more calls"
_IP_BIND_ADDRESS_NO_PORT = 24
"""linux/in.h: the port is chosen at connect, when the whole four are known."""


class Tcp:
    """TCP in one family."""

    def __init__(self, exchange: Exchange, board: Board, family: int, spaces: Spaces) -> None:
        self._exchange, self._board, self._family, self._spaces = exchange, board, family, spaces
        self._listening: dict[str, int] = {}
        self._places = Places(family)
        self._services = Services(spaces, family)
        self._calling: dict[int, socket.socket] = {}

    def open(self, end: Endpoint) -> None:
        """The calling thread is in the port's namespace. Raises: OSError."""
        if end in self._places or end in self._services:
            return
        listener = self._socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what a service left behind is none
            listener.bind((end.address(self._family), end.own_port))
            listener.listen(_BACKLOG)
        except OSError as failure:
            listener.close()
            if end.talk is not None and failure.errno == EADDRINUSE and self._services.watch(end):
                return
            raise
        self._places.add(end)
        self._listening[end.name] = listener.getsockname()[1]
        self._exchange.watch(listener, partial(self._accept, listener, end))

    def port(self, end: Endpoint) -> int:
        """At which the port is called."""
        return end.talk.port if end.talk is not None else self._listening[end.name]

    def send(self, probes: Sequence[Probe]) -> None:
        """A call that is still on its way goes on: the kernel repeats it by itself."""
        fresh = [probe for probe in probes if probe.number not in self._calling]
        for netns, asking in groupby(fresh, key=lambda probe: probe.source.netns):
            with self._spaces.inside(netns):
                calls = [(probe, self._socket()) for probe in asking]
            for probe, call in calls:
                self._call(probe, call)

    def give_up(self, probe: Probe) -> None:
        """Wait no longer for an answer."""
        if probe.number in self._calling and probe.target in self._services and self._services.has_no_room(probe):
            probe.arrived = probe.is_waiting = True
            probe.note = NO_ROOM
        self.end(probe)

    def end(self, probe: Probe) -> None:
        """No more of a call."""
        call = self._calling.pop(probe.number, None)
        if call is not None:
            self._exchange.close(call)

    def close(self) -> None:
        """No service is watched any more."""
        self._services.close()

    def _socket(self) -> socket.socket:
        made = socket.socket(family_of(self._family), socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        return made

    def _call(self, probe: Probe, call: socket.socket) -> None:
        self._calling[probe.number] = call
        try:
            if probe.target in self._services:
                self._services.bind(call, probe)
            else:
                call.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
                call.bind((probe.source.address(self._family), 0))
            refused = call.connect_ex((probe.target.asked(self._family), self.port(probe.target)))
            if refused not in (0, EINPROGRESS):
                raise OSError(refused, os.strerror(refused))
            self._exchange.watch(call, partial(self._say, probe, call), WRITABLE)
        except OSError as failure:
            self._fail(probe, failure)

    def _say(self, probe: Probe, call: socket.socket) -> None:
        """Connected, or refused."""
        if probe.target in self._services:
            self._judge_service(probe, call)
            return
        try:
            call.send(self._board.question(probe))
        except OSError as failure:
            self._fail(probe, failure)
        else:
            self._exchange.rest(call)

    def _judge_service(self, probe: Probe, call: socket.socket) -> None:
        """It answered, or somebody else did: that the call came to it, its namespace tells."""
        failure = call.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        probe.answered = failure in (0, ECONNREFUSED)
        probe.arrived = probe.answered and self._services.has_come(probe)
        lacking = os.strerror(failure).lower() if failure else "somebody else answers"
        probe.note = "" if probe.arrived else lacking
        self.end(probe)

    def _fail(self, probe: Probe, failure: OSError) -> None:
        probe.note = (failure.strerror or "").lower()
        self.end(probe)

    def _accept(self, listener: socket.socket, end: Endpoint) -> None:
        with suppress(OSError):  # nobody more
            while True:
                taken, _ = listener.accept()
                taken.setblocking(False)
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self._exchange.watch(taken, partial(self._hear, taken, end), READABLE)

    def _hear(self, taken: socket.socket, end: Endpoint) -> None:
        with suppress(OSError):
            probe = self._board.read(taken.recv(MESSAGE_BYTES))
            if probe is not None and probe.target.is_at(end, self._family):
                probe.arrived = probe.answered = True
            if probe is not None:
                self.end(probe)
        self._exchange.close(taken)
