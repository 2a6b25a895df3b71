"""What nf_tables tells of a packet that is traced. Source: linux/netfilter/nf_tables.h (enum nft_trace_attributes),
net/netfilter/nf_tables_trace.c."""

from __future__ import annotations

import struct
from typing import NamedTuple

from weft.wire.conntrack import attributes_of

SUBSYSTEM, MSG_TRACE = 10, 17
"""NFNL_SUBSYS_NFTABLES, NFT_MSG_TRACE."""
GROUP = 9
"""NFNLGRP_NFTRACE."""
FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}

_TABLE, _CHAIN, _HANDLE, _TYPE, _VERDICT, _ID, _POLICY = 1, 2, 3, 4, 5, 6, 16
_CODE = 1
_IS_POLICY = 1
_VERDICTS = {0: "drop", 1: "accept"}
_HEADER = struct.Struct("=BBH")


class Traced(NamedTuple):
    """One step of a packet. `number`: of the packet, within a namespace; `handle`: of the rule, 0 for a chain's
    policy; `verdict`: drop, accept, or "" for going on."""

    number: int
    family: str
    table: str
    chain: str
    handle: int
    verdict: str


def read_traced(body: bytes) -> Traced:
    """A message's body, the header of nfnetlink first."""
    family, _, _ = _HEADER.unpack_from(body)
    found = attributes_of(body[_HEADER.size :])
    is_policy = _number(found.get(_TYPE, b"")) == _IS_POLICY
    code = found.get(_POLICY, b"") if is_policy else attributes_of(found.get(_VERDICT, b"")).get(_CODE, b"")
    return Traced(
        number=_number(found.get(_ID, b"")),
        family=FAMILIES.get(family, str(family)),
        table=_text(found.get(_TABLE, b"")),
        chain=_text(found.get(_CHAIN, b"")),
        handle=_number(found.get(_HANDLE, b"")),
        verdict=_VERDICTS.get(_number(code), "") if code else "",
    )


def _number(value: bytes) -> int:
    return int.from_bytes(value)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")
