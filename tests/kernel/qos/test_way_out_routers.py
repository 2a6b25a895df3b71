"""Guarantees of what declared routers lead out: who gets how much on the link of their external network, by whatever
address the host knows a port, and that nobody outside sees any of that.

The witnesses are the counters that tc shows, ping, nft, and who is at the other end of a socket.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dump import differences
from tests.kernel.external import BEYOND4, BEYOND6, give_external
from tests.kernel.load import classes, flows, ifb_of, is_guest, server
from tests.kernel.test_check_qos import Lab
from tests.kernel.test_way_out import HEAD, MBIT, each_has_its_own
from tests.patience import until
from tests.world import World

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.needs("htb", "ifb", "nft_egress", "nft_fwd", "nft_inet", "nft_nat"),
]

LAB = (
    HEAD.replace("up0:", "ext0:")
    + """
  red:
    networks:
      n: {subnets: [10.10.0.0/24, "fd00:1::/64"]}
      m: {subnets: [10.11.0.0/24]}
    routers:
      edge: {interfaces: [n, m], gateway: {network: internet, addresses: [203.0.113.10, "2001:db8:1::10"]}}
    ports:
      p8: {network: n, attach: {netns: red-p8}, qos: p8}
      p2: {network: m, attach: {netns: red-p2}, qos: p2}
      plain: {network: n, attach: {netns: red-plain}}
  blue:
    networks:
      n: {subnets: [10.10.0.0/24, "fd00:1::/64"]}
      open: {subnets: [10.20.0.0/24, "fd00:2::/64"]}
    routers:
      edge: {interfaces: [n], gateway: {network: internet, snat: [203.0.113.40-203.0.113.41]}}
      wide: {interfaces: [open], gateway: {network: internet, snat: false, addresses: [203.0.113.12, "2001:db8:1::12"]}}
    ports:
      p6: {network: n, attach: {netns: blue-p6}, qos: p6}
      p4: {network: open, attach: {netns: blue-p4}, addresses: [10.20.0.2, "fd00:2::2"], qos: p4}
    floating_ips:
      203.0.113.30: {network: internet, port: p6}
      203.0.113.31:
        network: internet
        forward: [{protocol: tcp, ports: 2222, port: p6, to: 22}, {protocol: tcp, ports: 7000-7100, port: p6}]
external_networks:
  internet:
    link: ext0
    subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.1}, {cidr: "2001:db8:1::/64", gateway: "2001:db8:1::ffff"}]
"""
)
WAY_BACK = """
ip addr add 203.0.113.2/24 dev ext0
ip -n world route add 10.20.0.0/24 via 203.0.113.2
ip -n world -6 route add fd00:2::/64 via 2001:db8:1::12
"""
PORTS = {"red-p8": "8Mbit", "blue-p6": "6Mbit", "blue-p4": "4Mbit", "red-p2": "2Mbit"}
WORLD = ("world", BEYOND4)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("way-out") / "weft.yaml"
    made.write_text(LAB)
    return made


@pytest.fixture(scope="module")
def host(file: Path) -> Iterator[World]:
    with World() as world:
        give_external(world)
        world.run("sh", "-ec", WAY_BACK)
        before = world.dump(settle_s=5)
        world.run("weft", "apply", "-y", "-f", file)
        assert "is as the file says" in world.run("weft", "apply", "-y", "-f", file).stdout
        yield world
        world.run("weft", "destroy", "-y", "lab")
        assert differences(before, world.dump(settle_s=5)) == []


@pytest.mark.parametrize("way", ["out", "in"])
def test_each_has_its_own_whatever_others_send(host: World, way: str) -> None:
    """By an address of the pool, by a floating IP, by its own; of two tenants with the same addresses."""
    dev, options = ("ext0", ()) if way == "out" else (ifb_of(host), ("--reverse",))
    parallel = {"red-p8": 1, "blue-p6": 8, "blue-p4": 8, "red-p2": 1, "red-plain": 8}
    with flows(host, parallel, *options, outside=WORLD):
        until(lambda: each_has_its_own(host, dev), "everybody has what is his", 60)


@pytest.mark.parametrize(("netns", "rate"), PORTS.items())
@pytest.mark.parametrize("target", [BEYOND4, BEYOND6])
def test_both_families_are_of_the_port_s_class_both_ways(host: World, netns: str, rate: str, target: str) -> None:
    if ":" in target and netns == "red-p2":
        target = BEYOND4  # it has no other
    before = classes(host, "ext0")[rate][1], classes(host, ifb_of(host))[rate][1]
    assert host.ping(target, netns=netns, count=5)
    after = classes(host, "ext0")[rate][1], classes(host, ifb_of(host))[rate][1]
    assert all(now - then >= 5 * 98 for now, then in zip(after, before, strict=True))


LISTEN = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.create_server((sys.argv[1], int(sys.argv[2])), family=family) as server:
    print("listens", flush=True)
    held, peer = server.accept()
    print(peer[0], flush=True)
    held.sendall(bytes(20000))
    while held.recv(65536): pass
"""
ASK = """
import socket, sys
held = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
held.sendall(bytes(20000))
held.shutdown(socket.SHUT_WR)
while held.recv(65536): pass
"""


