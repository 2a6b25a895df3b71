"""Bonds: their own attributes, and those of a member. Source: linux/if_link.h IFLA_BOND_*, IFLA_BOND_SLAVE_*."""

from __future__ import annotations

from collections.abc import Iterable

from weft.wire.address_text import as_ip, as_mac, ip_bytes
from weft.wire.codec import Table, as_table, as_u8, as_u32, attribute, nest, walk

BOND = "bond"
"""IFLA_INFO_KIND of a bond, IFLA_INFO_SLAVE_KIND of its members."""

IFLA_BOND_MODE, IFLA_BOND_MIIMON, IFLA_BOND_UPDELAY, IFLA_BOND_DOWNDELAY = 1, 3, 4, 5
IFLA_BOND_ARP_INTERVAL, IFLA_BOND_ARP_IP_TARGET, IFLA_BOND_ARP_VALIDATE = 7, 8, 9
IFLA_BOND_PRIMARY, IFLA_BOND_PRIMARY_RESELECT, IFLA_BOND_FAIL_OVER_MAC, IFLA_BOND_XMIT_HASH_POLICY = 11, 12, 13, 14
IFLA_BOND_MIN_LINKS, IFLA_BOND_AD_LACP_RATE, IFLA_BOND_AD_SELECT = 18, 21, 22
IFLA_BOND_SLAVE_PERM_HWADDR = 4


def _as_addresses(buffer: bytes, at: int, end: int) -> tuple[str, ...]:
    """A nest of addresses, each under its place in the list."""
    return tuple(as_ip(buffer, start, stop) for _, start, stop in walk(buffer, at, end))


_NUMBERS: Table = dict.fromkeys(
    (
        IFLA_BOND_MIIMON,
        IFLA_BOND_UPDELAY,
        IFLA_BOND_DOWNDELAY,
        IFLA_BOND_ARP_INTERVAL,
        IFLA_BOND_ARP_VALIDATE,
        IFLA_BOND_PRIMARY,
        IFLA_BOND_MIN_LINKS,
    ),
    as_u32,
)
_BYTES: Table = dict.fromkeys(
    (
        IFLA_BOND_MODE,
        IFLA_BOND_PRIMARY_RESELECT,
        IFLA_BOND_FAIL_OVER_MAC,
        IFLA_BOND_XMIT_HASH_POLICY,
        IFLA_BOND_AD_LACP_RATE,
        IFLA_BOND_AD_SELECT,
    ),
    as_u8,
)
BOND_DATA: Table = {**_NUMBERS, **_BYTES, IFLA_BOND_ARP_IP_TARGET: _as_addresses}
MEMBER_DATA = as_table({IFLA_BOND_SLAVE_PERM_HWADDR: as_mac})


def arp_targets(addresses: Iterable[str]) -> bytes:
    """All of them, instead of those that were there."""
    return nest(IFLA_BOND_ARP_IP_TARGET, *(attribute(at, ip_bytes(ip)) for at, ip in enumerate(addresses)))
