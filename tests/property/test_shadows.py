"""A class is said to have nothing where its rules give it none of all packets that the matches can tell apart, and of
every class of which that is so it is said. Judged by a reader of the rules, with every kind of match."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from itertools import product
from random import Random
from typing import Any

import pytest

from tests.property.nft_reader import Packet, Reader
from tests.property.policies import MACS
from weft.compiler.qos.branches import in_order
from weft.compiler.qos.checks import lineage
from weft.compiler.qos.classify import Classed, Classifier, Where, classify, families_of
from weft.compiler.qos.senders import apart, output_chain
from weft.compiler.qos.site import Site
from weft.lint.qos.shadows import shadows
from weft.model.qos import QosClass, QosDirection, QosMatch

RUNS = int(os.environ.get("WEFT_PROPERTY_PAIRS", "10000")) // 300
DEFAULT = "77:2"
WHERE = Where(netns="", family="netdev", table="t", prefix="q")

ADDRESSES = ("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2", "::/0", "::/1", "8000::/1")
PLACES = {4: ("10.0.0.1", "130.0.0.1", "200.0.0.1"), 6: ("fd::1", "fd00::1")}
MARKS = ("0x0/0x1", "0x1/0x1", "0x2/0x3", "0x0/0x4", "0x4/0x4", "0x0/0x6", "0x1/0xffffffff")
PORTS = ("1-65535", "1-99", "100-65535", "100-199", "200-65535", "150-300")
NUMBERS = (0, 50, 120, 170, 250, 400)
"""One of each span that ports divide."""
KINDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "addresses": {"source": ADDRESSES, "destination": ADDRESSES, "protocol": ("tcp",)},
    "ports": {"ports": PORTS, "source_ports": PORTS, "destination": ADDRESSES[:6]},
    "marks": {"mark": MARKS, "dscp": (0, 46)},
    "macs": {"source_mac": MACS[:2], "destination_mac": MACS[2:3], "protocol": ("udp",)},
    "cgroups": {"cgroup": ("a", "a/b", "a/b/c", "ab", "a/d"), "protocol": ("tcp", "udp"), "destination": ADDRESSES[:3]},
}  # fmt: skip
"""What matches speak of beside each other."""


def some_match(rng: Random, kind: str) -> QosMatch:
    said: dict[str, Any] = {}
    for word, values in KINDS[kind].items():
        if rng.random() < 0.6:
            one = word in ("protocol", "mark", "cgroup")
            found = tuple(dict.fromkeys(rng.choice(values) for _ in range(rng.randint(1, 3))))
            said[word] = found[0] if one else found
    if kind == "cgroups":
        said.setdefault("cgroup", "a")
    if "ports" in said or "source_ports" in said:
        said["protocol"] = rng.choice(("tcp", "tcp", "udp"))
    match = QosMatch(**said)
    return match if said and families_of(match) != () else some_match(rng, kind)


def some_direction(rng: Random, kind: str) -> QosDirection:
    classes: dict[str, QosClass] = {}
    for at in range(rng.randint(2, 7)):
        parent = rng.choice((*classes, None, None, None))
        classes[f"c{at}"] = QosClass(
            match=tuple(some_match(rng, kind) for _ in range(rng.randint(1, 2))), parent=parent
        )
    return QosDirection(classes=classes)


@cache
def packets(kind: str) -> tuple[Packet, ...]:
    """One of each lot that the matches of a kind can tell apart."""

    def any_of(word: str, *others: Any) -> tuple[Any, ...]:
        return tuple(dict.fromkeys((*KINDS[kind].get(word, ()), *others)))

    has_ports = "ports" in KINDS[kind]
    pairs = [(0, 0), *product(NUMBERS[1:], NUMBERS[1:])] if has_ports else [(0, 0)]
    ends = [(4, *pair) for pair in product(PLACES[4], PLACES[4])] + [
        (6, *pair) for pair in product(PLACES[6], PLACES[6])
    ]
    marks = range(16) if "mark" in KINDS[kind] else (0,)
    found = [
        Packet(family, source, target, smac, dmac, protocol, *ports, dscp, mark, cgroup)
        for (family, source, target), protocol, ports, smac, dmac, dscp, mark, cgroup in product(
            [(0, "", ""), *ends],
            ("tcp", "udp", "icmp") if has_ports else any_of("protocol", "icmp"),
            pairs,
            any_of("source_mac", MACS[3]),
            any_of("destination_mac", MACS[3]),
            any_of("dscp", 7),
            marks,
            any_of("cgroup", "a/b/e", "x", ""),
        )
    ]
    Random(0).shuffle(found)
    return tuple(found)


class Kernel:
    """The chains of a link's egress: the one of senders, then the device's own."""

    def __init__(self, direction: QosDirection) -> None:
        self.classids = {name: f"77:{at:x}" for at, name in enumerate(direction.classes, 16)}
        asked = [
            Classed(classid=self.classids[name], matches=direction.classes[name].match) for name in in_order(direction)
        ]
        groups = frozenset(match.cgroup for one in asked for match in one.matches if match.cgroup)
        names: Any = type("Names", (), {"table": "t"})
        site = Site(names=names, netns="", ifname="x", mtu=1500, path=(), mark="", id="", label="", cgroups=groups)
        shown, sent = apart(asked)
        chain = output_chain(site, sent, DEFAULT)
        rules = tuple(rule.removeprefix('oifname "x" ') for rule in chain.rules[1:])
        self.sent = Reader(Classifier(rules=rules, sets=(), elements=()))
        self.device = Reader(classify(shown, WHERE))

    def priority(self, packet: Packet) -> str:
        found = self.sent.priority(packet, DEFAULT) if packet.family and packet.cgroup else DEFAULT
        return found if found != DEFAULT else self.device.priority(packet, DEFAULT)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_to_have_nothing_has_nothing_and_nobody_else(kind: str) -> None:
    told = 0
    for seed in range(RUNS):
        direction = some_direction(Random(f"{kind} {seed}"), kind)
        empty = direction.classes.keys() - reached(direction, kind)
        found = {shadow.name for shadow in shadows(direction)}
        assert found <= empty, (seed, direction)
        assert all(name in reached(without_parts(direction, name), kind) for name in empty - found), (seed, direction)
        told += bool(found)
    assert told > RUNS // 20


def reached(direction: QosDirection, kind: str) -> set[str]:
    """The classes that some packet gets."""
    kernel = Kernel(direction)
    left = {classid: name for name, classid in kernel.classids.items()}
    for packet in packets(kind):
        left.pop(kernel.priority(packet), None)
        if not left:
            break
    return direction.classes.keys() - left.values()


def without_parts(direction: QosDirection, name: str) -> QosDirection:
    """What its parts take is not lost to a class: they ask for nothing here."""
    known = direction.classes
    parts = {other for other in known if other != name and name in lineage(known, other)}
    return replace(
        direction, classes={of: replace(held, match=()) if of in parts else held for of, held in known.items()}
    )
