"""Timing of whole processes in fresh worlds.

Rules: a run starts on a kernel that has finished taking down the world before it; the two sides of a ratio take turns,
so that a slow minute hits both; what counts is the median.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.world import World

Command = tuple[str | Path, ...]
LOOK: Command = ("sh", "-c", "{ ip -j -d link; ip -j addr; ip -j route; } >/dev/null")
"""What a script does to see what is there."""

QUIET: Command = ("sysctl", "-q", "-w", "net.ipv6.conf.default.addr_gen_mode=1")
"""The ground of every run: links on the host get no IPv6 address that nobody asked for. Else a thousand links check
theirs for duplicates and solicit routers on bridges of 250 ports, for some 20 s after an apply: an apply right after
another took 13 s instead of 0.9 s, whoever did it."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Samples of one thing, in seconds."""

    samples_s: tuple[float, ...]

    @property
    def median_s(self) -> float:
        return median(self.samples_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One side: `prepare` commands make the ground, untimed; `command` is timed from its start to its end."""

    command: Command
    prepare: tuple[Command, ...] = ()


def take_turns(sides: Mapping[str, Run], runs: int) -> dict[str, Timing]:
    """Time each side `runs` times in turn, each time in a fresh world."""
    samples: dict[str, list[float]] = {name: [] for name in sides}
    with Sentinel() as sentinel:
        for _ in range(runs):
            for name, run in sides.items():
                samples[name].append(in_fresh_world(run))
                sentinel.wait()
    return {name: Timing(tuple(taken)) for name, taken in samples.items()}


def in_fresh_world(run: Run) -> float:
    """Seconds that `run.command` took."""
    with fresh_world() as world:
        for command in run.prepare:
            world.run(*command)
        return timed(lambda: world.run(*run.command))


def fresh_world() -> World:
    world = World()
    world.run(*QUIET)
    return world


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


class Sentinel:
    """Tells when the kernel has taken down all namespaces that are gone: it does so in order, one queue for all, so
    a veth whose other end is in a namespace deleted last goes last. Source: net/core/net_namespace.c cleanup_net."""

    def __init__(self) -> None:
        self.world = World()

    def __enter__(self) -> Sentinel:
        return self

    def __exit__(self, *_: object) -> None:
        self.world.close()

    def wait(self, timeout_s: float = 60) -> None:
        """Raises: TimeoutError when the kernel is still at it after `timeout_s`."""
        self.world.run("ip", "netns", "add", "last")
        self.world.run("ip", "link", "add", "first", "type", "veth", "peer", "last", "netns", "last")
        self.world.run("ip", "netns", "del", "last")
        until = time.monotonic() + timeout_s
        while self.world.run("ip", "link", "show", "first", check=False).returncode == 0:
            if time.monotonic() > until:
                raise TimeoutError("the kernel is still taking down namespaces")
            time.sleep(0.02)
