"""Policy routing rules (RTM_*RULE). Source: linux/fib_rules.h, ip-rule(8)."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from weft.wire.address_text import AF_UNSPEC, as_ip
from weft.wire.codec import Attributes, Table, as_text, as_u8, as_u32, read

RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_PRIORITY, FRA_FWMARK, FRA_TABLE, FRA_FWMASK = 1, 2, 3, 6, 10, 15, 16
FRA_SUPPRESS_PREFIXLEN, FRA_OIFNAME, FRA_PROTOCOL = 14, 17, 21
RTPROT_KERNEL = 2
ACTIONS = {1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}

_FIB_RULE = Struct("=BBBBBBBBI")
"""fib_rule_hdr: family, lengths of destination and source, tos, table, two reserved, action, flags."""
_read_fib_rule = _FIB_RULE.unpack_from
FIB_RULE_SIZE = _FIB_RULE.size

RULE: Table = {
    FRA_DST: as_ip,
    FRA_SRC: as_ip,
    FRA_IIFNAME: as_text,
    FRA_OIFNAME: as_text,
    FRA_PRIORITY: as_u32,
    FRA_FWMARK: as_u32,
    FRA_FWMASK: as_u32,
    FRA_TABLE: as_u32,
    FRA_SUPPRESS_PREFIXLEN: as_u32,
    FRA_PROTOCOL: as_u8,
}


class RuleMessage(NamedTuple):
    """`action` is a number of ACTIONS."""

    family: int
    dst_length: int
    src_length: int
    table: int
    action: int
    attributes: Attributes

    @property
    def is_kernels(self) -> bool:
        """Whether the kernel made it: every namespace is born with some, and VRFs bring one."""
        return bool(self.attributes.get(FRA_PROTOCOL) == RTPROT_KERNEL)


def read_rule(buffer: bytes, at: int, end: int) -> RuleMessage:
    family, dst, src, _, table, _, _, action, _ = _read_fib_rule(buffer, at)
    attributes = read(buffer, at + FIB_RULE_SIZE, end, RULE)
    return RuleMessage(family, dst, src, attributes.get(FRA_TABLE, table), action, attributes)


def rule_header(family: int, *, dst_length: int = 0, src_length: int = 0, action: int = 0) -> bytes:
    """The table goes into FRA_TABLE, which takes 32 bits."""
    return _FIB_RULE.pack(family, dst_length, src_length, 0, 0, 0, 0, action, 0)


def get_rules(family: int = AF_UNSPEC) -> tuple[int, bytes]:
    """Type and body of a dump."""
    return RTM_GETRULE, rule_header(family)
