"""The table of connections is full: what is established goes on, nothing new comes about, and nobody else notices.

The limit is the machine's own: only a guest is given a small one.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.groups.lab import HERE, Lab
from tests.kernel.groups.talking import connected, lives

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge", "own_machine")]

MOST = Path("/proc/sys/net/netfilter/nf_conntrack_max")
HELD = 20

TEXT = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24, "fd00::/64"]}}
    security_groups:
      web: {ingress: [{protocol: tcp, ports: [80]}, {protocol: udp, ports: [53]}]}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"], security_groups: [web]}
      ask: {network: front, attach: {netns: ask}, addresses: [10.0.0.20, "fd00::20"]}
      free: {network: front, attach: {netns: free}, addresses: [10.0.0.30, "fd00::30"]}
  dev:
    networks: {front: {subnets: [10.0.0.0/24]}}
    ports:
      one: {network: front, attach: {netns: one}, addresses: [10.0.0.10]}
      two: {network: front, attach: {netns: two}, addresses: [10.0.0.20]}
"""


@contextlib.contextmanager
def limit(connections: int) -> Iterator[None]:
    """Of the whole machine, each namespace for itself. Source: nf_conntrack_core.c __nf_conntrack_alloc."""
    before = MOST.read_text()
    MOST.write_text(str(connections))
    try:
        yield
    finally:
        MOST.write_text(before)


@contextlib.contextmanager
def many(lab: Lab, netns: str, address: str, port: int, number: int) -> Iterator[subprocess.Popen[str]]:
    """So many connections, each with data both ways: none is given up for a new one."""
    words = ("many", f"tcp/{address}/{port}", str(number))
    held = lab.world.start(
        sys.executable, HERE / "talk.py", *words, netns=netns, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert held.stdout is not None and held.stdout.readline() == "connected\n"
    try:
        yield held
    finally:
        held.kill()
        held.communicate()


def followed(lab: Lab) -> int:
    told = lab.world.run("cat", "/proc/sys/net/netfilter/nf_conntrack_count", netns="weft.lab.shop").stdout
    return int(told)


def test_a_full_table_cuts_nobody_off(lab: Lab) -> None:
    lab.apply(TEXT)
    lab.listen("web", "tcp/80", "udp/53")
    lab.listen("free", "tcp/80")
    lab.listen("one", "tcp/80")
    lab.demand("ask", passes=("tcp/10.0.0.10/80", "tcp/fd00::10/80", "udp/10.0.0.10/53", "tcp/10.0.0.30/80"))
    with (
        many(lab, "ask", "10.0.0.10", 80, HELD),
        connected(lab, "ask", "10.0.0.10", 80) as old,
        connected(lab, "ask", "fd00::10", 80) as old6,
        connected(lab, "ask", "10.0.0.30", 80) as unfiltered,
    ):
        lab.world.run("conntrack", "-D", "-p", "udp", netns="weft.lab.shop", check=False)
        assert HELD < followed(lab) < 4 * HELD
        with limit(HELD):
            assert not any(lab.ask("ask", ("tcp/10.0.0.10/80", "tcp/fd00::10/80", "udp/10.0.0.10/53"), 1.5).values())
            assert lives(old) and lives(old6) and lives(unfiltered), "what is established goes on"
            assert lab.ask("two", ("tcp/10.0.0.10/80",), 4) == {"tcp/10.0.0.10/80": True}, "another tenant's table"
            assert lab.world.run("weft", "status", "-f", lab.file).returncode == 0
        lab.demand("ask", passes=("tcp/10.0.0.10/80", "tcp/fd00::10/80", "udp/10.0.0.10/53"))
        assert lives(old)
