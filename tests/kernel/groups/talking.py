"""Connections that are held while something changes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kernel.groups.lab import HERE, Lab


@contextmanager
def connected(lab: Lab, netns: str, address: str, port: int, protocol: str = "tcp") -> Iterator[subprocess.Popen[str]]:
    """A connection that echoes until the end of the block."""
    held = lab.world.start(
        *(sys.executable, HERE / "talk.py", "hold", f"{protocol}/{address}/{port}"),
        netns=netns,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert held.stdout is not None and held.stdout.readline() == "connected\n", f"{netns} to {address}"
    try:
        yield held
    finally:
        held.kill()
        held.communicate()


def lives(held: subprocess.Popen[str]) -> bool:
    """Whether a byte still comes back."""
    assert held.stdin is not None and held.stdout is not None
    held.stdin.write("x\n")
    held.stdin.flush()
    return held.stdout.readline() == "back\n"
