"""Floating IPs and forwardings of a tenant that has its ports on another's network, behind the other's router."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.kernel.external import BEYOND4, BEYOND6
from tests.kernel.floating.shop import DB, DB4, DB6, FORWARD4, FORWARD6, WEB, WEB4, WEB6, heard, visited
from tests.kernel.groups.lab import Lab
from tests.kernel.groups.talking import connected, lives

pytestmark = pytest.mark.kernel

CI = WEB.replace("port: web", "port: ci")
_FORWARD = "{network: internet, forward: [{protocol: tcp, ports: 2222, port: ci, to: 22}]}"
FORWARDS = f'{FORWARD4}: {_FORWARD}, "{FORWARD6}": {_FORWARD}'
BOTH = ((WEB4, FORWARD4, DB4, BEYOND4), (WEB6, FORWARD6, DB6, BEYOND6))


def test_from_everywhere_and_out(lab: Lab) -> None:
    before = lab.world.dump(settle_s=5)
    lab.apply(visited(DB, dev=f"{CI}, {FORWARDS}"))
    lab.listen("ci", "tcp/80", "tcp/22")
    lab.listen("db", "tcp/80")
    for address, forward, theirs, beyond in BOTH:
        for asking in ("world", "web", "db", "run", "ci"):
            lab.demand(asking, passes=(f"tcp/{address}/80", f"tcp/{forward}/2222", f"tcp/{theirs}/80"))
        lab.demand("world", stops=(f"tcp/{forward}/80",))
        with heard(lab.world, f"src {address} and dst {beyond}") as lines:
            assert lab.world.ping(beyond, netns="ci")
        assert lines, "it speaks as its own"
        assert lab.world.ping(address)
    assert lab.status().returncode == 0
    assert lab.world.run("weft", "check", "reach", "-f", lab.file).returncode == 0
    traced = lab.world.run("weft", "trace", "-f", lab.file, "external", WEB4, "tcp/80")
    assert "dev/ci" in traced.stdout
    shown = lab.world.run("weft", "show", "-f", lab.file).stdout
    assert any("dev/ci" in line and WEB4 in line for line in shown.splitlines()), shown
    lab.close()
    lab.world.run("weft", "destroy", "-y", "lab")
    assert lab.world.dump(settle_s=5) == before


@pytest.mark.parametrize("after", [visited(WEB, DB), visited(DB, dev=CI.replace("port: ci", "port: run"))])
def test_a_move_takes_its_connections_and_no_others(lab: Lab, after: str) -> None:
    lab.apply(visited(DB, dev=CI))
    for netns in ("ci", "web", "run", "db"):
        lab.listen(netns, "tcp/80")
    for address, _, theirs, _ in BOTH:
        with ExitStack() as stack:
            cut = stack.enter_context(connected(lab, "world", address, 80))
            inside = stack.enter_context(connected(lab, "web", address, 80))
            kept = stack.enter_context(connected(lab, "world", theirs, 80))
            lab.apply(after)
            assert not lives(cut) and not lives(inside) and lives(kept)
            lab.demand("world", passes=[f"tcp/{address}/80"])
        lab.apply(visited(DB, dev=CI))
