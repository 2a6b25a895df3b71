"""Whether others' chains at the forward hook let through what weft's routers send to the world, and what comes to them.

Rules: pure. A few packets stand for all: of each prefix that leads to a router, a first one and its answer, both ways.
They are of a port that nobody has a rule for, and what cannot be judged is taken not to fit: a chain that lets only
some of it through drops what weft forwards. Source: nft(8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from ipaddress import ip_network

from weft.kinds.ip.route import Route
from weft.kinds.nft.table import TABLE_PREFIX
from weft.reach.crossing import Talk
from weft.reach.foreign.judging import Decision, decide
from weft.reach.foreign.packet import Packet
from weft.reach.foreign.rules import Chain
from weft.records import dataclass
from weft.state import HOST, State

TRANSIT_PREFIX = "wu"
_TALK = Talk(protocol="tcp", port=49151)
_NOT_IP = ("bridge", "netdev", "arp")
_OUTSIDE = {4: "198.51.100.1", 6: "3fff::1"}
_NOT_YET = {4: "198.18.0.1", 6: "fd00::1"}
"""Behind a router that somebody may make: an address of each family."""


class Way(StrEnum):
    """OUT: from a router to the world, and its answer. IN: what somebody outside begins."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """An address behind a transit link, and the link it goes out by, "" for none."""

    transit: str
    address: str
    egress: str

    @property
    def family(self) -> int:
        return 6 if ":" in self.address else 4

    def packets(self, way: Way) -> Iterator[Packet]:
        """The first one, and its answer."""
        outside = _OUTSIDE[self.family]
        for answer in (False, True):
            is_out = answer is (way is Way.IN)
            source, target = (self.address, outside) if is_out else (outside, self.address)
            iif, oif = (self.transit, self.egress) if is_out else (self.egress, self.transit)
            yield Packet(source=source, target=target, talk=_TALK, iif=iif, oif=oif, answer=answer)


def passages(observed: State, egress: Sequence[str]) -> tuple[Passage, ...]:
    """Of all that leads to a router now; where nothing does, of one that may be made."""
    out = egress[0] if egress else ""
    routes = (held for held in observed.values() if isinstance(held, Route) and held.netns == HOST)
    led = [(route.ifname, ip_network(route.dst)) for route in routes if route.ifname.startswith(TRANSIT_PREFIX)]
    found = [
        Passage(transit=ifname, address=str(net[0] if net.num_addresses == 1 else net[1]), egress=out)
        for ifname, net in led
        if net.prefixlen and not net.is_link_local and not net.is_multicast
    ]
    made = [Passage(transit=TRANSIT_PREFIX + 12 * "0", address=address, egress=out) for address in _NOT_YET.values()]
    return tuple(found or made)


def gates(chains: Sequence[Chain], hook: str = "forward") -> list[Chain]:
    """The base chains of others that packets of IP meet at a hook."""
    return [
        chain
        for chain in chains
        if chain.hook == hook and chain.family not in _NOT_IP and not chain.table.startswith(TABLE_PREFIX)
    ]


def stopped(gate: Chain, chains: Sequence[Chain], through: Sequence[Passage]) -> frozenset[Way] | None:
    """The ways on which a chain drops some of it; None where it sees none of it."""
    seen = [passage for passage in through if passage.family in gate.families]
    if not seen:
        return None
    by_name = {(chain.family, chain.table, chain.name): chain for chain in chains}
    return frozenset(
        way
        for way in Way
        if any(
            decide(gate, by_name, packet, plainly=True).decision is Decision.DROPS
            for passage in seen
            for packet in passage.packets(way)
        )
    )
