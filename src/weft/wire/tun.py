"""Taps and tuns as rtnetlink shows them. Source: linux/if_link.h IFLA_TUN_*."""

from __future__ import annotations

from weft.wire.codec import Table, as_u8, as_u32

IFLA_TUN_OWNER, IFLA_TUN_GROUP, IFLA_TUN_TYPE, IFLA_TUN_VNET_HDR, IFLA_TUN_MULTI_QUEUE = 1, 2, 3, 5, 7
TUN_TYPE_TAP = 2
"""IFF_TAP, as IFLA_TUN_TYPE has it."""

TUN: Table = {
    IFLA_TUN_OWNER: as_u32,
    IFLA_TUN_GROUP: as_u32,
    IFLA_TUN_TYPE: as_u8,
    IFLA_TUN_VNET_HDR: as_u8,
    IFLA_TUN_MULTI_QUEUE: as_u8,
}
