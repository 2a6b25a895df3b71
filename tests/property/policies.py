"""Random policies: every figure, every match, classes within classes. The compiler says which are not sound."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from random import Random
from typing import Any, TypeVar

from weft.compiler.qos.checks import missed_family
from weft.compiler.qos.classify import families_of
from weft.model.qos import Impairment, QosClass, QosDirection, QosMatch, QosPolicy
from weft.model.qos_words import PORT_PROTOCOLS, PROTOCOLS

T = TypeVar("T")
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02", "52:00:00:00:00:02", "ff:ff:ff:ff:ff:ff")
RATES_BPS = (20, 500, 8_000, 256_000, 1_500_000, 10_000_000, 104_900_000, 10**9, 10**11)
NAMES = ("voice", "web", "bulk", "a", "b", "rest", "default")


def some(rng: Random, share: float, make: Callable[[], T]) -> T | None:
    return make() if rng.random() < share else None


def prefix(rng: Random) -> str:
    """Of few networks, so that two often overlap or touch."""
    version = rng.choice((4, 4, 6))
    bits, base = (32, 10 << 24) if version == 4 else (128, 0xFD << 120)
    length = rng.choice((0, 8, bits - 8, bits - 2, bits - 1, bits, bits))
    number = (base + rng.randint(0, 600)) >> (bits - length) << (bits - length)
    return f"{ip_network(number.to_bytes(bits // 8, 'big'))}".split("/")[0] + f"/{length}"


def ports(rng: Random) -> tuple[str, ...]:
    found = []
    for _ in range(rng.randint(1, 4)):
        low = rng.choice((1, 22, 80, 81, 82, 443, 5000, 65000))
        found.append(str(low) if rng.random() < 0.6 else f"{low}-{low + rng.randint(1, 20)}")
    return tuple(found)


def several(rng: Random, make: Callable[[Random], T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(make(rng) for _ in range(rng.randint(1, 4))))


def random_match(rng: Random, *, marks: bool = True) -> QosMatch:
    """It says something. `marks`: whether it may speak of the packet's mark."""
    said: dict[str, Any] = {}
    for name, share, make in (
        ("source", 0.4, lambda: several(rng, prefix)),
        ("destination", 0.4, lambda: several(rng, prefix)),
        ("source_mac", 0.1, lambda: several(rng, lambda r: r.choice(MACS))),
        ("destination_mac", 0.1, lambda: several(rng, lambda r: r.choice(MACS))),
        ("dscp", 0.3, lambda: several(rng, lambda r: r.randint(0, 63))),
        ("protocol", 0.5, lambda: rng.choice(tuple(PROTOCOLS))),
        ("mark", 0.1 if marks else 0, lambda: rng.choice(("0x10/0xff", "0x1/0xffffffff", "0x0/0x1", "0x30/0xfff0"))),
    ):
        if rng.random() < share:
            said[name] = make()
    if said.get("protocol") in PORT_PROTOCOLS:
        said |= {name: ports(rng) for name in ("ports", "source_ports") if rng.random() < 0.5}
    return QosMatch(**said) if said else random_match(rng, marks=marks)


def sound_match(rng: Random) -> QosMatch:
    """One that some packet may fit."""
    match = random_match(rng, marks=False)
    return match if families_of(match) != () and missed_family(match) is None else sound_match(rng)


def random_impairment(rng: Random) -> Impairment:
    delay = some(rng, 0.7, lambda: rng.choice((0, 1_000, 20_000, 2_000_000)))
    return Impairment(
        delay=delay,
        jitter=some(rng, 0.3, lambda: rng.choice((0, 500, 3_000))),
        loss=some(rng, 0.5, lambda: rng.choice((0, 1, 5_000, 1_000_000))),
        duplicate=some(rng, 0.2, lambda: 10_000),
        corrupt=some(rng, 0.2, lambda: 100),
        reorder=some(rng, 0.2, lambda: 10_000),
    )


def _shape(rng: Random) -> dict[str, Any]:
    return {
        "rate": some(rng, 0.4, lambda: rng.choice(RATES_BPS)),
        "ceil": some(rng, 0.5, lambda: rng.choice(RATES_BPS)),
        "burst": some(rng, 0.2, lambda: rng.choice((1, 3_000, 10**6))),
        "priority": some(rng, 0.3, lambda: rng.randint(0, 7)),
        "latency": some(rng, 0.3, lambda: rng.choice((0, 1_000, 50_000, 10**7))),
        "leaf": some(rng, 0.3, lambda: rng.choice(("fq_codel", "cake", "sfq", "fq", "pfifo"))),
        "dscp_mark": some(rng, 0.3, lambda: rng.randint(0, 63)),
        "packets_per_second": some(rng, 0.2, lambda: rng.choice((1, 50, 99_999))),
        "impairment": some(rng, 0.2, lambda: random_impairment(rng)),
    }


def random_direction(rng: Random, *, marks: bool = True) -> QosDirection:
    classes: dict[str, QosClass] = {}
    for name in rng.sample(NAMES, rng.randint(0, len(NAMES))):
        match = tuple(random_match(rng, marks=marks) for _ in range(rng.choice((0, 1, 1, 1, 3))))
        parent = some(rng, 0.4, lambda: rng.choice((*classes, *NAMES)))
        classes[name] = QosClass(**_shape(rng), match=match, parent=parent)
    return QosDirection(
        **_shape(rng),
        classes=classes,
        default=some(rng, 0.2, lambda: rng.choice((*classes, *NAMES))),
        layer=rng.choice(("ethernet", "ethernet", "ip", "atm")),
        overhead=rng.choice((0, 0, 4, 40, -4)),
    )


def random_policy(rng: Random, *, marks: bool = True) -> QosPolicy:
    return QosPolicy(
        egress=some(rng, 0.8, lambda: random_direction(rng, marks=marks)),
        ingress=some(rng, 0.8, lambda: random_direction(rng, marks=marks)),
    )


def sound_policy(rng: Random) -> QosPolicy:
    """One that has classes, one below the other, and is right, for whoever needs many of those."""
    classes = {}
    for number in range(rng.randint(1, 8)):
        rate = some(rng, 0.5, lambda: rng.randint(300, 1_000_000))
        parent = rng.choice((*classes, None)) if classes else None
        match = tuple(sound_match(rng) for _ in range(rng.randint(1, 3)))
        priority = some(rng, 0.5, lambda: rng.randint(0, 7))
        classes[f"c{number}"] = QosClass(rate=rate, ceil=20_000_000, priority=priority, match=match, parent=parent)
    classes = {name: held for name, held in classes.items() if _depth(classes, name) < 7}
    direction = QosDirection(ceil=rng.randint(20_000_000, 10**9), classes=classes)
    return QosPolicy(egress=direction, ingress=direction)


def _depth(classes: dict[str, QosClass], name: str | None) -> int:
    return 0 if name is None else 1 + _depth(classes, classes[name].parent)
