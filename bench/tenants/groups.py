"""What groups cost to make and to change: a member more, and a thousand groups.

Rules: the reference of a ruleset is that ruleset, as `nft list table` prints what weft has made: blocks with their
elements in place, which is the shortest way for nft to read it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.measure import Sentinel, fresh_world, timed
from bench.rows import WEFT, Row
from tests.world import World

ROOT = Path(__file__).parents[2]
SIZES = (100, 1000)
MEMBER_MS, GROWTH, TIMES = 20, 2, 1.5
GROUPS, RULES = 1000, 10
TENANT_NETNS, TABLE = "weft.bench.t", "weft-bench"
REFERENCE = "nft -f"

_HEAD = """
weft: 1
name: bench
tenants:
  t:
    networks: {net: {subnets: [10.77.0.0/16]}}
"""
_MEMBERS = """
    security_groups:
      base: {ingress: [{protocol: icmp}]}
      all: {ingress: [{protocol: tcp, ports: [5432], remote: {group: all}}]}
    ports:
"""


def member(folder: Path, runs: int) -> list[Row]:
    """One member more in a group of 100 and of 1,000 ports, by what the library keeps."""
    seen = {size: [_joining(folder, size) for _ in range(runs)] for size in SIZES}
    taken = {size: {part: 1000 * median(one[part] for one in held) for part in held[0]} for size, held in seen.items()}
    few, many = (taken[size]["acknowledged"] for size in SIZES)
    case, times = "one member more, group of {:,}", many / few
    bounds = (f"under {MEMBER_MS} ms", f"at most {GROWTH}")
    return [
        Row(case=case.format(SIZES[0]), unit="ms", sides={WEFT: few}),
        Row(case=case.format(SIZES[1]), unit="ms", sides={WEFT: many}, bound=bounds[0], kept=many < MEMBER_MS),
        Row(case="  growth", unit="times", sides={WEFT: times}, bound=bounds[1], kept=times <= GROWTH),
        Row(case="  of 1,000, verified and kept", unit="ms", sides={WEFT: taken[SIZES[1]]["whole"]}),
    ]


def _joining(folder: Path, size: int) -> dict[str, float]:
    """Medians of several, in one world."""
    file = folder / f"members-{size}.yaml"
    ports = "".join(
        f"      p{number}: {{network: net, attach: {{host: true}}, security_groups: [all]}}\n" for number in range(size)
    )
    alone = "".join(
        f"      {name}: {{network: net, attach: {{host: true}}, security_groups: [base]}}\n"
        for name in ("more", "other")
    )
    file.write_text(_HEAD + _MEMBERS + ports + alone)
    with _empty() as world:
        return _inside(world, "member", file)


def thousand(folder: Path, runs: int) -> list[Row]:
    """1,000 groups of 10 rules, beside `nft -f` of the very ruleset."""
    base, full = _files(folder)
    ruleset = folder / "groups.nft"
    with _empty() as world:
        world.run("weft", "apply", "-y", "-f", full)
        listed = world.run("nft", "list", "table", "bridge", TABLE, netns=TENANT_NETNS).stdout
        ruleset.write_text(listed)
    taken: dict[str, list[float]] = {"call": [], "plan in hand": [], "process": [], REFERENCE: []}
    for _ in range(runs):
        with _standing(base) as world:
            for part, took in _inside(world, "groups", full).items():
                taken[part].append(took)
        with _standing(base) as world:
            taken["process"].append(timed(lambda world=world: world.run("weft", "apply", "-y", "-f", full)))
        with _standing(base) as world:
            world.run("nft", "delete", "table", "bridge", TABLE, netns=TENANT_NETNS)
            taken[REFERENCE].append(timed(lambda world=world: world.run("nft", "-f", ruleset, netns=TENANT_NETNS)))
    return list(_thousand_rows({part: 1000 * median(held) for part, held in taken.items()}))


def _thousand_rows(middle: dict[str, float]) -> Iterator[Row]:
    case = f"{GROUPS:,} groups of {RULES} rules"
    for part, told in (
        ("call", "library, from the call"),
        ("plan in hand", "library, plan in hand"),
        ("process", "whole process"),
    ):
        sides: dict[str, float | str] = {WEFT: middle[part], REFERENCE: middle[REFERENCE]}
        yield Row(case=f"{case}, {told}", unit="ms", sides=sides)
    times = middle["call"] / middle[REFERENCE]
    bound = f"at most {TIMES:g}"
    yield Row(case=f"  the call's of {REFERENCE}", unit="times", sides={WEFT: times}, bound=bound, kept=times <= TIMES)


def _files(folder: Path) -> tuple[Path, Path]:
    """A tenant with a port, without groups and with."""
    port = "    ports:\n      p: {network: net, attach: {host: true}, security_groups: [g0]}\n"
    rules = "[" + ", ".join(f"{{protocol: tcp, ports: [{10_001 + 2 * number}]}}" for number in range(RULES)) + "]"
    groups = [f"      g{number}: {{ingress: {rules}}}\n" for number in range(GROUPS)]
    base, full = folder / "one-group.yaml", folder / "groups.yaml"
    base.write_text(_HEAD + "    security_groups:\n" + groups[0] + port)
    full.write_text(_HEAD + "    security_groups:\n" + "".join(groups) + port)
    return base, full


@contextmanager
def _standing(file: Path) -> Iterator[World]:
    with _empty() as world:
        world.run("weft", "apply", "-y", "-f", file)
        yield world


@contextmanager
def _empty() -> Iterator[World]:
    """A fresh host; afterwards the kernel has taken it down."""
    with fresh_world() as world:
        yield world
    with Sentinel() as sentinel:
        sentinel.wait()


def _inside(world: World, what: str, file: Path) -> dict[str, float]:
    words = (sys.executable, "-m", "bench.tenants.inside", what, file)
    return dict(json.loads(world.run(*words, cwd=ROOT).stdout))
