"""What nf_tables tells of a packet that is traced. Source: linux/netfilter/nf_tables.h (enum nft_trace_attributes),
net/netfilter/nf_tables_trace.c."""

from __future__ import annotations

from typing import NamedTuple

from weft.wire.codec import Table, as_be32, as_be64, as_table, as_text, read
from weft.wire.netfilter import GENERATION_SIZE, NFTABLES, family_at, kind_of

TRACE = kind_of(NFTABLES, 17)
"""The type of what is told: NFT_MSG_TRACE."""
GROUP = 9
"""NFNLGRP_NFTRACE."""

_TABLE, _CHAIN, _HANDLE, _TYPE, _VERDICT, _ID, _POLICY = 1, 2, 3, 4, 5, 6, 16
_CODE = 1
_IS_POLICY = 1
_VERDICTS = {0: "drop", 1: "accept"}
_STEP: Table = {
    _TABLE: as_text,
    _CHAIN: as_text,
    _HANDLE: as_be64,
    _TYPE: as_be32,
    _VERDICT: as_table({_CODE: as_be32}),
    _ID: as_be32,
    _POLICY: as_be32,
}


class Traced(NamedTuple):
    """One step of a packet. `number`: of the packet, within a namespace; `handle`: of the rule, 0 for a chain's
    policy; `verdict`: drop, accept, or "" for going on."""

    number: int
    family: str
    table: str
    chain: str
    handle: int
    verdict: str


def read_traced(buffer: bytes, at: int, end: int) -> Traced:
    """A message of which the payload is between two offsets."""
    found = read(buffer, at + GENERATION_SIZE, end, _STEP)
    is_policy = found.get(_TYPE) == _IS_POLICY
    code = found.get(_POLICY) if is_policy else found.get(_VERDICT, {}).get(_CODE)
    return Traced(
        number=found.get(_ID, 0),
        family=family_at(buffer, at),
        table=found.get(_TABLE, ""),
        chain=found.get(_CHAIN, ""),
        handle=found.get(_HANDLE, 0),
        verdict="" if code is None else _VERDICTS.get(code, ""),
    )
