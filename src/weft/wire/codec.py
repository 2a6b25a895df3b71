"""Netlink framing: messages and attributes as bytes, and tables that say which attributes to read and how.

Rules: every attribute and message is padded to four bytes when written. A reader of a value is given the buffer and
the bounds of the payload, so nothing is copied that is not kept. Source: netlink(7), linux/netlink.h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from struct import Struct
from typing import Any, NamedTuple, TypeAlias

HEADER = Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence number, port."""
HEADER_SIZE = HEADER.size

NLM_F_REQUEST, NLM_F_ACK, NLM_F_ECHO = 0x1, 0x4, 0x8
NLM_F_DUMP_INTR = 0x10
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
NLM_F_DUMP = 0x300
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200

NLMSG_ERROR, NLMSG_DONE, NLMSG_OVERRUN = 2, 3, 4

_NLA_F_NESTED = 0x8000
_NLA_TYPE_MASK = 0x3FFF

Read: TypeAlias = Callable[[bytes, int, int], Any]
"""Reads the payload between two offsets of a buffer."""

Table: TypeAlias = Mapping[int, Read]
"""Which attributes to read, by their type."""

Attributes: TypeAlias = dict[int, Any]

_ATTRIBUTE = Struct("=HH")
_U8 = Struct("=HHB3x")
_U32 = Struct("=HHI")
_U16 = Struct("=H")
_U64 = Struct("=Q")
_S64 = Struct("=q")
_BE16 = Struct(">H")
_BE32 = Struct(">I")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")

_read_header = HEADER.unpack_from
_read_attribute = _ATTRIBUTE.unpack_from
_read_u16 = Struct("=H").unpack_from
_read_u32 = Struct("=I").unpack_from
_read_s32 = Struct("=i").unpack_from


class Malformed(ValueError):
    """Bytes that are no netlink: a length that cannot be."""


# Writing


def attribute(kind: int, payload: bytes) -> bytes:
    length = 4 + len(payload)
    return _ATTRIBUTE.pack(length, kind) + payload + _PADDING[length & 3]


def flag(kind: int) -> bytes:
    """An attribute whose presence is all that it says."""
    return _ATTRIBUTE.pack(4, kind)


def u8(kind: int, value: int) -> bytes:
    return _U8.pack(5, kind, value)


def u16(kind: int, value: int) -> bytes:
    return attribute(kind, _U16.pack(value))


def u32(kind: int, value: int) -> bytes:
    return _U32.pack(8, kind, value)


def u64(kind: int, value: int) -> bytes:
    return attribute(kind, _U64.pack(value))


def s64(kind: int, value: int) -> bytes:
    return attribute(kind, _S64.pack(value))


def be16(kind: int, value: int) -> bytes:
    """In the byte order of the network."""
    return attribute(kind, _BE16.pack(value))


def be32(kind: int, value: int) -> bytes:
    return attribute(kind, _BE32.pack(value))


def text(kind: int, value: str) -> bytes:
    """A string with the zero byte that ends it."""
    return attribute(kind, value.encode("utf-8", "surrogateescape") + b"\0")


def nest(kind: int, *parts: bytes) -> bytes:
    payload = b"".join(parts)
    return _ATTRIBUTE.pack(4 + len(payload), kind | _NLA_F_NESTED) + payload


def message(kind: int, flags: int, *parts: bytes, sequence: int = 0) -> bytes:
    """A whole message; who sends it in a batch fills in its sequence number and acknowledgement (see `stamped`)."""
    body = b"".join(parts)
    return HEADER.pack(HEADER_SIZE + len(body), kind, flags | NLM_F_REQUEST, sequence, 0) + body


_stamp_flags, _stamp_sequence = Struct("=H").pack_into, Struct("=I").pack_into


def stamped(batch: Sequence[bytes], first: int, *, acknowledge: bool = True) -> bytearray:
    """Messages one after the other, numbered from `first` on; the last one asks for an acknowledgement."""
    data = bytearray(b"".join(batch))
    at = last = 0
    for sequence, request in enumerate(batch, first):
        last = at
        _stamp_sequence(data, last + 8, sequence)
        at += len(request)
    if acknowledge:
        _stamp_flags(data, last + 6, _read_u16(data, last + 6)[0] | NLM_F_ACK)
    return data


# Reading


def kind_of(message: bytes) -> int:
    """The type of a whole message."""
    return int(_read_u16(message, 4)[0])


def flags_of(message: bytes) -> int:
    """The flags of a whole message."""
    return int(_read_u16(message, 6)[0])


