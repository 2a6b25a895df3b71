"""What is measured inside the library, each in a process of its own that prints one JSON object.

`python -m bench.library think COUNT | observe RUNS | commit FILE | select FILE`; all but the first in a world.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from bench.measure import LOOK, timed
from bench.topology import host_ports
from weft.backends.base import Selection
from weft.compiler import compile
from weft.facts import FEATURES, Facts
from weft.files import load, load_text
from weft.model.intent import Intent
from weft.plan import plan
from weft.service import Prepared, Service
from weft.service.session import Session
from weft.state import HOST, State

PORTS_A_BRIDGE = 250
ADDED = 20


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
    step("diff and plan", lambda: plan(State(), desired))
    return {**took, "peak_mb": _peak_mb()}


def _peak_mb() -> float:
    """Of this program alone: ru_maxrss begins with what the process that forked it held. Source: proc(5) VmHWM."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


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
    """Seconds to the kernel's last acknowledgement, journal and all, of applying `file`: from the call of the service,
    the file being read, and from the plan in hand."""
    loaded, service = load(file), Service()
    planned: list[float] = []
    done: list[float] = []

    def agree(prepared: Prepared) -> None:
        planned.append(time.perf_counter())

    def progress(changes: int) -> None:
        done.append(time.perf_counter())

    called = time.perf_counter()
    service.apply(loaded, agree, progress=progress)
    last = max(done, default=planned[0])
    return {"call": last - called, "commit": last - planned[0]}


def select(file: str) -> dict[str, float]:
    """Median of adding a port to the applied `file` by a session, which keeps what the others are made of: think of
    that port, read its objects alone, journal, commit, verify, keep the intent."""
    session = Session(Service())
    loaded = load(file)
    session.apply(loaded)
    took = []
    for number in range(ADDED):
        loaded = replace(loaded, intent=_with_port(loaded.intent, f"more-{number}"))
        gc.collect()
        took.append(timed(partial(session.apply, loaded)))
    return {"select": median(took)}


def _with_port(intent: Intent, name: str) -> Intent:
    """The intent with one port more, like the last of its tenant."""
    [(tenant_name, tenant)] = intent.tenants.items()
    like = list(tenant.ports.values())[-1]
    more = replace(tenant, ports={**tenant.ports, name: replace(like, addresses=())})
    return replace(intent, tenants={tenant_name: more})


MEASURES: dict[str, Callable[[str], dict[str, float]]] = {
    "think": think,
    "observe": observe,
    "commit": commit,
    "select": select,
}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](str(Path(sys.argv[2])))))
