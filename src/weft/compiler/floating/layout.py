"""Names and texts of what floating IPs are in a router's table: a page for whoever writes or reads it.

Rules: the chains never change by an address more or less, save for a range of ports that is forwarded as it is, which
is a rule of its own behind the others: nft 1.0.6 writes maps of ranges by protocol in a form that kernels from 7.2
refuse, and the kernel refuses a range that overlaps one which goes in a later transaction. Texts are as nft prints
them, protocols as numbers. From any link, not only from outside: that is the hairpin.
"""

from __future__ import annotations

import re

from weft.compiler.router.place import UPLINK
from weft.kinds.nft.chain import IP
from weft.kinds.nft.nftset import ADDRESS_TYPE

FLOATING = {4: "floating4", 6: "floating6"}
"""From a floating IP to a port's address."""
SOURCES = {4: "sources4", 6: "sources6"}
"""From a port's address to the floating IP that it speaks as."""
FORWARDS = {4: "forwards4", 6: "forwards6"}
"""From a floating IP, a protocol and a port to a port's address and a port of its own."""

FORWARDED = re.compile(
    r"ip6? daddr (?P<address>\S+) (?P<protocol>\w+) dport (?P<low>\d+)-(?P<high>\d+) dnat (?P<to>.+)"
)
"""What `forwarded` writes."""


def maps(family: int) -> tuple[tuple[str, str, str], ...]:
    """Name, type and data of each map of a family."""
    address = ADDRESS_TYPE[family]
    return (
        (FLOATING[family], address, address),
        (SOURCES[family], address, address),
        (FORWARDS[family], f"{address} . inet_proto . inet_service", f"{address} . inet_service"),
    )


def destinations(family: int) -> tuple[str, ...]:
    """Rules at prerouting."""
    word = IP[family]
    return (
        f"dnat {word} to {word} daddr map @{FLOATING[family]}",
        f"dnat {word} to {word} daddr . meta l4proto . th dport map @{FORWARDS[family]}",
    )


def forwarded(family: int, address: str, protocol: str, ports: tuple[int, int], to: str) -> str:
    """The rule of a range at prerouting."""
    word = IP[family]
    return f"{word} daddr {address} {protocol} dport {ports[0]}-{ports[1]} dnat {word} to {to}"


def sources(family: int) -> tuple[str, ...]:
    """Rules at postrouting of ports with a floating IP: on the way out, and back in by another floating IP."""
    word = IP[family]
    to = f"snat {word} to {word} saddr map @{SOURCES[family]}"
    return (f'oifname "{UPLINK}" {to}', f'ct status dnat iifname != "{UPLINK}" {to}')


def hairpin(family: int, address: str) -> str:
    """The rule at postrouting of all other ports that ask a floating IP from inside."""
    word = IP[family]
    return f'ct status dnat iifname != "{UPLINK}" snat {word} to {address}'
