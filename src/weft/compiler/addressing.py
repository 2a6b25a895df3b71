"""Which port has which address.

Rules: what the intent gives comes first, then what a port already holds, then the lowest free one: adding a port never
moves another. Gateways are reserved. The first and last address of an IPv4 subnet and the first of an IPv6 one are
nobody's, save in the subnets of two and of one (RFC 3021, RFC 6164). Cost is linear: each subnet keeps a cursor below
which nothing is free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network
from typing import NamedTuple

from weft.facts import Facts
from weft.model.intent import Path
from weft.records import dataclass

AUTONOMOUS = frozenset({"slaac", "stateless"})
"""Router advertisements after which guests make addresses for themselves."""

IpNetwork = IPv4Network | IPv6Network


def usable(network: IpNetwork) -> tuple[int, int]:
    """The first and the last address that a host may have, as numbers."""
    low, high = int(network.network_address), int(network.broadcast_address)
    if network.max_prefixlen - network.prefixlen <= 1:
        return low, high
    return low + 1, high if network.version == 6 else high - 1


def number_of(address: str) -> tuple[int, int]:
    """An address as (family, number)."""
    parsed = ip_address(address)
    return parsed.version, int(parsed)


@dataclass(slots=True, kw_only=True, eq=False)
class AddressPool:
    """The addresses of one subnet, from `first` to `last`: who has which. `reserved`: those that are never handed out
    by themselves (the gateway, addresses of other scopes); `holders`: of those, whose each is, in words; `named`:
    where the file gives one to a router."""

    network: IpNetwork
    span: Span
    first: int
    last: int
    gateway: int | None = None
    reserved: set[int] = field(default_factory=set)
    holders: dict[int, str] = field(default_factory=dict)
    named: dict[int, Path] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    cursor: int = 0
    gateway_text: str = ""
    ra: str = ""
    dns: tuple[str, ...] = ()

    @classmethod
    def of(cls, cidr: str, gateway: int | None = None) -> AddressPool:
        network = ip_network(cidr)
        first, last = usable(network)
        reserved = set() if gateway is None else {gateway}
        pool = cls(
            network=network,
            span=Span.of(cidr),
            first=first,
            last=last,
            gateway=gateway,
            reserved=reserved,
            cursor=first,
        )
        pool.gateway_text = "" if gateway is None else pool.text(gateway)
        return pool

    @property
    def family(self) -> int:
        return self.span.family

    @property
    def is_autonomous(self) -> bool:
        """Whether guests make their addresses there of their MACs."""
        return self.ra in AUTONOMOUS

    @property
    def cidr(self) -> str:
        return self.span.cidr

    @property
    def room(self) -> int:
        """How many ports the subnet holds at all."""
        return self.last - self.first + 1 - len(self.reserved)

    def text(self, number: int) -> str:
        return str(self.network.network_address.__class__(number))

    def spans(self, family: int, number: int) -> bool:
        """Whether the address lies in the subnet, usable or not."""
        return self.span.covers(family, number)

    @property
    def hosts(self) -> str:
        """`10.0.0.1 to 10.0.0.254`: the addresses that hosts may have."""
        return f"{self.text(self.first)} to {self.text(self.last)}"

    def is_hosts(self, number: int) -> bool:
        """Whether a host may have an address of the subnet."""
        return self.first <= number <= self.last

    def no_hosts(self, number: int) -> tuple[str, str] | None:
        """What is wrong with an address of the subnet that no host may have, and what would be right."""
        if self.is_hosts(number):
            return None
        return f"{self.text(number)} is no host's address in {self.cidr}", f"one of {self.hosts}"

    def misplaced(self, gateway: str) -> tuple[str, str] | None:
        """What is wrong with a gateway that is not at a host's address of the subnet, and what would be right."""
        family, number = number_of(gateway)
        if self.spans(family, number):
            return self.no_hosts(number)
        return f"the gateway {gateway} is outside {self.cidr}", f"one of {self.hosts}"

    def is_free(self, number: int) -> bool:
        return self.is_hosts(number) and number not in self.owners and number not in self.reserved

    def take(self, number: int, owner: str) -> str:
        """Note the owner of an address; "" or the owner that it has already."""
        if number in self.owners:
            return self.owners[number]
        self.owners[number] = owner
        return ""

    def hold(self, number: int, holder: str) -> None:
        """Note an address that is never handed out, and whose it is ("router shop/edge's")."""
        self.reserved.add(number)
        self.holders.setdefault(number, holder)

    def part(self, first: int, last: int) -> AddressPool:
        """A part of the subnet, to choose from: it knows what is taken in all of it."""
        return AddressPool(
            network=self.network,
            span=self.span,
            first=first,
            last=last,
            reserved=self.reserved,
            holders=self.holders,
            owners=self.owners,
            cursor=first,
        )

    def take_lowest(self, owner: str) -> int | None:
        """The lowest free address, now the owner's; None where there is none."""
        number, owners, reserved = self.cursor, self.owners, self.reserved
        while number in owners or number in reserved:
            number += 1
        self.cursor = number
        if number > self.last:
            return None
        owners[number] = owner
        return number

    def release(self, number: int) -> None:
        if self.owners.pop(number, None) is not None:
            self.cursor = min(self.cursor, number)


