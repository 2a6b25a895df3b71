"""Ids by which one namespace knows another (RTM_*NSID). Source: linux/net_namespace.h, ip-netns(8)."""

from __future__ import annotations

from weft.wire.codec import Table, as_s32, message, read, u32

RTM_NEWNSID, RTM_DELNSID, RTM_GETNSID = 88, 89, 90
NETNSA_NSID, NETNSA_FD = 1, 3
NSID_NOT_ASSIGNED = -1

_RTGENMSG = b"\0\0\0\0"
_NSID: Table = {NETNSA_NSID: as_s32}


def get_nsid(fd: int) -> bytes:
    """Ask for the id of the namespace that is open as `fd`."""
    return message(RTM_GETNSID, 0, _RTGENMSG, u32(NETNSA_FD, fd))


def read_nsid(buffer: bytes, at: int, end: int) -> int:
    return int(read(buffer, at + len(_RTGENMSG), end, _NSID).get(NETNSA_NSID, NSID_NOT_ASSIGNED))
