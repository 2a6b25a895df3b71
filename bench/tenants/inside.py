"""What is measured inside the library, each in a process of its own that prints one JSON object.

`python -m bench.tenants.inside member FILE | groups FILE`, in a world.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

from bench.qos.inside import apply
from weft.files import Loaded, load
from weft.service import Service
from weft.service.session import Session

CHANGES = 20


def member(file: str) -> dict[str, float]:
    """Medians of one port's joining the group of all others, by a session, which keeps what those are made of: from the
    call to the kernel's last acknowledgement, and until all is verified and kept. It leaves again, uncounted."""
    session = Session(Service())
    alone = load(file)
    joined = _joined(alone)
    session.apply(alone)
    acknowledged, whole = [], []
    for _ in range(CHANGES):
        gc.collect()
        done: list[float] = []
        called = time.perf_counter()
        session.apply(joined, progress=lambda changes, done=done: done.append(time.perf_counter()))  # type: ignore[misc]
        acknowledged.append(max(done) - called)
        whole.append(time.perf_counter() - called)
        session.apply(alone)
    return {"acknowledged": median(acknowledged), "whole": median(whole)}


def _joined(loaded: Loaded) -> Loaded:
    tenant = loaded.intent.tenants["t"]
    port = replace(tenant.ports["more"], security_groups=("base", "all"))
    tenant = replace(tenant, ports={**tenant.ports, "more": port})
    return replace(loaded, intent=replace(loaded.intent, tenants={"t": tenant}))


MEASURES: dict[str, Callable[[str], dict[str, float]]] = {"member": member, "groups": apply}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](sys.argv[2])))
