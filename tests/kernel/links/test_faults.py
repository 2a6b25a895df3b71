"""Every kind of link through kills and refusals: made, changed, replaced and taken away, or nothing of it.

Each kind is led to and fro between two states, as tests/kernel/test_kill.py leads everything else; points and steps are
taken with a stride, from another one for each kind, since most of them are the same for all. A guest takes longer ones.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.faults.command import preload
from tests.kernel.faults.killer import Killer
from tests.kernel.faults.refuser import DONE, REFUSED, refuse_every_step
from tests.kernel.faults.rig import SCOPE, Rig
from tests.world import World

STRIDE = int(os.environ.get("WEFT_FAULT_STRIDE", "5"))
FIRSTS = 5
"""Of so many points the way to any kind has more."""
LOCAL, REMOTE = {"local": "192.0.2.1", "remote": "192.0.2.2"}, "192.0.2.3"
LOCAL6, REMOTE6 = {"local": "2001:db8::1", "remote": "2001:db8::2"}, "2001:db8::3"
UPON = {"link": "p0"}

KINDS: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "bridge": ({"members": ["p0"]}, {"members": ["p0"], "stp": True, "priority": 4096}),
    "vlan": (UPON | {"vid": 7}, UPON | {"vid": 8}),
    "vxlan": (LOCAL | {"vni": 7}, LOCAL | {"vni": 8, "remote": REMOTE}),
    "geneve": ({"vni": 7, "remote": REMOTE}, {"vni": 7, "remote": "192.0.2.4"}),
    "gre": (LOCAL, LOCAL | {"remote": REMOTE}),
    "gretap": (LOCAL, LOCAL | {"remote": REMOTE}),
    "ipip": (LOCAL, LOCAL | {"remote": REMOTE}),
    "sit": (LOCAL, LOCAL | {"remote": REMOTE}),
    "ip6tnl": (LOCAL6, LOCAL6 | {"remote": REMOTE6}),
    "ip6gre": (LOCAL6, LOCAL6 | {"remote": REMOTE6}),
    "ip6gretap": (LOCAL6, LOCAL6 | {"remote": REMOTE6}),
    "macvlan": (UPON, UPON | {"mode": "private"}),
    "macvtap": (UPON, UPON | {"mode": "vepa"}),
    "ipvlan": (UPON, UPON | {"mode": "l2"}),
    "bond": ({"mode": "active-backup", "members": ["p0"]}, {"mode": "balance-xor", "members": ["p0"]}),
    "vrf": ({"table": 7, "members": ["p0"]}, {"table": 8, "members": ["p0"]}),
    "dummy": ({}, {"mtu": 1400}),
    "ifb": ({}, {"mtu": 1400}),
    "tap": ({"owner": "nobody"}, {"queues": 2}),
    "tun": ({"owner": "nobody"}, {"queues": 2}),
}
"""Kind to what it is first and what it is then; there is a pair of veths p0 and p1 beside it."""


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> None:
    preload()


def ways(world: World, folder: Path, kind: str) -> Iterator[Rig]:
    """From the first state to the second, and, where there is the time, from the first to nothing."""
    world.run("sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1")  # a tunnel has another such address each time
    first, second = (_write(folder / name, kind, state) for name, state in zip("ab", KINDS[kind], strict=True))
    yield Rig.between(world, first, second)
    if STRIDE <= FIRSTS:
        yield Rig.between(world, first, ("destroy", "-y", SCOPE))


def _write(path: Path, kind: str, state: dict[str, Any]) -> tuple[str, ...]:
    links = {
        "p0": {"kind": "veth", "peer": "p1", "mac": "02:00:00:00:00:01"},
        "p1": {"kind": "veth", "peer": "p0", "mac": "02:00:00:00:00:02"},
        "x0": {"kind": kind, **state},
    }
    path.write_text(json.dumps({"weft": 1, "name": SCOPE, "host": {"links": links}}))
    return ("apply", "-y", "-f", str(path))


@pytest.mark.parametrize(
    ("kind", "offset"), [pytest.param(k, n, marks=pytest.mark.needs(k), id=k) for n, k in enumerate(KINDS)]
)
def test_a_kill_or_a_refusal_anywhere_leaves_all_or_nothing(
    world: World, tmp_path: Path, kind: str, offset: int
) -> None:
    for rig in ways(world, tmp_path, kind):
        tally = Killer(rig, first=offset % FIRSTS, stride=STRIDE).run()
        codes = refuse_every_step(rig, first=offset % FIRSTS, stride=STRIDE)
        print(f"{tally}; refused: {codes[REFUSED]} led back, {codes[DONE]} led on")
        assert tally.former + tally.wanted and codes[REFUSED]
