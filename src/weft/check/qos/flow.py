"""Packets that belong to a class: which class a packet is of, and a packet for a class.

Rules: pure. A packet is of the first class that matches it, as the kernel's rules say it, and of the default where none
does. What is sent bears no mark and comes from no cgroup of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import product

from weft.model.qos import QosClass, QosDirection, QosMatch

DEFAULT = ""
"""Stands for the class of what no class matches, where the policy names none."""

PORTS = (5201, 5301, 20001, 33001, 47001, 61001)
"""Where a class says nothing of ports, the first of these that leads into it."""
NUMBERS = {"tcp": "6", "udp": "17"}
SPEAKS = tuple(NUMBERS)
"""What iperf3 can send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What all packets of one measurement have in common. `source_port` None: whichever."""

    protocol: str
    source: str
    target: str
    port: int
    source_port: int | None = None
    dscp: int = 0

    @property
    def family(self) -> int:
        return 6 if ":" in self.target else 4


def class_of(direction: QosDirection, flow: Flow) -> str:
    """The name of the class that a packet of `flow` is of."""
    matching = (name for name, held in direction.classes.items() if any(_is_of(match, flow) for match in held.match))
    return next(matching, direction.default or DEFAULT)


def flow_into(direction: QosDirection, name: str, protocol: str, source: str, target: str) -> Flow | str:
    """A flow between two addresses whose packets are of the class; else why there can be none."""
    matches = _matches_of(direction, name)
    whys: dict[str, None] = {}
    for match in matches:
        why = _unspeakable(match, protocol, source, target)
        if why:
            whys[why] = None
            continue
        for flow in _candidates(match, protocol, source, target):
            if class_of(direction, flow) == name:
                return flow
        whys["every packet that could be sent for it belongs to a class before it"] = None
    return ", ".join(whys) or "no packet is of this class"


def _matches_of(direction: QosDirection, name: str) -> tuple[QosMatch, ...]:
    """Of the default class one more, that matches all."""
    own = direction.classes[name].match if name in direction.classes else ()
    return (*own, QosMatch()) if name == (direction.default or DEFAULT) else own


def _unspeakable(match: QosMatch, protocol: str, source: str, target: str) -> str:
    """Why nothing between the two addresses can match, "" where something can."""
    if match.cgroup is not None:
        return f"it is of what the cgroup {match.cgroup} sends"
    if match.mark is not None and _mark_of(match.mark):
        return f"it is of packets marked {match.mark}"
    if match.protocol not in (None, protocol, NUMBERS[protocol]):
        return f"it is of {match.protocol}, and this is {protocol}"
    for side, prefixes, address in (("from", match.source, source), ("to", match.destination, target)):
        if prefixes and not _is_within(address, prefixes):
            return f"it is of packets {side} {', '.join(prefixes)}, and no port at hand has such an address"
    return ""


def _candidates(match: QosMatch, protocol: str, source: str, target: str) -> Iterator[Flow]:
    ports = list(_ends(match.ports)) or PORTS
    from_ports: list[int | None] = list(_ends(match.source_ports)) or [None]
    for port, source_port, dscp in product(ports, from_ports, match.dscp or (0,)):
        yield Flow(protocol=protocol, source=source, target=target, port=port, source_port=source_port, dscp=dscp)


def _is_of(match: QosMatch, flow: Flow) -> bool:
    return not _unspeakable(match, flow.protocol, flow.source, flow.target) and all(
        (
            not match.ports or _is_among(flow.port, match.ports),
            # one that the sender chooses may be any, so it counts as none of a class's
            not match.source_ports
            or (flow.source_port is not None and _is_among(flow.source_port, match.source_ports)),
            not match.dscp or flow.dscp in match.dscp,
        )
    )


def _is_within(address: str, prefixes: Iterable[str]) -> bool:
    return any(prefix == "default" or ip_address(address) in ip_network(prefix, strict=False) for prefix in prefixes)


def _is_among(port: int, ranges: Iterable[str]) -> bool:
    return any(low <= port <= high for low, high in map(_bounds, ranges))


def _ends(ranges: Iterable[str]) -> Iterator[int]:
    """The first and the last port of each range."""
    for low, high in map(_bounds, ranges):
        yield low
        if high != low:
            yield high


def _bounds(ports: str) -> tuple[int, int]:
    low, _, high = ports.partition("-")
    return int(low), int(high or low)


def _mark_of(mark: str) -> int:
    return int(mark.partition("/")[0], 0)


def leaves_of(direction: QosDirection) -> dict[str, QosClass | None]:
    """The classes that packets are of, by name: those that no other is part of, and the default, None where that is
    not one of the policy's own."""
    parents = {held.parent for held in direction.classes.values()}
    found: dict[str, QosClass | None] = {name: held for name, held in direction.classes.items() if name not in parents}
    if direction.default is None:
        found[DEFAULT] = None
    return found
