"""Packets that belong to a class: which class a packet is of, and a packet for a class.

Rules: pure. A packet is of the first class that matches it, as the kernel's rules say it, and of the default where none
does. What is sent bears no mark and comes from no cgroup of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import islice, product

from weft.compiler.qos.classify import Classed
from weft.model.qos import QosMatch
from weft.records import dataclass

PORTS = (5201, 5301, 20001, 61001, *range(33001, 33101))
"""Where a class says nothing of ports, the first of these that leads into it."""
MOST_ASKED = 8
"""Flows of a class of which it is asked whether they get there: what stops so many stops the next."""
SPEAKS = ("tcp", "udp")
"""What iperf3 can send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What all packets of one measurement have in common. `source_port` None: whichever. MACs as the class sees them,
    "" where that is not known."""

    protocol: str
    source: str
    target: str
    port: int
    source_port: int | None = None
    dscp: int = 0
    source_mac: str = ""
    target_mac: str = ""

    @property
    def family(self) -> int:
        return 6 if ":" in self.target else 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """What belongs to which class, in the order of asking, and the `default` of what belongs to none. Classes are
    numbers, as tc writes them."""

    asked: Sequence[Classed]
    default: str

    def of(self, flow: Flow) -> str:
        """The class that a packet of `flow` is of."""
        found = (held.classid for held in self.asked if any(_is_of(match, flow) for match in held.matches))
        return next(found, self.default)

    def flow_into(
        self,
        classid: str,
        between: Flow,
        taken: Container[int] = (),
        stops: Callable[[Flow], str] = lambda flow: "",
    ) -> Flow | str:
        """A flow like `between`, with ports and DSCP by which its packets are of the class; else why there is none.
        `taken`: ports that others use, and this one only where it must. `stops`: why a flow does not get there, ""
        where it does."""
        whys: dict[str, None] = {}
        for match in self._matches_of(classid):
            why = _unspeakable(match, between)
            if why:
                whys[why] = None
                continue
            candidates = sorted(_candidates(match, between), key=lambda flow: flow.port in taken)
            found = list(islice((flow for flow in candidates if self.of(flow) == classid), MOST_ASKED))
            passing = next((flow for flow in found if not stops(flow)), None)
            if passing is not None:
                return passing
            behind = "every packet that could be sent for it belongs to a class before it"
            whys[stops(found[0]) if found else behind] = None
        return ", ".join(whys) or "no packet is of this class"

    def _matches_of(self, classid: str) -> Iterator[QosMatch]:
        """Of the default class one more, that matches all."""
        yield from (match for held in self.asked if held.classid == classid for match in held.matches)
        if classid == self.default:
            yield QosMatch()


def _unspeakable(match: QosMatch, flow: Flow) -> str:
    """Why nothing between the two can match, "" where something can."""
    if match.cgroup is not None:
        return f"it is of what the cgroup {match.cgroup} sends"
    if match.mark is not None and _mark_of(match.mark):
        return f"it is of packets marked {match.mark}"
    if match.protocol not in (None, flow.protocol):
        return f"it is of {match.protocol}, and this is {flow.protocol}"
    for side, prefixes, address in (
        ("from", match.source, flow.source),
        ("to", match.destination, flow.target),
    ):
        if prefixes and not _is_within(address, prefixes):
            return f"it is of packets {side} {', '.join(prefixes)}, and none at hand has such an address"
    for side, macs, mac in (
        ("from", match.source_mac, flow.source_mac),
        ("to", match.destination_mac, flow.target_mac),
    ):
        if macs and mac not in macs:
            return f"it is of packets {side} {', '.join(macs)}, and none at hand has such a MAC"
    return ""


def _candidates(match: QosMatch, between: Flow) -> Iterator[Flow]:
    ports = list(_ends(match.ports)) or PORTS
    from_ports: list[int | None] = list(_ends(match.source_ports)) or [None]
    for port, source_port, dscp in product(ports, from_ports, match.dscp or (0,)):
        yield replace(between, port=port, source_port=source_port, dscp=dscp)


def _is_of(match: QosMatch, flow: Flow) -> bool:
    if _unspeakable(match, flow) or (match.dscp and flow.dscp not in match.dscp):
        return False
    # a source port that the sender chooses may be any, so it counts as none of a class's
    is_from = flow.source_port is not None and _is_among(flow.source_port, match.source_ports)
    return (is_from or not match.source_ports) and (not match.ports or _is_among(flow.port, match.ports))


def _is_within(address: str, prefixes: Iterable[str]) -> bool:
    return any(ip_address(address) in ip_network(prefix) for prefix in prefixes)


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
