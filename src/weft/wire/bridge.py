"""Bridges: a bridge's own attributes. Source: linux/if_link.h IFLA_BR_*."""

from __future__ import annotations

from weft.wire.codec import Table, as_u8, as_u32

IFLA_BR_FORWARD_DELAY, IFLA_BR_AGEING_TIME, IFLA_BR_STP_STATE, IFLA_BR_MCAST_SNOOPING = 1, 4, 5, 23

BRIDGE: Table = {
    IFLA_BR_FORWARD_DELAY: as_u32,
    IFLA_BR_AGEING_TIME: as_u32,
    IFLA_BR_STP_STATE: as_u32,
    IFLA_BR_MCAST_SNOOPING: as_u8,
}
