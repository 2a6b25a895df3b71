"""What is measured inside the library, each in a process of its own that prints one JSON object.

`python -m bench.tenants.inside member FILE | groups FILE`, in a world.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median

from bench.measure import timed
from bench.qos.inside import apply
from weft.files import Loaded, load
from weft.service import Service
from weft.service.session import Session

CHANGES = 20


def member(file: str) -> dict[str, float]:
    """Median of one port's joining the group of all others, by a session, which keeps what those are made of: think of
    that port, read its objects, journal, commit, verify, keep the intent. It leaves again each time, uncounted."""
    session = Session(Service())
    alone = load(file)
    joined = _joined(alone)
    session.apply(alone)
    took = []
    for _ in range(CHANGES):
        gc.collect()
        took.append(timed(partial(session.apply, joined)))
        session.apply(alone)
    return {"member": median(took)}


def _joined(loaded: Loaded) -> Loaded:
    tenant = loaded.intent.tenants["t"]
    port = replace(tenant.ports["more"], security_groups=("base", "all"))
    tenant = replace(tenant, ports={**tenant.ports, "more": port})
    return replace(loaded, intent=replace(loaded.intent, tenants={"t": tenant}))


MEASURES: dict[str, Callable[[str], dict[str, float]]] = {"member": member, "groups": apply}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](sys.argv[2])))