class Assigned(NamedTuple):
    """An address of a port, without prefix length in `address`."""

    pool: AddressPool
    address: str
    number: int

    @property
    def cidr(self) -> str:
        return f"{self.address}/{self.pool.network.prefixlen}"


class Span(NamedTuple):
    """A prefix as numbers, with the place that names it."""

    family: int
    low: int
    high: int
    cidr: str
    path: Path

    @classmethod
    def of(cls, cidr: str, path: Path = ()) -> Span:
        network = ip_network(cidr)
        return cls(network.version, int(network.network_address), int(network.broadcast_address), cidr, path)

    @property
    def is_all(self) -> bool:
        return self.cidr.endswith("/0")

    def covers(self, family: int, number: int) -> bool:
        return self.family == family and self.low <= number <= self.high

    def holds(self, other: Span) -> bool:
        return self.family == other.family and self.low <= other.low and other.high <= self.high

    def meets(self, other: Span) -> bool:
        return self.family == other.family and self.low <= other.high and other.low <= self.high


LINK_LOCAL = Span.of("fe80::/10")
"""Source: RFC 4291 section 2.5.6."""

_NOBODYS = (
    (LINK_LOCAL, "link-local, every link has it"),
    (Span.of("127.0.0.0/8"), "loopback, every machine has it for itself"),
    (Span.of("::1/128"), "loopback, every machine has it for itself"),
    (Span.of("224.0.0.0/4"), "multicast, no host has it"),
    (Span.of("ff00::/8"), "multicast, no host has it"),
    (Span.of("::ffff:0:0/96"), "IPv4 within IPv6, no host has it"),
)
"""Source: RFC 6890, RFC 4291 section 2.5; tried: the kernel takes such addresses of IPv4, and answers for none."""
_NO_ADDRESSES = (
    (Span.of("0.0.0.0/32"), "no address"),
    (Span.of("::/128"), "no address"),
    (Span.of("255.255.255.255/32"), "everybody's on a link"),
)


def nobodys(span: Span) -> str:
    """What is wrong with a prefix of which hosts are to have addresses, "" where nothing is."""
    for other, why in _NOBODYS:
        if span.meets(other):
            return f"{span.cidr} is {why}" if other.holds(span) else f"{span.cidr} holds {other.cidr}: {why}"
    return ""


def had_by_none(span: Span) -> str:
    """What is wrong with a prefix of which no host can have even one address, "" where some can: on its link, at
    least."""
    found = (why for other, why in (*_NOBODYS[1:], *_NO_ADDRESSES) if other.holds(span))
    return next((f"{span.cidr} is {why}" for why in found), "")


def overlaps(spans: Iterable[Span]) -> Iterator[tuple[Span, Span]]:
    """Pairs that overlap, the wider (or earlier) first: each prefix with the widest that holds it. Prefixes nest or
    are apart, so a stack of one is enough."""
    widest: Span | None = None
    for span in sorted(spans, key=lambda s: (s.family, s.low, -s.high)):
        if widest is not None and widest.meets(span):
            yield widest, span
        else:
            widest = span


def host_prefixes(facts: Facts) -> list[Span]:
    """Where the host's own traffic goes by its routes and its links, each prefix once; the default and link-local ones
    aside."""
    connected = (str(ip_interface(cidr).network) for link in facts.links.values() for cidr in link.addresses)
    spans = [Span.of(cidr) for cidr in dict.fromkeys((*facts.host_routes, *connected))]
    return [span for span in spans if not span.is_all and not span.meets(LINK_LOCAL)]
