"""The cases of `make bench` that are whole processes, and what each is measured against.

A case is a function of a `Bench` that returns its figures; `PROCESSES` is the order they run in.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import names
from bench.measure import LOOK, Command, Run, Sentinel, Timing, fresh_world, take_turns
from bench.reference import steps_of, write, write_single_steps
from bench.report import Figure
from bench.topology import Topology, host_ports, namespace_ports, with_another_port
from tests.dump import Dump, differences
from tests.world import World

MININET = Path(__file__).parent / "peers" / "mininet_linear.py"


class NotEqual(Exception):
    """weft and the reference made different things; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """`folder` is for scripts and files; `runs` how often each side is timed."""

    folder: Path
    runs: int

    def weft(self, topology: Topology) -> Command:
        return "weft", "apply", "--yes", "-f", self.file(topology)

    def file(self, topology: Topology) -> Path:
        path = self._place(topology) / "weft.yaml"
        path.write_text(topology.file())
        return path

    def reference(self, topology: Topology) -> Command:
        return "sh", write(steps_of(topology), self._place(topology))

    def single_steps(self, topology: Topology) -> Command:
        return "sh", write_single_steps(steps_of(topology), self._place(topology))

    def pyroute2(self, topology: Topology) -> Command:
        path = self._place(topology) / "steps.json"
        path.write_text(json.dumps(asdict(steps_of(topology))))
        return sys.executable, "-m", "bench.peers.pyroute2_apply", path

    def _place(self, topology: Topology) -> Path:
        kind = "host" if topology.ports[0].netns is None else "netns"
        place = self.folder / f"{kind}-{len(topology.ports)}"
        place.mkdir(exist_ok=True)
        return place

    def turns(self, **sides: Run) -> dict[str, Timing]:
        return take_turns(sides, self.runs)


def make_equal(bench: Bench, topology: Topology) -> None:
    """Raises: NotEqual unless weft and the reference make the same of the topology, as outside witnesses tell."""
    make_alike(bench.weft(topology), bench.reference(topology))


def make_alike(weft: Command, reference: Command) -> None:
    """Raises: NotEqual unless both commands make the same in a fresh world."""
    with fresh_world() as one, fresh_world() as other:
        one.run(*weft)
        other.run(*reference)
        until = time.monotonic() + 20  # carriers and link-local addresses settle at their own pace
        while found := differences(comparable(other.dump()), comparable(one.dump())):
            if time.monotonic() > until:
                raise NotEqual("\n".join(["- reference, + weft", *found[:40], f"{len(found)} differences"]))
            time.sleep(1)
    with Sentinel() as sentinel:
        sentinel.wait()


def comparable(dump: Dump) -> Dump:
    """The dump with the host's id in marks replaced by one word."""
    text = re.sub(r'("ifalias": ?"weft/)[^/"]+/', rf"\g<1>{names.HOST_ID}/", json.dumps(dump))
    return dict(json.loads(text))


def apply_to_host(bench: Bench) -> list[Figure]:
    """1,000 ports on four bridges with NAT."""
    return _apply(bench, "apply 1,000 ports, 4 bridges, NAT", host_ports(1000))


def apply_to_namespaces(bench: Bench) -> list[Figure]:
    """200 ports with a namespace each, on four bridges with NAT."""
    return _apply(bench, "apply 200 ports, a namespace each", namespace_ports(200))


def _apply(bench: Bench, case: str, topology: Topology) -> list[Figure]:
    make_equal(bench, topology)
    took = bench.turns(weft=Run(command=bench.weft(topology)), reference=Run(command=bench.reference(topology)))
    reference = took["reference"].median_s
    return [Figure(case=case, value=took["weft"].median_s, against="ip -batch, nft -f", beside=reference, bound=1.5)]


def beside_apply(bench: Bench) -> list[Figure]:
    """The peers on 1,000 ports: a process a step, and pyroute2."""
    topology = host_ports(1000)
    took = bench.turns(
        weft=Run(command=bench.weft(topology)),
        single=Run(command=bench.single_steps(topology)),
        pyroute2=Run(command=bench.pyroute2(topology)),
    )
    case, weft = "apply 1,000 ports, beside", took["weft"].median_s
    against = {"single": "one ip a step", "pyroute2": "pyroute2"}
    return [Figure(case=case, value=weft, against=against[peer], beside=took[peer].median_s) for peer in against]


def no_change(bench: Bench) -> list[Figure]:
    """An apply that finds nothing to do at 1,000 ports, and one that adds a port."""
    topology = host_ports(1000)
    ready = (bench.weft(topology),)
    took = bench.turns(
        same=Run(prepare=ready, command=bench.weft(topology)),
        more=Run(prepare=ready, command=bench.weft(with_another_port(topology))),
        look=Run(prepare=ready, command=LOOK),
    )
    same, more, look = (took[name].median_s for name in ("same", "more", "look"))
    return [
        Figure(case="apply, nothing to do", value=same, against="ip -j -d link, addr, route", beside=look, bound=8),
        Figure(case="apply, one port added", value=more, against="nothing to do", beside=same, bound=1.3),
    ]


def mininet(bench: Bench) -> list[Figure]:
    """Mininet's linear,50 on Linux bridges, beside 50 ports of weft with a bridge and a namespace each."""
    topology = namespace_ports(50, bridges=50)
    weft = bench.turns(weft=Run(command=bench.weft(topology)))["weft"].median_s
    up = Timing(tuple(_mininet_s() for _ in range(bench.runs))).median_s
    note = "weft: 50 bridges, routers with NAT, 50 namespaces; Mininet: 50 bridges in a line, 50 namespaces"
    return [Figure(case="50 bridges, 50 namespaces", value=weft, against="Mininet linear,50", beside=up, note=note)]


def _mininet_s() -> float:
    """Seconds from the start of Mininet's process until its network is up."""
    own_sysfs = f"mount -t sysfs sysfs /sys; exec /usr/bin/python3 {MININET} 50"
    with World() as world, Sentinel() as sentinel:
        took = float(world.run("unshare", "-m", "sh", "-c", own_sysfs).stdout)
        sentinel.wait()
    return took


PROCESSES: dict[str, Callable[[Bench], list[Figure]]] = {
    "apply": apply_to_host,
    "namespaces": apply_to_namespaces,
    "no-change": no_change,
    "beside": beside_apply,
    "mininet": mininet,
}