def messages(buffer: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """(type, flags, sequence number, start and end of the payload) of every message in what one receive gave.

    Raises: Malformed.
    """
    at, size = 0, len(buffer)
    while at + HEADER_SIZE <= size:
        length, kind, flags, sequence, _ = _read_header(buffer, at)
        if length < HEADER_SIZE or at + length > size:
            raise Malformed(f"a message of {length} bytes at {at} of {size}")
        yield kind, flags, sequence, at + HEADER_SIZE, at + length
        at += (length + 3) & ~3


def walk(buffer: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(type, start, end) of every attribute. Raises: Malformed."""
    while at + 4 <= end:
        length, kind = _read_attribute(buffer, at)
        if length < 4 or at + length > end:
            raise Malformed(f"an attribute of {length} bytes at {at} of {end}")
        yield kind & _NLA_TYPE_MASK, at + 4, at + length
        at += (length + 3) & ~3


def read(buffer: bytes, at: int, end: int, table: Table) -> Attributes:
    """The attributes between two offsets that `table` names. The hot loop of every dump. Raises: Malformed."""
    found: Attributes = {}
    last = end - 4
    while at <= last:
        length, kind = _read_attribute(buffer, at)
        if length < 4 or at + length > end:
            raise Malformed(f"an attribute of {length} bytes at {at} of {end}")
        kind &= _NLA_TYPE_MASK
        if kind in table:
            found[kind] = table[kind](buffer, at + 4, at + length)
        at += (length + 3) & ~3
    return found


def payloads(buffer: bytes, at: int, end: int) -> dict[int, bytes]:
    """The bytes of every attribute between two offsets, by type. Raises: Malformed."""
    return {kind: buffer[start:stop] for kind, start, stop in walk(buffer, at, end)}


def as_u8(buffer: bytes, at: int, end: int) -> int:
    return buffer[at]


def as_u16(buffer: bytes, at: int, end: int) -> int:
    return int(_read_u16(buffer, at)[0])


def as_u32(buffer: bytes, at: int, end: int) -> int:
    return int(_read_u32(buffer, at)[0])


def as_u64(buffer: bytes, at: int, end: int) -> int:
    return int(_U64.unpack_from(buffer, at)[0])


def as_s64(buffer: bytes, at: int, end: int) -> int:
    return int(_S64.unpack_from(buffer, at)[0])


def as_s32(buffer: bytes, at: int, end: int) -> int:
    return int(_read_s32(buffer, at)[0])


def as_be16(buffer: bytes, at: int, end: int) -> int:
    return int(_BE16.unpack_from(buffer, at)[0])


def as_be32(buffer: bytes, at: int, end: int) -> int:
    return int(_BE32.unpack_from(buffer, at)[0])


def as_be64(buffer: bytes, at: int, end: int) -> int:
    return int.from_bytes(buffer[at:end])


def as_text(buffer: bytes, at: int, end: int) -> str:
    """Up to the ending zero byte where there is one. What is no UTF-8 survives as surrogates."""
    return buffer[at:end].rstrip(b"\0").decode("utf-8", "surrogateescape")


def as_bytes(buffer: bytes, at: int, end: int) -> bytes:
    return buffer[at:end]


def as_table(table: Table) -> Read:
    """A reader of nested attributes."""

    def read_nested(buffer: bytes, at: int, end: int) -> Attributes:
        return read(buffer, at, end, table)

    return read_nested


_NUMBERS = {as_u8: "B", as_u16: "H", as_u32: "I", as_u64: "Q"}
"""Readers of numbers, in the words of struct."""


class _Layout(NamedTuple):
    """`headers` reads those of all attributes as numbers, which were `expected`. `numbers` reads the values of `kinds`
    at once; `others`: type, reader, start and end of the payload, counted from the start of the nest."""

    headers: Callable[[bytes, int], tuple[int, ...]]
    expected: tuple[int, ...]
    kinds: tuple[int, ...]
    numbers: Callable[[bytes, int], tuple[int, ...]]
    others: tuple[tuple[int, Read, int, int], ...]


def as_alike(table: Table) -> Read:
    """A reader of nested attributes of fixed size, of which the kernel sends thousands that differ in their values
    alone: where the last nest of a size had its attributes the next has them too, if all its headers say so."""
    layouts: dict[int, _Layout] = {}

    def read_alike(buffer: bytes, at: int, end: int) -> Attributes:
        layout = layouts.get(end - at)
        if layout is None or layout.headers(buffer, at) != layout.expected:
            layout = layouts[end - at] = _layout(buffer, at, end, table)
        found: Attributes = dict(zip(layout.kinds, layout.numbers(buffer, at), strict=True))
        for kind, reader, start, stop in layout.others:
            found[kind] = reader(buffer, at + start, at + stop)
        return found

    return read_alike


def _layout(buffer: bytes, at: int, end: int, table: Table) -> _Layout:
    """How the attributes of a nest lie. Raises: Malformed."""
    found = list(walk(buffer, at, end))
    ends = (*(start - 4 for _, start, _ in found[1:]), end)
    headers = Struct("=" + "".join(f"I{stop - start}x" for (_, start, _), stop in zip(found, ends, strict=False)))
    wanted = [(kind, table[kind], start - at, stop - at) for kind, start, stop in found if kind in table]
    kinds, numbers, past = [], "=", 0
    for kind, reader, start, _ in wanted:
        if reader in _NUMBERS:
            read_one = Struct(f"={_NUMBERS[reader]}")
            numbers, past = f"{numbers}{start - past}x{read_one.format[1:]}", start + read_one.size
            kinds.append(kind)
    return _Layout(
        headers=headers.unpack_from,
        expected=headers.unpack_from(buffer, at),
        kinds=tuple(kinds),
        numbers=Struct(numbers).unpack_from,
        others=tuple(entry for entry in wanted if entry[1] not in _NUMBERS),
    )


def as_list(kind: int, reader: Read) -> Read:
    """A reader of a nest that repeats one attribute."""

    def read_list(buffer: bytes, at: int, end: int) -> tuple[Any, ...]:
        return tuple(reader(buffer, start, stop) for found, start, stop in walk(buffer, at, end) if found == kind)

    return read_list