def asked_by(world: World, server: tuple[str | None, str, int], client: str, target: tuple[str, int]) -> str:
    """Who asks, as the one who is asked sees it. 20 kB go each way."""
    netns, address, port = server
    listening = world.start(
        sys.executable, "-IS", "-c", LISTEN, address, str(port), netns=netns, stdout=subprocess.PIPE
    )
    try:
        assert listening.stdout is not None and listening.stdout.readline() == "listens\n"
        world.run(sys.executable, "-IS", "-c", ASK, target[0], str(target[1]), netns=client)
        return listening.stdout.readline().strip()
    finally:
        listening.kill()
        listening.wait()


def test_outside_a_port_has_its_router_s_address(host: World) -> None:
    """By the wire, at the host itself, at another router's port; the pool of the router where it has one."""
    assert asked_by(host, ("world", BEYOND4, 99), "red-p8", (BEYOND4, 99)) == "203.0.113.10"
    assert asked_by(host, ("world", BEYOND6, 99), "red-p8", (BEYOND6, 99)) == "2001:db8:1::10"
    assert asked_by(host, (None, "203.0.113.2", 99), "red-p8", ("203.0.113.2", 99)) == "203.0.113.10"
    assert asked_by(host, ("blue-p6", "0.0.0.0", 7000), "red-p8", ("203.0.113.30", 7000)) == "203.0.113.10"
    assert asked_by(host, ("world", BEYOND4, 99), "blue-p6", (BEYOND4, 99)) == "203.0.113.30"


ECHO = """
import socket, threading
def echo(held):
    while said := held.recv(100): held.sendall(said)
with socket.create_server(("198.51.100.1", 98)) as server:
    print("listens", flush=True)
    while True: threading.Thread(target=echo, args=(server.accept()[0],), daemon=True).start()
"""
SAY = """
import socket, sys
held = socket.create_connection(("198.51.100.1", 98), 10, ("0.0.0.0", int(sys.argv[1])))
for line in sys.stdin:
    held.sendall(line.encode())
    print(held.recv(100).decode(), end="", flush=True)
"""


@pytest.mark.parametrize("first", ["red-p8", "red-plain"])
def test_one_source_port_of_one_address_serves_both_kinds_of_translation(host: World, first: str) -> None:
    """One that the host translates to the router's address, one that the router does, from one port to one target."""
    second = "red-plain" if first == "red-p8" else "red-p8"
    source = "4001" if first == "red-p8" else "4002"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    held = [host.start(sys.executable, "-IS", "-c", ECHO, netns="world", **pipes)]
    assert held[0].stdout is not None and held[0].stdout.readline() == "listens\n"
    try:
        for netns in (first, second):
            talk = host.start(sys.executable, "-IS", "-c", SAY, source, netns=netns, **pipes)
            held.append(talk)
            for one in held[1:]:
                assert one.stdin is not None and one.stdout is not None
                one.stdin.write(f"{netns}\n")
                one.stdin.flush()
                assert one.stdout.readline() == f"{netns}\n"
    finally:
        for one in held:
            one.kill()
            one.communicate()


@pytest.mark.parametrize(("port", "inside"), [(2222, 22), (7050, 7050)])
def test_a_forwarded_port_is_the_port_s_too(host: World, port: int, inside: int) -> None:
    """A single one and one of a range: what comes, and what is answered."""
    before = classes(host, "ext0")["6Mbit"][1], classes(host, ifb_of(host))["6Mbit"][1]
    assert asked_by(host, ("blue-p6", "0.0.0.0", inside), "world", ("203.0.113.31", port)) == "203.0.113.1"
    after = classes(host, "ext0")["6Mbit"][1], classes(host, ifb_of(host))["6Mbit"][1]
    assert all(now - then > 20_000 for now, then in zip(after, before, strict=True))


def test_it_is_explained_and_checked(host: World, file: Path) -> None:
    told = " ".join(host.run("weft", "qos", "explain", "blue/p6").stdout.split())
    assert "a packet of port blue/p6 is known by its source behind a router the host sees 198.18.0." in told
    assert "203.0.113.30 of router blue/edge, 203.0.113.31 tcp 2222 of router blue/edge" in told
    servers = [server(host, 5301, "world")]
    try:
        found = Lab(host, file).clean("red/p2", "--peer", "203.0.113.1:5301")
    finally:
        for one in servers:
            one.kill()
            one.wait()
    shared = {name: one for name, one in found.items() if name.endswith("by ext0")}
    assert shared.keys() == {"red/p2 egress by ext0", "red/p2 ingress by ext0"}
    least_bps = min(seen["rate_bps"] for one in shared.values() for seen in one["measured"])
    assert least_bps >= 2 * MBIT, "what it is guaranteed"
    assert is_guest() or all(one["clean"] for one in shared.values()), "and all it may have, but for a guest's clock"


def test_what_is_somebody_else_s_there_is_not_its(host: World) -> None:
    """A port without a guarantee, and what the host sends, are in the default class."""
    before = classes(host, "ext0")
    assert host.ping(BEYOND4, netns="red-plain", count=3) and host.ping("203.0.113.1", count=3)
    after = classes(host, "ext0")
    assert after["8Kbit"][1] - before["8Kbit"][1] >= 6 * 98
    assert all(after[rate] == before[rate] for rate in PORTS.values())
