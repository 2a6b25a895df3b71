"""What is measured inside the library, each in a process of its own that prints one JSON object.

`python -m bench.qos.inside apply FILE BARE | change FILE`, in a world where the file's ports stand without a policy, as
in the file BARE.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median

from bench.measure import timed
from weft.files import Loaded, load
from weft.model.qos import QosClass
from weft.service import Prepared, Service
from weft.service.session import Session

CHANGES = 20


def apply(file: str, bare: str) -> dict[str, float]:
    """Seconds from the call of the service to the kernel's last acknowledgement, and from the plan in hand; of a call
    in a service that has done it before, too, as one that stays up has."""
    service, loaded, former = Service(), load(file), load(bare)
    first = _applied(service, loaded)
    _applied(service, former)
    return {**first, "again": _applied(service, loaded)["call"]}


def _applied(service: Service, loaded: Loaded) -> dict[str, float]:
    planned: list[float] = []
    done: list[float] = []

    def agree(prepared: Prepared) -> None:
        planned.append(time.perf_counter())

    def progress(changes: int) -> None:
        done.append(time.perf_counter())

    called = time.perf_counter()
    service.apply(loaded, agree, progress=progress)
    return {"call": max(done) - called, "plan in hand": max(done) - planned[0]}


def change(file: str) -> dict[str, float]:
    """Median of changing the rate of one class of the applied file, by a session, which keeps what the others are made
    of: think of that port, read its objects, journal, commit, verify, keep the intent."""
    session = Session(Service())
    loaded = load(file)
    session.apply(loaded)
    took = []
    for number in range(CHANGES):
        loaded = _with_rate(loaded, 2_000_000 + number * 1000)
        gc.collect()
        took.append(timed(partial(session.apply, loaded)))
    return {"change": median(took)}


def _with_rate(loaded: Loaded, rate_bps: int) -> Loaded:
    """The same with another rate of one class."""
    tenant = loaded.intent.tenants["t"]
    port = tenant.ports["p"]
    assert port.qos is not None and port.qos.ingress is not None
    classes: dict[str, QosClass] = dict(port.qos.ingress.classes)
    name = next(iter(classes))
    classes[name] = replace(classes[name], rate=rate_bps)
    qos = replace(port.qos, ingress=replace(port.qos.ingress, classes=classes))
    tenant = replace(tenant, ports={**tenant.ports, "p": replace(port, qos=qos)})
    return replace(loaded, intent=replace(loaded.intent, tenants={"t": tenant}))


MEASURES: dict[str, Callable[..., dict[str, float]]] = {"apply": apply, "change": change}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](*sys.argv[2:])))
