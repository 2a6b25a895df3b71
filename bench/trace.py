"""The case of `make bench` that traces: one question among many ports, in the library, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

from bench.cases import Bench
from bench.inside import ROOT
from bench.report import Figure
from weft.compiler import compile
from weft.facts import FEATURES, Facts
from weft.files import load_text
from weft.trace import Fate, Tracer, talk_of

PORTS, SAMPLES = 1000, 9
FILE = f"""
weft: 1
name: bench
tenants:
  load:
    networks: {{net: {{subnets: [10.1.0.0/16, "fd01::/64"], uplink: nat}}}}
    security_groups:
      base: {{ingress: [{{remote: {{group: base}}}}, {{protocol: icmp}}]}}
      web: {{ingress: [{{protocol: tcp, ports: [80, 443]}}]}}
    ports: {{"p[1-{PORTS}]": {{network: net, attach: {{netns: "{{name}}"}}, security_groups: [base, web]}}}}
"""


def trace(bench: Bench) -> list[Figure]:
    """One question among 1,000 ports in groups."""
    done = subprocess.run([sys.executable, "-m", "bench.trace"], cwd=ROOT, capture_output=True, text=True, check=True)
    took = json.loads(done.stdout)
    case = f"trace on {PORTS:,} ports, library"
    return [
        Figure(case=f"{case}, the first", value=took["first"], bound=0.1, note="from the State on; processor time"),
        Figure(case=f"{case}, each after it", value=took["next"], bound=0.1),
    ]


def measure() -> dict[str, float]:
    """Seconds of processor time, medians: from a State to its first trace, and of another one then."""
    intent = load_text("bench.yaml", FILE).intent
    compiled = compile(intent, Facts(host_id="bench", features=frozenset(FEATURES)))
    first, then = [], []
    for _ in range(SAMPLES):
        began = time.process_time()
        tracer = Tracer(intent, compiled.state, compiled.paths)
        _ask(tracer, "load/p1", f"load/p{PORTS}")
        between = time.process_time()
        _ask(tracer, "load/p2", "load/p3")
        first.append(between - began)
        then.append(time.process_time() - between)
    return {"first": median(first), "next": median(then)}


def _ask(tracer: Tracer, source: str, target: str) -> None:
    found = tracer.trace(source, target, talk_of("tcp/80"))
    assert found.fate is Fate.PASSES and found.hints


TRACE: dict[str, Callable[[Bench], list[Figure]]] = {"trace": trace}

if __name__ == "__main__":
    print(json.dumps(measure()))
