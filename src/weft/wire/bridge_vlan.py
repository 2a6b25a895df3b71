"""The VLANs of a bridge and of its ports (family AF_BRIDGE): layouts. Source: linux/if_bridge.h bridge_vlan_info."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from weft.wire.codec import as_list, attribute, message, nest, read, u16, u32
from weft.wire.link import IFINFO_SIZE, IFLA_AF_SPEC, IFLA_EXT_MASK, RTM_DELLINK, RTM_GETLINK, link_header, read_index

RTM_SETLINK = 19

BRIDGE_VLAN_INFO_PVID, BRIDGE_VLAN_INFO_UNTAGGED = 2, 4
_RANGE_BEGIN, _RANGE_END = 8, 16

_IFLA_BRIDGE_FLAGS, _IFLA_BRIDGE_VLAN_INFO = 0, 2
_BRIDGE_FLAGS_MASTER, _BRIDGE_FLAGS_SELF = 1, 2
_RTEXT_FILTER_BRVLAN_COMPRESSED = 4
_AF_BRIDGE = 7

_INFO = Struct("=HH")
"""flags, vid."""


class VlanRange(NamedTuple):
    """VLANs `first` to `last` with the same `flags`: BRIDGE_VLAN_INFO_PVID (of one VLAN only) and _UNTAGGED."""

    first: int
    last: int
    flags: int = 0


class BridgeVlanMessage(NamedTuple):
    ifindex: int
    ranges: tuple[VlanRange, ...]


def get_bridge_vlans() -> tuple[int, bytes]:
    """Type and body of a dump of all bridges and their ports."""
    return RTM_GETLINK, link_header(family=_AF_BRIDGE) + u32(IFLA_EXT_MASK, _RTEXT_FILTER_BRVLAN_COMPRESSED)


def set_bridge_vlans(index: int, ranges: Iterable[VlanRange], *, own: bool) -> bytes:
    """`own`: of the bridge itself, which `index` then is, not of a port."""
    return message(RTM_SETLINK, 0, link_header(index, family=_AF_BRIDGE), _spec(ranges, own))


def delete_bridge_vlans(index: int, ranges: Iterable[VlanRange], *, own: bool) -> bytes:
    """VLANs that are not there are no error."""
    return message(RTM_DELLINK, 0, link_header(index, family=_AF_BRIDGE), _spec(ranges, own))


def _spec(ranges: Iterable[VlanRange], own: bool) -> bytes:
    whose = u16(_IFLA_BRIDGE_FLAGS, _BRIDGE_FLAGS_SELF if own else _BRIDGE_FLAGS_MASTER)
    return nest(IFLA_AF_SPEC, whose, *(info for each in ranges for info in _infos(each)))


def _infos(ranged: VlanRange) -> Iterable[bytes]:
    first, last, flags = ranged
    if first == last:
        return [_info(flags, first)]
    return [_info(flags | _RANGE_BEGIN, first), _info(flags | _RANGE_END, last)]


def _info(flags: int, vid: int) -> bytes:
    return attribute(_IFLA_BRIDGE_VLAN_INFO, _INFO.pack(flags, vid))


def _as_info(buffer: bytes, at: int, end: int) -> tuple[int, int]:
    flags, vid = _INFO.unpack_from(buffer, at)
    return flags, vid


_TABLE = {IFLA_AF_SPEC: as_list(_IFLA_BRIDGE_VLAN_INFO, _as_info)}


def read_bridge_vlans(buffer: bytes, at: int, end: int) -> BridgeVlanMessage:
    infos = read(buffer, at + IFINFO_SIZE, end, _TABLE).get(IFLA_AF_SPEC, ())
    ranges, first = [], 0
    for flags, vid in infos:
        if flags & _RANGE_BEGIN:
            first = vid
        else:
            plain = flags & (BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED)
            ranges.append(VlanRange(first if flags & _RANGE_END else vid, vid, plain))
    return BridgeVlanMessage(read_index(buffer, at), tuple(ranges))
