"""What the kernel answers to a request: nothing but "done", or an error with its own words.

Source: netlink(7), linux/netlink.h (nlmsgerr, nlmsgerr_attrs).
"""

from __future__ import annotations

from typing import NamedTuple

from weft.wire.codec import (
    HEADER_SIZE,
    NLM_F_ACK_TLVS,
    NLM_F_CAPPED,
    Table,
    as_s32,
    as_text,
    as_u32,
    read,
    walk,
)

_MESSAGE, _OFFSET, _MISSING_TYPE = 1, 2, 5
_EXTENDED: Table = {_MESSAGE: as_text, _OFFSET: as_u32, _MISSING_TYPE: as_u32}


class Reply(NamedTuple):
    """`errno_` positive, 0 for done. `text`: the kernel's sentence or "". `offset` of the culprit in the request, or
    None. `missing`: the type of an attribute that should have been there, or None."""

    errno_: int
    text: str = ""
    offset: int | None = None
    missing: int | None = None


def read_reply(buffer: bytes, at: int, end: int, flags: int) -> Reply:
    """An NLMSG_ERROR; its acknowledgement is one with errno 0."""
    errno_ = -as_s32(buffer, at, end)
    if not flags & NLM_F_ACK_TLVS:
        return Reply(errno_)
    echoed = HEADER_SIZE if flags & NLM_F_CAPPED else (as_u32(buffer, at + 4, end) + 3) & ~3
    return _extended(errno_, buffer, at + 4 + echoed, end)


def read_done(buffer: bytes, at: int, end: int, flags: int) -> Reply:
    """An NLMSG_DONE: a dump may end with an error."""
    errno_ = -as_s32(buffer, at, end) if end - at >= 4 else 0
    if errno_ <= 0 or not flags & NLM_F_ACK_TLVS:
        return Reply(max(errno_, 0))
    return _extended(errno_, buffer, at + 4, end)


def _extended(errno_: int, buffer: bytes, at: int, end: int) -> Reply:
    said = read(buffer, at, end, _EXTENDED)
    return Reply(errno_, said.get(_MESSAGE, ""), said.get(_OFFSET), said.get(_MISSING_TYPE))


def attribute_at(request: bytes, fixed: int, offset: int) -> int | None:
    """The type of the outermost attribute that the offset of a Reply points into; `fixed` is the size of the family's
    own header."""
    for kind, start, end in walk(request, HEADER_SIZE + fixed, len(request)):
        if start - 4 <= offset < end:
            return kind
    return None
