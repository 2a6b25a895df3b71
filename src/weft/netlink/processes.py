"""Processes as the kernel tells them: whether one runs, since when, where, and what it was started with.

Rules: a number alone proves nothing, for numbers come again; with the time of its start it does. What /proc does not
tell is not there. Source: proc(5), pidfd_open(2).
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress

from weft.netlink.namespaces import identity_of


def started_at(pid: int) -> str:
    """The time of its start in ticks since boot, "" where no process of that number runs (a zombie does not)."""
    with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        words = file.read().rpartition(b")")[2].split()
        return words[19].decode() if words[0] not in (b"Z", b"X") else ""
    return ""


def environment(pid: int) -> frozenset[str]:
    """What it was started with, as NAME=VALUE; nothing where it is gone or not ours to see."""
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        return frozenset(file.read().decode(errors="replace").split("\0"))
    return frozenset()


def network_of(pid: int) -> tuple[int, int] | None:
    """The identity of its network namespace."""
    with suppress(OSError):
        return identity_of(f"/proc/{pid}/ns/net")
    return None


class Hold:
    """A process held by what no other process of its number answers to; use as a context manager."""

    def __init__(self, pid: int) -> None:
        """Raises: ProcessLookupError."""
        self._fd = os.pidfd_open(pid)

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def send(self, number: int) -> None:
        """Raises: ProcessLookupError where it has ended."""
        signal.pidfd_send_signal(self._fd, number)

    def ended(self, within_s: float) -> bool:
        """Whether it ends within that time."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(within_s * 1000))
