"""Generic netlink, and of ethtool's family the features (offloads) and the speed of a link.

Source: linux/genetlink.h, linux/ethtool_netlink.h, Documentation/networking/ethtool-netlink.rst.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

from weft.wire.codec import (
    Attributes,
    Table,
    as_table,
    as_text,
    as_u16,
    as_u32,
    flag,
    message,
    nest,
    read,
    text,
    u32,
    walk,
)

GENL_ID_CTRL = 16
_CTRL_CMD_GETFAMILY, _CTRL_ATTR_FAMILY_ID, _CTRL_ATTR_FAMILY_NAME = 3, 1, 2
_MSG_LINKMODES_GET, _MSG_FEATURES_GET, _MSG_FEATURES_SET = 4, 11, 12
_HEADER, _WANTED, _ACTIVE = 1, 3, 4
_DEV_INDEX = 1
_SPEED, _SPEED_UNKNOWN = 5, 0xFFFFFFFF
"""In mbit/s. Source: linux/ethtool.h SPEED_UNKNOWN."""
_BITSET_BITS = 3
_BITS_BIT = 1
_BIT_NAME, _BIT_VALUE = 2, 3

_GENL = Struct("=BBH")
"""genlmsghdr: command, version, reserved."""
GENL_SIZE = _GENL.size


def generic(family: int, command: int, *parts: bytes) -> bytes:
    """A command of a generic netlink family, which the kernel has given the number."""
    return message(family, 0, _GENL.pack(command, 1, 0), *parts)


def get_family(name: str) -> bytes:
    return message(GENL_ID_CTRL, 0, _GENL.pack(_CTRL_CMD_GETFAMILY, 1, 0), text(_CTRL_ATTR_FAMILY_NAME, name))


def read_family(buffer: bytes, at: int, end: int) -> int:
    """The message type that the kernel gave the family."""
    return int(read(buffer, at + GENL_SIZE, end, {_CTRL_ATTR_FAMILY_ID: as_u16})[_CTRL_ATTR_FAMILY_ID])


def get_features(family: int, index: int) -> bytes:
    return message(family, 0, _GENL.pack(_MSG_FEATURES_GET, 1, 0), nest(_HEADER, u32(_DEV_INDEX, index)))


def set_features(family: int, index: int, features: Iterable[tuple[str, bool]]) -> bytes:
    """Switch the named features; all others stay as they are."""
    bits = (nest(_BITS_BIT, text(_BIT_NAME, name), flag(_BIT_VALUE) if on else b"") for name, on in features)
    wanted = nest(_WANTED, nest(_BITSET_BITS, *bits))
    return message(family, 0, _GENL.pack(_MSG_FEATURES_SET, 1, 0), nest(_HEADER, u32(_DEV_INDEX, index)), wanted)


def _as_names(buffer: bytes, at: int, end: int) -> frozenset[str]:
    """The bits of a set that are on; a set without mask lists only those."""
    on = set()
    for _, start, stop in walk(buffer, at, end):
        bit = read(buffer, start, stop, _BIT)
        on.add(bit[_BIT_NAME])
    return frozenset(on)


_BIT: Table = {_BIT_NAME: as_text}
_ACTIVE_BITS: Table = {_BITSET_BITS: _as_names}
_FEATURES: Table = {_HEADER: as_table({_DEV_INDEX: as_u32}), _ACTIVE: as_table(_ACTIVE_BITS)}


def read_features(buffer: bytes, at: int, end: int) -> tuple[int, frozenset[str]]:
    """The index of the link and the features that are on."""
    found: Attributes = read(buffer, at + GENL_SIZE, end, _FEATURES)
    return int(found[_HEADER][_DEV_INDEX]), found[_ACTIVE].get(_BITSET_BITS, frozenset())


def get_speed(family: int, index: int) -> bytes:
    return message(family, 0, _GENL.pack(_MSG_LINKMODES_GET, 1, 0), nest(_HEADER, u32(_DEV_INDEX, index)))


_LINKMODES: Table = {_HEADER: as_table({_DEV_INDEX: as_u32}), _SPEED: as_u32}


def read_speed(buffer: bytes, at: int, end: int) -> tuple[int, int]:
    """The index of the link and its speed in bit/s, 0 where nobody knows."""
    found: Attributes = read(buffer, at + GENL_SIZE, end, _LINKMODES)
    speed = found.get(_SPEED, _SPEED_UNKNOWN)
    return int(found[_HEADER][_DEV_INDEX]), 0 if speed == _SPEED_UNKNOWN else int(speed) * 10**6
