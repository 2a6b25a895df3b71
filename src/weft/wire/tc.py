"""Queueing disciplines and their classes (RTM_*QDISC, RTM_*TCLASS): layouts, and the numbers that name them.

Source: linux/rtnetlink.h tcmsg, linux/pkt_sched.h, net/sched/sch_api.c.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from weft.wire.codec import (
    HEADER,
    NLM_F_CREATE,
    NLM_F_ECHO,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    Table,
    as_bytes,
    as_text,
    attribute,
    message,
    read,
    text,
)

RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS = 40, 41, 42

TCA_KIND, TCA_OPTIONS = 1, 2

TC_H_ROOT, TC_H_INGRESS = 0xFFFFFFFF, 0xFFFFFFF1

_TCMSG = Struct("=B3xiIII")
"""tcmsg: family, index of the link, handle, parent, info."""
TCMSG_SIZE = _TCMSG.size
_WHOLE = Struct(f"{HEADER.format}{_TCMSG.format[1:]}")
"""The header of the message and tcmsg."""
_read_tcmsg = _TCMSG.unpack_from

_TABLE: Table = {TCA_KIND: as_text, TCA_OPTIONS: as_bytes}


class TcMessage(NamedTuple):
    """A qdisc or a class. `handle` of a class is its classid. `options` are for whoever knows the kind to read."""

    ifindex: int
    handle: int
    parent: int
    kind: str
    options: bytes


def read_tc(buffer: bytes, at: int, end: int) -> TcMessage:
    _, index, handle, parent, _ = _read_tcmsg(buffer, at)
    found = read(buffer, at + TCMSG_SIZE, end, _TABLE)
    return TcMessage(index, handle, parent, found.get(TCA_KIND, ""), found.get(TCA_OPTIONS, b""))


def read_qdisc(buffer: bytes, at: int, end: int) -> TcMessage | None:
    """None for what the kernel has put there by itself, which has no handle, and for what hooks sit on."""
    _, _, handle, parent, _ = _read_tcmsg(buffer, at)
    return read_tc(buffer, at, end) if handle and parent != TC_H_INGRESS else None


def header(index: int = 0, handle: int = 0, parent: int = 0, info: int = 0) -> bytes:
    return _TCMSG.pack(0, index, handle, parent, info)


def read_header(buffer: bytes, at: int) -> tuple[int, int, int, int]:
    """Index of the link, handle, parent, info."""
    _, index, handle, parent, info = _read_tcmsg(buffer, at)
    return index, handle, parent, info


def get_qdiscs() -> tuple[int, bytes]:
    """Type and body of a dump of the qdiscs of all links; the kernel offers none of one link."""
    return RTM_GETQDISC, header()


def get_classes(index: int, handle: int) -> tuple[int, bytes]:
    """Type and body of a dump of the classes of one qdisc; of those of a whole link some may be left out."""
    return RTM_GETTCLASS, header(index, 0, handle)


def get_qdisc(index: int, parent: int) -> bytes:
    """The qdisc at one site. ECHO: else the kernel answers whoever listens to all, but not the one who asked. Source:
    net/sched/sch_api.c qdisc_get_notify, net/core/rtnetlink.c rtnetlink_send."""
    return message(RTM_GETQDISC, NLM_F_ECHO, header(index, 0, parent))


def get_class(index: int, classid: int) -> bytes:
    """One class. ECHO as above."""
    return message(RTM_GETTCLASS, NLM_F_ECHO, header(index, classid))


def new_qdisc(index: int, parent: int, handle: int, kind: str, options: bytes) -> bytes:
    """EXCL: it goes over what the kernel has put there by itself, and over nothing else."""
    return _message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, handle, parent, _what(kind, options))


def set_qdisc(index: int, parent: int, handle: int, kind: str, options: bytes) -> bytes:
    """Change one that is there."""
    return _message(RTM_NEWQDISC, 0, index, handle, parent, _what(kind, options))


def delete_qdisc(index: int, parent: int, handle: int = 0) -> bytes:
    """`handle` 0: whatever is there."""
    return message(RTM_DELQDISC, 0, header(index, handle, parent))


def new_class(index: int, parent: int, classid: int, kind: str, options: bytes) -> bytes:
    return _message(RTM_NEWTCLASS, NLM_F_CREATE | NLM_F_EXCL, index, classid, parent, _what(kind, options))


def set_class(index: int, parent: int, classid: int, kind: str, options: bytes) -> bytes:
    """Change one that is there."""
    return _message(RTM_NEWTCLASS, 0, index, classid, parent, _what(kind, options))


def delete_class(index: int, classid: int) -> bytes:
    return message(RTM_DELTCLASS, 0, header(index, classid))


@lru_cache(maxsize=1 << 10)  # most classes and queues of a tree are alike
def _what(kind: str, options: bytes) -> bytes:
    return text(TCA_KIND, kind) + attribute(TCA_OPTIONS, options)


def _message(kind: int, flags: int, index: int, handle: int, parent: int, what: bytes) -> bytes:
    """As `message` would make it of a header and attributes, in one go."""
    length = _WHOLE.size + len(what)
    return _WHOLE.pack(length, kind, flags | NLM_F_REQUEST, 0, 0, 0, index, handle, parent, 0) + what


@lru_cache(maxsize=1 << 14)  # a class is named by itself, by its queue and by its parts
def number_of(said: str) -> int:
    """ "77:10" as a number; "77:" is a handle."""
    major, _, minor = said.partition(":")
    return int(major, 16) << 16 | int(minor or "0", 16)


def major_of(number: int) -> int:
    """The handle of the qdisc that a class is of."""
    return number & 0xFFFF0000


def said_of(number: int) -> str:
    """A handle or a classid as tc writes it."""
    minor = number & 0xFFFF
    return f"{number >> 16:x}:{minor:x}" if minor else f"{number >> 16:x}:"
