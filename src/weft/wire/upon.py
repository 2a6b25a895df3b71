"""Links upon a link that it shares its frames with: macvlan, macvtap, ipvlan; and VRFs: their own attributes.

Source: linux/if_link.h IFLA_MACVLAN_*, IFLA_IPVLAN_*, IFLA_VRF_*.
"""

from __future__ import annotations

from collections.abc import Iterable

from weft.wire.address_text import as_mac, mac_bytes
from weft.wire.codec import Table, as_list, as_u16, as_u32, attribute, nest, u32

IFLA_MACVLAN_MODE, _MACADDR_MODE, _MACADDR, IFLA_MACVLAN_MACADDR_DATA = 1, 3, 4, 5
_MACADDR_SET = 3
"""MACVLAN_MACADDR_SET: the list as a whole."""

IFLA_IPVLAN_MODE, IFLA_IPVLAN_FLAGS = 1, 2
IFLA_VRF_TABLE = 1

MACVLAN: Table = {IFLA_MACVLAN_MODE: as_u32, IFLA_MACVLAN_MACADDR_DATA: as_list(_MACADDR, as_mac)}
IPVLAN: Table = {IFLA_IPVLAN_MODE: as_u16, IFLA_IPVLAN_FLAGS: as_u16}
VRF: Table = {IFLA_VRF_TABLE: as_u32}


def macvlan_sources(macs: Iterable[str]) -> bytes:
    """Whose frames a macvlan in mode source takes: these, instead of those that it took."""
    listed = nest(IFLA_MACVLAN_MACADDR_DATA, *(attribute(_MACADDR, mac_bytes(mac)) for mac in macs))
    return u32(_MACADDR_MODE, _MACADDR_SET) + listed
