"""What rules tell of packets, while somebody looks: from the recorder's file where one records, else heard live.

Rules: a group of a namespace has one listener; where that is the recorder, what it writes is read. What cannot be heard
(no nfnetlink_log, somebody else listens) is only counted.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from errno import EBUSY, EPERM
from pathlib import Path

from weft.backends.visit import visiting
from weft.compiler.groups.logs import NFLOG_GROUP, SNAPLEN_BYTES
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.netlink.nflog import Listener, Missed
from weft.store.ring import Entry, entry_of, past

RECORDER, LIVE, NOTHING = "recorder", "live", "none"
MOST = 100_000
"""Entries kept of one look."""
_DELAY_S = 0.25
"""The kernel tells of what it has gathered after a tenth of a second (wire/nflog.py)."""
_LATE = 100
"""How often it is taken, when the time is over, what has come meanwhile."""


class Sampler:
    """Of one scope. `file`: where its recorder writes."""

    def __init__(self, namespaces: Namespaces, places: Iterable[str], file: Path) -> None:
        self._listeners: dict[int, tuple[str, Listener]] = {}
        self._file = file
        self._poll = select.poll()
        self.missed = 0
        self.interrupted = False
        self._is_recorded = False
        self._since_ns = time.time_ns()
        for netns in places:
            self._listen(namespaces, netns)

    @property
    def kind(self) -> str:
        return RECORDER if self._is_recorded else LIVE if self._listeners else NOTHING

    def close(self) -> None:
        for _, listener in self._listeners.values():
            listener.close()
        self._listeners.clear()

    def collect(self, seconds: float) -> list[Entry]:
        """What was told since the last time, until so many seconds from now; or until somebody interrupts, for whom
        that is enough."""
        found: list[Entry] = []
        try:
            self._collect(time.monotonic() + seconds, found)
        except KeyboardInterrupt:
            self.interrupted = True
            self._collect(time.monotonic() + _DELAY_S, found)
        return [*found, *self._recorded()]

    def _collect(self, due: float, found: list[Entry]) -> None:
        late = 0
        while late < _LATE:
            left = max(0.0, due - time.monotonic())
            if not self._listeners:
                time.sleep(left)
                return
            ready = self._poll.poll(left * 1000)
            for fd, _ in ready:
                self._take(fd, found)
            if not left:
                late = late + 1 if ready else _LATE

    def _listen(self, namespaces: Namespaces, netns: str) -> None:
        with suppress(NamespaceGone):
            try:
                with visiting(namespaces, netns):
                    listener = Listener(NFLOG_GROUP, SNAPLEN_BYTES)
            except OSError as failure:
                self._is_recorded |= failure.errno in (EPERM, EBUSY) and past(self._file) is not None
                return
            self._listeners[listener.fileno()] = netns, listener
            self._poll.register(listener.fileno(), select.POLLIN)

    def _take(self, fd: int, found: list[Entry]) -> None:
        netns, listener = self._listeners[fd]
        at_ns = time.time_ns()
        try:
            for heard in listener.take():
                if len(found) < MOST:
                    found.append(entry_of(heard, at_ns, netns, listener.ifname))
        except Missed:
            self.missed += 1

    def _recorded(self) -> Sequence[Entry]:
        recorded = past(self._file) if self._is_recorded else None
        since_ns, self._since_ns = self._since_ns, time.time_ns()
        return [entry for entry in recorded.entries if entry.at_ns >= since_ns] if recorded else []
