"""Trees for the tests: a link of weft's own, and what may stand on it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from tests.kernel.rtnl_world import ALIAS
from tests.world import World
from weft.kinds.link.veth import Veth
from weft.kinds.tc.htb import Htb, HtbClass
from weft.kinds.tc.leaves import Cake, Fq, FqCodel, Netem, Pfifo, Sfq, Tbf
from weft.kinds.tc.qdisc import Qdisc
from weft.state import KernelObject

ON = {"netns": "", "ifname": "v0"}


def link(ifname: str = "v0", other: str = "v1", **more: Any) -> tuple[Veth, Veth]:
    return (
        Veth(netns="", ifname=ifname, peer_netns="", peer_ifname=other, alias=ALIAS, up=True, **more),
        Veth(netns="", ifname=other, peer_netns="", peer_ifname=ifname, alias=ALIAS, up=True),
    )


def htb(handle: str = "77:", default: int = 2, **more: Any) -> Htb:
    return Htb(**ON | more, handle=handle, default=default)


def klass(minor: int, parent: str = "77:", rate_bps: int = 8_000_000, **more: Any) -> HtbClass:
    fields: dict[str, Any] = {
        **ON,
        "classid": f"77:{minor:x}",
        "parent": parent,
        "rate_bps": rate_bps,
        "ceil_bps": 2 * rate_bps,
        "burst_bytes": 3028,
        "cburst_bytes": 4000,
        "quantum_bytes": 1514,
    }
    return HtbClass(**fields | more).held()


def inner(minor: int, parent: str = "77:", **more: Any) -> HtbClass:
    return klass(minor, parent, quantum_bytes=None, priority=None, **more)


def tbf(parent: str, **more: Any) -> Tbf:
    fields = {"rate_bps": 100_000_000, "burst_bytes": 3028, "limit_bytes": 100_000}
    return Tbf(**ON, parent=parent, handle="78:", **fields | more).held()


def tree() -> list[KernelObject]:
    """A top, two classes, one of them with a TBF and its queue below."""
    return [
        htb(),
        inner(1, rate_bps=20_000_000),
        klass(2, "77:1"),
        klass(16, "77:1", priority=3, overhead_bytes=24, cells=True),
        Pfifo(**ON, parent="77:2", limit_packets=100),
        tbf("77:10"),
        Pfifo(**ON, parent="78:1", below="77:10", limit_packets=50),
    ]


QUEUES: Mapping[str, tuple[Qdisc, Qdisc]] = {
    "pfifo": (Pfifo(**ON, limit_packets=10), Pfifo(**ON, limit_packets=20)),
    "tbf": (
        Tbf(**ON, rate_bps=10_000_000, burst_bytes=5000, limit_bytes=30_000).held(),
        Tbf(**ON, rate_bps=99_999_999_999, burst_bytes=500_000, limit_bytes=40_000).held(),
    ),
    "fq_codel": (
        FqCodel(**ON, limit_packets=1000, target_us=5000, interval_us=100_000, quantum_bytes=1514),
        FqCodel(**ON, limit_packets=500, target_us=7000, interval_us=90_000, quantum_bytes=300, ecn=False),
    ),
    "sfq": (
        Sfq(**ON, limit_packets=100, quantum_bytes=1514),
        Sfq(**ON, limit_packets=1000, quantum_bytes=3000, perturb_s=0),
    ),
    "fq": (
        Fq(**ON, limit_packets=1000, flow_limit_packets=100, quantum_bytes=3028, initial_quantum_bytes=15140),
        Fq(**ON, limit_packets=2000, flow_limit_packets=50, quantum_bytes=1514, initial_quantum_bytes=7570),
    ),
    "cake": (Cake(**ON), Cake(**ON, rtt_us=20_000, diffserv=True)),
    "netem": (
        Netem(**ON, limit_packets=1000, delay_us=20_001, jitter_us=3, loss_ppm=5001),
        Netem(**ON, limit_packets=500, delay_us=9, duplicate_ppm=7, corrupt_ppm=1, reorder_ppm=250_000),
    ),
}
"""Kind to one of it and what it may become in place."""


def random_queue(rng: random.Random, kind: str) -> Qdisc:
    """With numbers from the whole of their ranges."""

    def upto(most: int) -> int:
        return int(2 ** (rng.random() * most.bit_length())) % most

    made: Mapping[str, Any] = {
        "pfifo": lambda: Pfifo(**ON, limit_packets=upto(2**32)),
        "tbf": lambda: Tbf(
            **ON, rate_bps=20 + upto(10**12), burst_bytes=2000 + upto(2**28), limit_bytes=2000 + upto(2**32 - 2000)
        ),
        "fq_codel": lambda: FqCodel(
            **ON,
            limit_packets=1 + upto(2**20),
            target_us=1 + upto(10**7),
            interval_us=1 + upto(10**7),
            quantum_bytes=1 + upto(2**20),
            flows=1 + upto(65_535),
            ecn=rng.random() < 0.5,
            memory_limit_bytes=1 + upto(2**32 - 1),
        ),
        "sfq": lambda: Sfq(**ON, limit_packets=2 + upto(20_000), quantum_bytes=1514 + upto(2**15), perturb_s=upto(60)),
        "fq": lambda: Fq(
            **ON,
            limit_packets=1 + upto(2**20),
            flow_limit_packets=1 + upto(2**20),
            quantum_bytes=1 + upto(2**20),
            initial_quantum_bytes=1 + upto(2**20),
        ),
        "cake": lambda: Cake(**ON, rtt_us=1 + upto(10**8), diffserv=rng.random() < 0.5),
        "netem": lambda: Netem(
            **ON,
            limit_packets=1 + upto(2**31),
            delay_us=upto(600_000_000),
            jitter_us=upto(600_000_000),
            **{f"{what}_ppm": upto(10**6) for what in ("loss", "duplicate", "corrupt", "reorder")},
        ),
    }
    queue: Qdisc = made[kind]()
    return queue.held()


def random_class(rng: random.Random, minor: int) -> HtbClass:
    def upto(most: int) -> int:
        return int(2 ** (rng.random() * most.bit_length())) % most

    return klass(
        minor,
        rate_bps=20 + upto(10**12),
        ceil_bps=20 + upto(10**12),
        burst_bytes=1 + upto(2**30),
        cburst_bytes=1 + upto(2**30),
        quantum_bytes=1000 + upto(199_000),
        priority=rng.randrange(8),
        overhead_bytes=rng.randrange(257),
        cells=rng.random() < 0.5,
    )


def qdiscs(world: World, ifname: str = "v0") -> list[dict[str, Any]]:
    """As `tc -j` tells them, in the order of their parents."""
    found: list[dict[str, Any]] = world.json("tc", "-j", "qdisc", "show", "dev", ifname)
    return sorted(found, key=lambda seen: (not seen.get("root"), seen.get("parent", "")))


def classes(world: World, ifname: str = "v0") -> dict[str, dict[str, str]]:
    """As `tc -s -d class` tells them (Debian 12's has no JSON for them): each word with the next one."""
    found: dict[str, dict[str, str]] = {}
    said = world.run("tc", "-s", "-d", "class", "show", "dev", ifname).stdout
    for seen in re.split(r"^class ", said, flags=re.M):
        if seen.startswith("htb "):
            words = seen.split()
            told = dict(pairwise(words))
            found[words[1]] = told | {"sent_packets": words[words.index("Sent") + 3]}
    return found


def kinds_of(world: World, ifname: str = "v0") -> Iterator[tuple[str, str]]:
    """What sits where."""
    for seen in qdiscs(world, ifname):
        yield seen.get("parent", "root"), seen["kind"]
