"""The cases of `make bench` that are measured inside the library (bench/library.py), a process for each sample."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.cases import Bench
from bench.measure import Command, Run, Sentinel, fresh_world, take_turns
from bench.report import Figure
from bench.topology import host_ports

ROOT = Path(__file__).parents[1]


def think(bench: Bench) -> list[Figure]:
    """Compile, diff and plan 1,000 and 10,000 ports."""
    few, many = _thoughts(bench, 1000), _thoughts(bench, 10000)
    total = _total(many)
    parts = ", ".join(f"{part} {many[part] * 1000:.0f}" for part in ("load", "compile", "diff and plan"))
    return [
        Figure(case="compile, diff, plan 1,000 ports", value=_total(few)),
        Figure(case="compile, diff, plan 10,000 ports", value=total, bound=3, note=f"ms: {parts}"),
        Figure(case="the same, growth", value=total, against="1,000 ports", beside=_total(few), bound=11),
        Figure(case="peak memory, 1,000 ports", value=few["peak_mb"], unit="MB"),
        Figure(case="peak memory, 10,000 ports", value=many["peak_mb"], unit="MB"),
    ]


def observe(bench: Bench) -> list[Figure]:
    """Read a host with 1,000 links, their addresses and routes."""
    ready = bench.weft(host_ports(1000))
    with fresh_world() as world:
        world.run(*ready)
        took = json.loads(world.run(*_measure("observe", bench.runs * 4), cwd=ROOT).stdout)
    _settle()
    case = f"observe {took['links']:,.0f} links, library"
    beside = took["ip"]
    return [Figure(case=case, value=took["observe"], against="ip -j -d link, addr, route", beside=beside, bound=2)]


def commit(bench: Bench) -> list[Figure]:
    """From the plan of 1,000 ports in hand to the last acknowledgement."""
    topology = host_ports(1000)
    ours = commits(bench, bench.file(topology))["commit"]
    reference = take_turns({"reference": Run(command=bench.reference(topology))}, bench.runs)["reference"].median_s
    case = "apply 1,000 ports, library, plan in hand"
    return [Figure(case=case, value=ours, against="ip -batch, nft -f", beside=reference, bound=1.1)]


def commits(bench: Bench, file: Path) -> dict[str, float]:
    """Medians of applying a file in a fresh world, to the last acknowledgement, in seconds: from the service's `call`,
    and of the `commit` alone, from the plan in hand."""
    took = []
    for _ in range(bench.runs):
        with fresh_world() as world:
            took.append(json.loads(world.run(*_measure("commit", file), cwd=ROOT).stdout))
        _settle()
    return {part: median(one[part] for one in took) for part in took[0]}


def in_library(bench: Bench, file: Path, case: str, against: str, beside_s: float) -> list[Figure]:
    """What applying a file takes inside the library, beside a reference."""
    took = commits(bench, file)
    parts = (("call", "from the call"), ("commit", "plan in hand"))
    return [
        Figure(case=f"{case}, library, {told}", value=took[part], against=against, beside=beside_s, bound=1.5)
        for part, told in parts
    ]


def select(bench: Bench) -> list[Figure]:
    """One port added to 1,000 by what the library keeps, reading that port's objects alone."""
    with fresh_world() as world:
        took = json.loads(world.run(*_measure("select", bench.file(host_ports(1000))), cwd=ROOT).stdout)
    _settle()
    return [Figure(case="one port added to 1,000, library, selection", value=took["select"], bound=0.010)]


def _settle() -> None:
    with Sentinel() as sentinel:
        sentinel.wait()


def _measure(what: str, argument: object) -> Command:
    return sys.executable, "-m", "bench.library", what, str(argument)


def _thoughts(bench: Bench, count: int) -> dict[str, float]:
    """Medians by part."""
    command = list(map(str, _measure("think", count)))
    samples = [
        json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
        for _ in range(bench.runs)
    ]
    return {part: median(sample[part] for sample in samples) for part in samples[0]}


def _total(took: dict[str, float]) -> float:
    return took["compile"] + took["diff and plan"]


INSIDE: dict[str, Callable[[Bench], list[Figure]]] = {
    "think": think,
    "observe": observe,
    "commit": commit,
    "select": select,
}
