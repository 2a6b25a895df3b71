"""Bonds, and what it takes to join one and to leave it.

Rules: a link joins a bond only while it is down, and the bond then opens it; one that leaves is closed, and gets back
the MAC and the MTU that it had. A member's MAC is that one, whatever the bond has it use. Source:
drivers/net/bonding/bond_main.c bond_enslave, __bond_release_one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from weft.kinds.base import Names, Request
from weft.kinds.link.common import Link
from weft.records import dataclass
from weft.state import Key, link_key
from weft.wire.bond import BOND, IFLA_BOND_PRIMARY
from weft.wire.codec import u32
from weft.wire.link import link_info, set_link

LACP = "802.3ad"
_FAIL_OVER = frozenset({"active-backup", "balance-tlb", "balance-alb"})
_BY_ARP = frozenset({"balance-rr", "active-backup", "balance-xor", "broadcast"})

MODES_OF: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "primary": _FAIL_OVER,
        "primary_reselect": _FAIL_OVER,
        "fail_over_mac": frozenset({"active-backup"}),
        "xmit_hash_policy": frozenset({"balance-xor", LACP, "balance-tlb"}),
        "lacp_rate": frozenset({LACP}),
        "ad_select": frozenset({LACP}),
        "min_links": frozenset({LACP}),
        "arp_interval": _BY_ARP,
        "arp_ip_target": _BY_ARP,
        "arp_validate": _BY_ARP,
    }
)
"""The modes that know an option; one that is not here all do. Source: drivers/net/bonding/bond_options.c."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond(Link):
    """Words as in ip-link(8). miimon, updelay, downdelay and arp_interval in milliseconds; `arp_ip_target` sorted;
    `primary`: the ifname of a member, "" for none. What the mode does not know is None."""

    mode: str
    miimon: int | None = None
    updelay: int | None = None
    downdelay: int | None = None
    arp_interval: int | None = None
    arp_ip_target: tuple[str, ...] | None = None
    arp_validate: str | None = None
    primary: str | None = None
    primary_reselect: str | None = None
    fail_over_mac: str | None = None
    xmit_hash_policy: str | None = None
    lacp_rate: str | None = None
    ad_select: str | None = None
    min_links: int | None = None


def bond_of(link: Link, names: Names) -> Key | None:
    """The bond that a link is a member of, None for a port of anything else."""
    master = link_key(link.netns, link.master or "")
    return master if link.master and names.info_kind(master) == BOND else None


def settle(member: Link, bond: Key, names: Names) -> Iterator[Request]:
    """What follows when a link has joined: its word that it is the primary, where the bond came before it and could not
    name it; and that it is down where it is meant to be."""
    coming = names.coming(bond)
    if isinstance(coming, Bond) and coming.primary == member.ifname:
        yield name_primary(coming, names)
    if member.up is False:
        yield Request(member.netns, set_link(names.ifindex(member.key), up=False))


def name_primary(bond: Bond, names: Names) -> Request:
    index = names.ifindex(link_key(bond.netns, bond.primary)) if bond.primary else 0
    return Request(bond.netns, set_link(names.ifindex(bond.key), link_info(BOND, u32(IFLA_BOND_PRIMARY, index))))
