"""Forwardings to ports that services hold: their calls are answered by the service itself, and counted where it is.

Rules: every call comes from a port that no other call of the run has, so that it is known wherever it comes, whatever
address it was given on the way. The service is told nothing: it sees a connection that ends at once. One that takes no
more calls lets them wait: the kernel answers none, and counts each. Source: listen(2), snmp_counter.rst
TcpExtListenOverflows.
"""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from errno import EADDRINUSE
from pathlib import Path

from weft.backends.arrivals import Arrivals
from weft.backends.libnftables import Complaint
from weft.check.reach.probes import Probe
from weft.check.reach.spaces import Spaces
from weft.errors import FeatureMissing
from weft.reach import Endpoint

_FROM = (20_000, 60_000)
_TRIES = 64
_COUNTED, _TURNED_AWAY = Path("/proc/thread-self/net/netstat"), "ListenOverflows"
_Place = tuple[str, str, int]


def turned_away(netstat: str) -> int:
    """Calls for which no listener of a namespace had room. Source: proc(5) /proc/PID/net/netstat."""
    lines = [line.split() for line in netstat.splitlines() if line.startswith("TcpExt:")]
    names, values = lines if len(lines) == 2 else ([], [])
    return int(dict(zip(names, values, strict=True)).get(_TURNED_AWAY, 0))


class Services:
    """The held places of one family. `spaces`: where they are."""

    def __init__(self, spaces: Spaces, family: int) -> None:
        self._spaces, self._family = spaces, family
        self._watched: dict[_Place, Arrivals] = {}
        self._turned_away: dict[_Place, int] = {}
        self._ports: dict[int, int] = {}
        self._next = random.randrange(*_FROM)

    def watch(self, end: Endpoint) -> bool:
        """Whether calls to a service can be known there. The calling thread is in its namespace."""
        if end in self:
            return True
        with suppress(Complaint, FeatureMissing):
            self._watched[end.ends_at(self._family)] = Arrivals(end.address(self._family), end.own_port)
            self._turned_away[end.ends_at(self._family)] = turned_away(_COUNTED.read_text())
            return True
        return False

    def __contains__(self, end: Endpoint) -> bool:
        return bool(end.own_port) and end.ends_at(self._family) in self._watched

    def bind(self, call: socket.socket, probe: Probe) -> None:
        """Give a call a port of its own. Raises: OSError."""
        for _ in range(_TRIES):
            self._next = self._next + 1 if self._next < _FROM[1] else _FROM[0]
            try:
                call.bind((probe.source.address(self._family), self._next))
            except OSError as failure:
                if failure.errno != EADDRINUSE:
                    raise
            else:
                self._ports[probe.number] = self._next
                return
        raise OSError(EADDRINUSE, "no port to call from")

    def has_come(self, probe: Probe) -> bool:
        """Whether the call has been seen where the service is."""
        with self._spaces.inside(probe.target.netns), suppress(Complaint):
            return self._ports.get(probe.number) in self._watched[probe.target.ends_at(self._family)].seen()
        return False

    def has_no_room(self, probe: Probe) -> bool:
        """Whether the call has come, and been turned away for the service takes no more."""
        place, port = probe.target.ends_at(self._family), self._ports.get(probe.number)
        with self._spaces.inside(probe.target.netns), suppress(Complaint):
            arrivals = self._watched[place]
            return (
                port in arrivals.seen()
                and port not in arrivals.answered()
                and turned_away(_COUNTED.read_text()) > self._turned_away[place]
            )
        return False

    def close(self) -> None:
        for arrivals in self._watched.values():
            arrivals.close()
