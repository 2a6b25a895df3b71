"""What is measured inside the library, each in a process of its own that prints one JSON object.

`python -m bench.library think COUNT | observe RUNS | commit FILE`; the latter two in a world.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.measure import LOOK, timed
from bench.topology import host_ports
from weft.backends.base import Selection
from weft.compiler import compile
from weft.diff import diff
from weft.facts import FEATURES, Facts
from weft.files import load, load_text
from weft.plan import plan
from weft.service import Prepared, Service
from weft.state import HOST, State

PORTS_A_BRIDGE = 250


def think(count: str) -> dict[str, float]:
    """Seconds for compile, diff and plan of `count` ports on an empty host, and for loading their file; peak memory
    of the process in MB."""
    topology = host_ports(int(count), bridges=int(count) // PORTS_A_BRIDGE)
    facts = Facts(host_id="bench", features=frozenset(FEATURES))
    took: dict[str, float] = {}

    def step(name: str, call: Callable[[], object]) -> object:
        result: list[object] = []
        took[name] = timed(lambda: result.append(call()))
        return result[0]

    loaded = load_text("weft.yaml", topology.file())  # the first load imports what loading needs
    step("load", lambda: load_text("weft.yaml", topology.file()))
    desired = step("compile", lambda: compile(loaded.intent, facts).state)
    assert isinstance(desired, State)
    changes = step("diff", lambda: diff(State(), desired))
    step("plan", lambda: plan(changes))  # type: ignore[arg-type]
    return {**took, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def observe(runs: str) -> dict[str, float]:
    """Medians of reading all links, addresses and routes of the host, and of what `ip` takes to print them."""
    rtnl = Service().machine("bench").rtnl
    selection = Selection(namespaces=(HOST,))
    links = sum(key.table == "link" for key in rtnl.observe(selection))
    ours, theirs = [], []
    for _ in range(int(runs)):
        gc.collect()
        ours.append(timed(lambda: rtnl.observe(selection)))
        theirs.append(timed(lambda: subprocess.run(LOOK, check=True)))
    return {"links": links, "observe": median(ours), "ip": median(theirs)}


def commit(file: str) -> dict[str, float]:
    """Seconds from the plan in hand to the kernel's last acknowledgement, journal and all, of applying `file`."""
    started: list[float] = []
    done: list[float] = []

    def agree(prepared: Prepared) -> None:
        started.append(time.perf_counter())

    def progress(changes: int) -> None:
        done.append(time.perf_counter())

    Service().apply(load(file), agree, progress=progress)
    return {"commit": done[-1] - started[0]}


MEASURES: dict[str, Callable[[str], dict[str, float]]] = {"think": think, "observe": observe, "commit": commit}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](str(Path(sys.argv[2])))))
