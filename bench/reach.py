"""The case of `make bench` that measures a check: every port of a tenant asking every other."""

from __future__ import annotations

import json
from collections.abc import Callable

from bench.cases import Bench, NotEqual
from bench.measure import Run, fresh_world
from bench.report import Figure

PORTS = 50
FILE = f"""
weft: 1
name: bench
tenants:
  load:
    networks: {{net: {{subnets: [10.1.0.0/24, "fd01::/64"]}}}}
    ports: {{"p[1-{PORTS}]": {{network: net, attach: {{netns: "{{name}}"}}}}}}
"""


def check_reach(bench: Bench) -> list[Figure]:
    """All pairs of 50 ports by ICMP, TCP, UDP and large packets, over both families."""
    file = bench.folder / "reach.yaml"
    file.write_text(FILE)
    apply = "weft", "apply", "--yes", "-f", file
    questions = _questions(bench, apply)
    took = bench.turns(check=Run(prepare=(apply,), command=("weft", "check", "reach", "-f", file)))["check"].median_s
    case = f"check reach, {PORTS * (PORTS - 1):,} pairs"
    return [Figure(case=case, value=took, bound=10, note=f"{questions:,} questions answered")]


def _questions(bench: Bench, apply: tuple[object, ...]) -> int:
    """How many were asked. Raises: NotEqual unless all of them were answered."""
    with fresh_world() as world:
        world.run(*map(str, apply))
        said = world.run("weft", "check", "reach", "-f", bench.folder / "reach.yaml", "-o", "json", check=False).stdout
    counts = json.loads(said)["counts"]
    if counts["as_asked"] != PORTS * (PORTS - 1):
        raise NotEqual(f"not every pair was reached: {counts}")
    return int(counts["questions"])


REACH: dict[str, Callable[[Bench], list[Figure]]] = {"reach": check_reach}
