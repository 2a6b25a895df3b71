"""The recorder of one scope: keeps what rules tell of packets in a file of a fixed size.

Rules: a program of its own, kept running as any (kinds/process.py). It listens in each namespace that its configuration
names and that is there, and looks every second which those are, for a socket pins its namespace. It takes so many
packets a second and no more: of what comes beyond that, the kernel throws away what its buffer does not hold, and it is
noted that something is missing. It imports little, for it stays. SIGHUP: the configuration has changed.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from weft.netlink import doors
from weft.netlink.nflog import Listener, Missed
from weft.store.ring import Ring, entry_of

RUN_NETNS = "/run/netns"
GLANCE_S = 1.0
MOST_PER_SECOND = 5_000
"""Packets taken; a packet costs some 20 us."""


class Recorder:
    """Of one configuration: lines of `slots N`, `group N`, `snaplen N`, `file NAME` and `netns NAME`."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._listeners: dict[str, tuple[tuple[int, int], Listener]] = {}
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._poll = select.poll()
        self._by_fd: dict[int, str] = {}
        self._ring: Ring | None = None
        self._changed = True
        self._second, self._left = 0, MOST_PER_SECOND

    def change(self) -> None:
        """Read the configuration before anything else is taken."""
        self._changed = True

    def serve(self, ready: Path) -> None:
        self._look()
        ready.touch()
        due = time.monotonic() + GLANCE_S
        while True:
            if self._changed or time.monotonic() >= due:
                self._look()
                due = time.monotonic() + GLANCE_S
            for fd, _ in self._poll.poll(max(0.0, due - time.monotonic()) * 1000):
                self._take(self._by_fd[fd])

    # what is listened to

    def _look(self) -> None:
        if self._changed:
            self._changed = False
            self._read()
        there = {netns: found for netns in self._wanted if (found := _identity(netns))}
        for netns, (identity, _) in list(self._listeners.items()):
            if there.get(netns) != identity:
                self._leave(netns)
        for netns, identity in there.items():
            if netns in self._listeners:
                self._listeners[netns][1].forget_names()
            else:
                self._enter(netns, identity)

    def _read(self) -> None:
        said: dict[str, list[str]] = {}
        for line in self._config.read_text().splitlines():
            word, _, value = line.partition(" ")
            said.setdefault(word, []).append(value)
        self._wanted = said.get("netns", [])
        self._group, self._snaplen, slots = (int(said[word][0]) for word in ("group", "snaplen", "slots"))
        path = self._config.parent.parent / said["file"][0]
        if self._ring is not None:
            self._ring.close()
        self._ring = Ring(path, slots, time.time_ns())

    def _enter(self, netns: str, identity: tuple[int, int]) -> None:
        """Listen there, unless somebody else does, or it has just gone: it is tried again at the next look."""
        with suppress(OSError):
            place = os.open(f"{RUN_NETNS}/{netns}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                doors.enter(place)
                listener = Listener(self._group, self._snaplen)
            finally:
                os.close(place)
                doors.enter(self._home)
            self._listeners[netns] = identity, listener
            self._by_fd[listener.fileno()] = netns
            self._poll.register(listener.fileno(), select.POLLIN)

    def _leave(self, netns: str) -> None:
        _, listener = self._listeners.pop(netns)
        self._poll.unregister(listener.fileno())
        del self._by_fd[listener.fileno()]
        listener.close()

    # what is heard

    def _take(self, netns: str) -> None:
        assert self._ring is not None
        self._wait_for_budget()
        _, listener = self._listeners[netns]
        try:
            at_ns = time.time_ns()
            for one in listener.take():
                self._left -= 1
                self._ring.add(entry_of(one, at_ns, netns, listener.ifname))
        except Missed:
            self._ring.miss()

    def _wait_for_budget(self) -> None:
        now = time.monotonic()
        if int(now) != self._second:
            self._second, self._left = int(now), MOST_PER_SECOND
        elif self._left <= 0:
            time.sleep(self._second + 1 - now)


def _identity(netns: str) -> tuple[int, int] | None:
    try:
        found = os.stat(f"{RUN_NETNS}/{netns}")
    except OSError:
        return None
    return found.st_dev, found.st_ino


def main(config: str, ready: str) -> None:
    """Record until killed."""
    recorder = Recorder(Path(config))
    signal.signal(signal.SIGHUP, lambda *_: recorder.change())
    recorder.serve(Path(ready))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
