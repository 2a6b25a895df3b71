"""What four ports get of an uplink of 20 mbit/s that they have 40, 30, 20 and 10 % of.

Rules: the same outside for all sides, one end of a veth in a namespace of its own; who has 10 and 40 % sends one flow,
the others eight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from bench.qos.lab import Lab, empty
from bench.qos.traffic import Received, Stream, send
from bench.rows import WEFT, Row

OUTSIDE, TARGET = "outside", "192.0.2.254"
UPLINK_BPS = 20_000_000
GUARANTEES_BPS: Mapping[str, int] = {"p8": 8_000_000, "p6": 6_000_000, "p4": 4_000_000, "p2": 2_000_000}
FLOWS: Mapping[str, int] = {"p8": 1, "p6": 8, "p4": 8, "p2": 1}
UP, DOWN = "up", "down"
AT_LEAST = 0.95
BACK_S = 1.0
SKIP_S, SECONDS = 2, 8
LATER_S = 3
RAW = "raw tc"
LIMITS_ONLY = "it limits a port by itself, and guarantees nothing of what several share"
CANNOT: Mapping[str, str] = {"raw police": LIMITS_ONLY, "CNI bandwidth": LIMITS_ONLY, "tcconfig": LIMITS_ONLY}

_GROUND = f"""
ip netns add {OUTSIDE}
ip link add up0 type veth peer name up1 netns {OUTSIDE}
ip addr add 192.0.2.1/24 dev up0
ip link set up0 up
ip -n {OUTSIDE} addr add {TARGET}/24 dev up1
ip -n {OUTSIDE} link set up1 up
ip -n {OUTSIDE} link set lo up
ip route add default via {TARGET}
"""
_HEAD = """
weft: 1
name: bench
host: {links: {up0: {existing: true, capacity: 20mbit}}}
tenants:
"""


@contextmanager
def weft(tenants: Sequence[Sequence[str]], folder: Path) -> Iterator[Lab]:
    """The ports of each tenant behind NAT."""
    with empty(folder) as lab:
        lab.sh(_GROUND)
        file = folder / "guarantees.yaml"
        file.write_text(_HEAD + "".join(_tenant(f"t{at}", ports) for at, ports in enumerate(tenants)))
        lab.world.run("weft", "apply", "-y", "--no-confirm", "-f", file)
        yield lab


def _tenant(name: str, ports: Sequence[str]) -> str:
    want = "{{rate: {rate}bit, ceil: 20mbit}}"
    lines = [
        f"      {port}: {{network: n, attach: {{netns: {port}}}, qos: {{egress: {said}, ingress: {said}}}}}"
        for port in ports
        for said in [want.format(rate=GUARANTEES_BPS[port])]
    ]
    network = "    networks: {n: {subnets: [10.10.0.0/24], uplink: nat}}"
    return "\n".join([f"  {name}:", network, "    ports:", *lines]) + "\n"


@contextmanager
def raw_tc(folder: Path) -> Iterator[Lab]:
    """The host routes, without NAT; HTB and u32 by address, as how-to articles write them."""
    with empty(folder) as lab:
        lab.sh(_GROUND + "sysctl -qw net.ipv4.ip_forward=1\n")
        lab.sh(f"ip -n {OUTSIDE} route add 10.78.0.0/16 via 192.0.2.1")
        for at, port in enumerate(GUARANTEES_BPS):
            lab.sh(_RAW_PORT.format(port=port, net=f"10.78.{at}"))
        lab.sh("ip link add ifb0 type ifb; ip link set ifb0 up; tc qdisc add dev up0 handle ffff: ingress")
        redirect = "match u32 0 0 action mirred egress redirect dev ifb0"
        lab.sh(f"tc filter add dev up0 parent ffff: protocol all u32 {redirect}")
        for device, side in (("up0", "src"), ("ifb0", "dst")):
            lab.sh("\n".join(_raw_tree(device, side)))
        yield lab


_RAW_PORT = """
ip netns add {port}
ip link add v{port} type veth peer name {port} netns {port}
ip addr add {net}.1/24 dev v{port}
ip link set v{port} up
ip -n {port} addr add {net}.2/24 dev {port}
ip -n {port} link set {port} up
ip -n {port} route add default via {net}.1
"""


def _raw_tree(device: str, side: str) -> Iterator[str]:
    yield f"tc qdisc add dev {device} root handle 1: htb default 50"
    yield f"tc class add dev {device} parent 1: classid 1:1 htb rate 20mbit"
    yield f"tc class add dev {device} parent 1:1 classid 1:50 htb rate 8kbit ceil 20mbit"
    for at, rate_bps in enumerate(GUARANTEES_BPS.values()):
        yield f"tc class add dev {device} parent 1:1 classid 1:1{at} htb rate {rate_bps}bit ceil 20mbit"
        match = f"match ip {side} 10.78.{at}.0/24 flowid 1:1{at}"
        yield f"tc filter add dev {device} parent 1: protocol ip u32 {match}"


SHAPES: Mapping[str, Callable[[Path], AbstractContextManager[Lab]]] = {
    "one tenant": partial(weft, [["p8", "p6", "p4", "p2"]]),
    "two tenants": partial(weft, [["p8", "p2"], ["p6", "p4"]]),
}


def guarantees(folder: Path, runs: int) -> list[Row]:
    """40, 30, 20 and 10 % of 20 mbit/s, up and down: each its own, what is idle, and how soon it is given back."""
    return [row for way in (UP, DOWN) for shape in SHAPES for row in _rows(folder, runs, shape, way)]


def _rows(folder: Path, runs: int, shape: str, way: str) -> Iterator[Row]:
    sides = {WEFT: SHAPES[shape], RAW: raw_tc}
    seen = {name: [_measured(side, folder, way) for _ in range(runs)] for name, side in sides.items()}
    for at, (case, unit, bound, is_kept) in enumerate(_WANTED):
        figures = {name: median(taken[at] for taken in held) for name, held in seen.items()}
        yield Row(
            case=f"20 mbit/s {way}, {shape}: {case}",
            unit=unit,
            sides={**figures, **CANNOT},
            bound=bound,
            kept=is_kept(figures[WEFT]),
        )


_WANTED: tuple[tuple[str, str, str, Callable[[float], bool]], ...] = (
    ("least share of its own", "%", f"at least {AT_LEAST:.0%}", lambda held: held >= 100 * AT_LEAST),
    ("one alone", "mbit/s", f"at least {AT_LEAST:.0%}", lambda held: held * 10**6 >= AT_LEAST * UPLINK_BPS),
    ("an idle port has its own again", "s", f"at most {BACK_S:g} s", lambda held: held <= BACK_S),
)


def _measured(side: Callable[[Path], AbstractContextManager[Lab]], folder: Path, way: str) -> tuple[float, ...]:
    with side(folder) as lab:
        all_at_once = [_stream(port, way, flows=flows) for port, flows in FLOWS.items()]
        shares = send(lab.world, all_at_once, SECONDS)
        [alone] = send(lab.world, [_stream("p2", way, flows=4)], SECONDS - 2)
        late = [_stream("p2", way, flows=4), _late("p8", way)]
        _, back = send(lab.world, late, SECONDS)
    return _least_share(shares), alone.between_bps(SKIP_S, SECONDS - 2) / 10**6, _back_s(back)


def _least_share(shares: Sequence[Received]) -> float:
    """In percent."""
    wanted = (GUARANTEES_BPS[port] for port in FLOWS)
    return min(100 * got.between_bps(SKIP_S, SECONDS) / rate_bps for got, rate_bps in zip(shares, wanted, strict=True))


def _back_s(back: Received) -> float:
    """The whole time where it never came back."""
    found = back.reaches_s(AT_LEAST * GUARANTEES_BPS["p8"], back.times_s[0])
    return SECONDS - LATER_S if found is None else found


def _late(port: str, way: str) -> Stream:
    """By UDP: how soon TCP finds out is not asked here."""
    return _stream(port, way, protocol="udp", offered_bps=12_000_000, after_s=LATER_S)


def _stream(
    port: str, way: str, *, protocol: str = "tcp", flows: int = 1, offered_bps: int | None = None, after_s: float = 0.0
) -> Stream:
    sender, receiver = (port, OUTSIDE) if way == UP else (OUTSIDE, port)
    return Stream(
        sender=sender,
        receiver=receiver,
        target=TARGET,
        protocol=protocol,
        offered_bps=offered_bps,
        flows=flows,
        port=5201 + list(GUARANTEES_BPS).index(port),
        reverse=way == DOWN,
        after_s=after_s,
    )
