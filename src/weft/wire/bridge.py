"""Bridges: what is a bridge's own, and what it keeps of each port. Source: linux/if_link.h IFLA_BR_*, IFLA_BRPORT_*."""

from __future__ import annotations

from weft.wire.codec import Table, as_alike, as_be16, as_bytes, as_table, as_u8, as_u16, as_u32, nest, text
from weft.wire.link import IFLA_INFO_SLAVE_DATA, IFLA_INFO_SLAVE_KIND, IFLA_LINKINFO

BRIDGE_KIND = "bridge"
"""IFLA_INFO_KIND, and IFLA_INFO_SLAVE_KIND of its ports."""

IFLA_BR_FORWARD_DELAY, IFLA_BR_HELLO_TIME, IFLA_BR_MAX_AGE, IFLA_BR_AGEING_TIME = 1, 2, 3, 4
IFLA_BR_STP_STATE, IFLA_BR_PRIORITY, IFLA_BR_VLAN_FILTERING, IFLA_BR_VLAN_PROTOCOL = 5, 6, 7, 8
IFLA_BR_MCAST_SNOOPING, IFLA_BR_MCAST_QUERIER, IFLA_BR_VLAN_DEFAULT_PVID = 23, 25, 39

BRIDGE: Table = {
    IFLA_BR_FORWARD_DELAY: as_u32,
    IFLA_BR_HELLO_TIME: as_u32,
    IFLA_BR_MAX_AGE: as_u32,
    IFLA_BR_AGEING_TIME: as_u32,
    IFLA_BR_STP_STATE: as_u32,
    IFLA_BR_PRIORITY: as_u16,
    IFLA_BR_VLAN_FILTERING: as_u8,
    IFLA_BR_VLAN_PROTOCOL: as_be16,
    IFLA_BR_MCAST_SNOOPING: as_u8,
    IFLA_BR_MCAST_QUERIER: as_u8,
    IFLA_BR_VLAN_DEFAULT_PVID: as_u16,
}

IFLA_BRPORT_PRIORITY, IFLA_BRPORT_COST, IFLA_BRPORT_MODE, IFLA_BRPORT_GUARD, IFLA_BRPORT_PROTECT = 2, 3, 4, 5, 6
IFLA_BRPORT_FAST_LEAVE, IFLA_BRPORT_LEARNING, IFLA_BRPORT_UNICAST_FLOOD, IFLA_BRPORT_MCAST_FLOOD = 7, 8, 9, 27
IFLA_BRPORT_BCAST_FLOOD, IFLA_BRPORT_NEIGH_SUPPRESS, IFLA_BRPORT_ISOLATED, IFLA_BRPORT_LOCKED = 30, 32, 33, 39

_PORT: Table = {
    IFLA_BRPORT_PRIORITY: as_u16,
    IFLA_BRPORT_COST: as_u32,
    IFLA_BRPORT_MODE: as_u8,
    IFLA_BRPORT_GUARD: as_u8,
    IFLA_BRPORT_PROTECT: as_u8,
    IFLA_BRPORT_FAST_LEAVE: as_u8,
    IFLA_BRPORT_LEARNING: as_u8,
    IFLA_BRPORT_UNICAST_FLOOD: as_u8,
    IFLA_BRPORT_MCAST_FLOOD: as_u8,
    IFLA_BRPORT_BCAST_FLOOD: as_u8,
    IFLA_BRPORT_NEIGH_SUPPRESS: as_u8,
    IFLA_BRPORT_ISOLATED: as_u8,
    IFLA_BRPORT_LOCKED: as_u8,
}
BRIDGE_PORT = as_alike(_PORT)
PORT_OPTIONS = as_table(dict.fromkeys((*_PORT, 10, 12, 25, 28, 29, 31), as_bytes))
"""All that can be said of a port, but for what is the number of another link: beside the above proxy ARP (10, 12),
multicast routers (25), multicast to unicast (28), VLAN tunnels (29), what of the bridge group is forwarded (31)."""


def port_info(*data: bytes) -> bytes:
    """What its bridge shall keep of a link."""
    return nest(IFLA_LINKINFO, text(IFLA_INFO_SLAVE_KIND, BRIDGE_KIND), nest(IFLA_INFO_SLAVE_DATA, *data))
