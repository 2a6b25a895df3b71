"""A hundred tenants of ten ports, each with a router and NAT: how the cost grows, beside OVN.

Rules: weft makes links, addresses, routes, filters and translation in the kernel, and has looked at them again. OVN is
asked for the same number of logical switches, ports, routers and translations in one transaction, and to wait until
its northd has made logical flows of them (`--wait=sb`): no chassis, no flow in a datapath, no link is counted.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.measure import Run, Sentinel, fresh_world, take_turns, timed
from bench.rows import WEFT, Row
from tests.patience import until
from tests.world import World

FEW, MANY, PORTS = 10, 100, 10
GROWTH = 11
"""At most, for ten times as many; the start of the command is in both."""
OVN = "OVN"


def routers(folder: Path, runs: int) -> list[Row]:
    """10 and 100 tenants of 10 ports with router and NAT."""
    files = {count: _file(folder, count) for count in (FEW, MANY)}
    sides = {str(count): Run(command=("weft", "apply", "-y", "-f", file)) for count, file in files.items()}
    took = {count: timing.median_s for count, timing in take_turns(sides, runs).items()}
    few, many = took[str(FEW)], took[str(MANY)]
    ovn = {count: median(_ovn_s(folder, count) for _ in range(runs)) for count in (FEW, MANY)}
    case = "{:,} ports of {} tenants, routers, NAT"
    rows = [
        Row(case=case.format(count * PORTS, count), unit="s", sides={WEFT: took[str(count)], OVN: ovn[count]})
        for count in (FEW, MANY)
    ]
    times, bound = many / few, f"at most {GROWTH}"
    sides_ = {WEFT: times, OVN: ovn[MANY] / ovn[FEW]}
    return [*rows, Row(case="  growth", unit="times", sides=sides_, bound=bound, kept=times <= GROWTH)]


def _file(folder: Path, tenants: int) -> Path:
    """Each tenant with a network, its router, and ten taps."""
    lines = ["weft: 1", "name: bench", "tenants:"]
    for number in range(tenants):
        lines += [f"  t{number}:", "    networks: {net: {subnets: [10.77.0.0/24], uplink: nat}}", "    ports:"]
        lines += [
            f"      p{number}-{port}: {{network: net, attach: {{tap: {{}}}}, addresses: [10.77.0.{port + 10}]}}"
            for port in range(PORTS)
        ]
    file = folder / f"tenants-{tenants}.yaml"
    file.write_text("\n".join(lines) + "\n")
    return file


def _ovn_s(folder: Path, tenants: int) -> float:
    with fresh_world() as world, _northd(world, folder) as nb:
        words = ("ovn-nbctl", f"--db=unix:{nb}", "--wait=sb", *_logical(tenants))
        took = timed(lambda: world.run(*words, timeout_s=600))
    with Sentinel() as sentinel:
        sentinel.wait()
    return took


def _logical(tenants: int) -> Iterator[str]:
    """The commands of one transaction."""
    for number in range(tenants):
        net, edge, mac = f"net{number}", f"edge{number}", f"02:00:00:00:{number:02x}:01"
        external = f"203.0.113.{number + 1}"
        yield from f"ls-add {net} -- lr-add {edge} -- lrp-add {edge} {edge}-in {mac} 10.77.0.1/24 --".split()
        joined = f"lsp-add {net} {net}-r -- lsp-set-type {net}-r router -- lsp-set-addresses {net}-r router"
        yield from f"{joined} -- lsp-set-options {net}-r router-port={edge}-in --".split()
        yield from f"set Logical_Router {edge} options:chassis=here --".split()
        yield from f"lr-nat-add {edge} snat {external} 10.77.0.0/24".split()
        for port in range(PORTS):
            at, name = f"02:00:00:01:{number:02x}:{port:02x} 10.77.0.{port + 10}", f"p{number}-{port}"
            yield from f"-- lsp-add {net} {name} -- lsp-set-addresses {name}".split()
            yield at
            yield from f"-- lsp-set-port-security {name}".split()
            yield at
        yield "--"
    yield from ("set", "NB_Global", ".", "name=bench")


@contextmanager
def _northd(world: World, folder: Path) -> Iterator[Path]:
    """The two databases and northd, on a world's host; the socket of the northbound one."""
    started: list[subprocess.Popen[str]] = []
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    sockets = {name: folder / f"{name}.sock" for name in ("nb", "sb")}
    try:
        for name, socket in sockets.items():
            database = folder / f"{name}.db"
            database.unlink(missing_ok=True)
            world.run("ovsdb-tool", "create", database, f"/usr/share/ovn/ovn-{name}.ovsschema")
            control = f"--unixctl={folder}/{name}.ctl"
            started.append(world.start("ovsdb-server", database, f"--remote=punix:{socket}", control, **quiet))
        until(lambda: all(socket.exists() for socket in sockets.values()), "OVN's databases")
        world.run("ovn-nbctl", f"--db=unix:{sockets['nb']}", "init")
        world.run("ovn-sbctl", f"--db=unix:{sockets['sb']}", "init")
        databases = (f"--ovnnb-db=unix:{sockets['nb']}", f"--ovnsb-db=unix:{sockets['sb']}")
        started.append(world.start("ovn-northd", *databases, f"--unixctl={folder}/northd.ctl", **quiet))
        yield sockets["nb"]
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()
        for socket in sockets.values():
            socket.unlink(missing_ok=True)
