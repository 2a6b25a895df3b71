"""VLAN links: their own attributes. Source: linux/if_link.h IFLA_VLAN_*, linux/if_vlan.h."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

from weft.wire.codec import Table, as_be16, as_list, as_u16, as_u32, attribute, nest

IFLA_VLAN_ID, IFLA_VLAN_FLAGS, IFLA_VLAN_EGRESS_QOS, IFLA_VLAN_INGRESS_QOS, IFLA_VLAN_PROTOCOL = 1, 2, 3, 4, 5
_IFLA_VLAN_QOS_MAPPING = 1

ETH_P_8021Q, ETH_P_8021AD = 0x8100, 0x88A8

VLAN_FLAG_REORDER_HDR, VLAN_FLAG_GVRP, VLAN_FLAG_LOOSE_BINDING, VLAN_FLAG_MVRP = 1, 2, 4, 8

QosMapping = tuple[int, int]
"""(from, to)."""

_PAIR = Struct("=II")
"""ifla_vlan_flags: flags, mask; ifla_vlan_qos_mapping: from, to."""


def _as_pair(buffer: bytes, at: int, end: int) -> tuple[int, int]:
    first, second = _PAIR.unpack_from(buffer, at)
    return first, second


VLAN: Table = {
    IFLA_VLAN_ID: as_u16,
    IFLA_VLAN_FLAGS: as_u32,
    IFLA_VLAN_EGRESS_QOS: as_list(_IFLA_VLAN_QOS_MAPPING, _as_pair),
    IFLA_VLAN_INGRESS_QOS: as_list(_IFLA_VLAN_QOS_MAPPING, _as_pair),
    IFLA_VLAN_PROTOCOL: as_be16,
}


def vlan_flags(flags: int, mask: int) -> bytes:
    """`mask`: those that are said anything about."""
    return attribute(IFLA_VLAN_FLAGS, _PAIR.pack(flags, mask))


def qos_map(kind: int, mappings: Iterable[QosMapping]) -> bytes:
    """`kind`: IFLA_VLAN_EGRESS_QOS or IFLA_VLAN_INGRESS_QOS."""
    return nest(kind, *(attribute(_IFLA_VLAN_QOS_MAPPING, _PAIR.pack(*mapping)) for mapping in mappings))
