"""Elements of nftables' sets, asked for one by one: libnftables reads all elements of a namespace to tell of one.

Rules: a key is given as nft prints it and written as the kernel compares it: each field padded to four bytes, numbers
in the order of the network. What is not spoken here (an unknown type, an interval) is None, for others to ask. Source:
linux/netfilter/nf_tables.h, net/netfilter/nf_tables_api.c; numbers of types: nftables include/datatype.h.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from weft.wire.codec import Table, as_be32, as_bytes, as_list, as_table, as_text, attribute, nest, read, text
from weft.wire.netfilter import GENERATION_SIZE, NFPROTO, NFTABLES, request

NFT_MSG_GETSET, NFT_MSG_GETSETELEM = 10, 13

_SET_TABLE, _SET_NAME, _SET_FLAGS, _SET_KEY_TYPE, _SET_KEY_LEN, _SET_DATA_TYPE = 1, 2, 3, 4, 5, 6
_ELEM_LIST_TABLE, _ELEM_LIST_SET, _ELEM_LIST_ELEMENTS, _LIST_ELEM = 1, 2, 3, 1
_ELEM_KEY, _ELEM_DATA, _DATA_VALUE, _DATA_VERDICT, _VERDICT_CODE, _VERDICT_CHAIN = 1, 2, 1, 2, 1, 2
_INTERVAL = 0x4
_DATA_IS_VERDICT = 0xFFFFFF00
_VERDICTS = {0: "drop", 1: "accept", -1: "continue", -3: "jump {}", -4: "goto {}", -5: "return"}
_TYPE_BITS = 6
_INTEGER = 4
_INTEGER_BYTES = {8: 6, 16: 16}
"""By what it takes with its padding: a MAC or an IPv6 address that is read as payload. Others are not spoken here."""


class SetForm(NamedTuple):
    """`types` of the key's fields, `data` of what they lead to (0 in a set). `key_bytes`: unpadded fields are padded
    within it, save the only one of a key."""

    types: tuple[int, ...]
    key_bytes: int
    data: int
    is_interval: bool


def _ifname(written: str) -> bytes:
    return written.strip('"').encode("utf-8", "surrogateescape").ljust(16, b"\0")


def _mac(written: str) -> bytes:
    return bytes.fromhex(written.replace(":", ""))


_WRITES: Mapping[int, Callable[[str], bytes]] = {
    7: lambda written: IPv4Address(written).packed,
    8: lambda written: IPv6Address(written).packed,
    9: _mac,
    12: lambda written: int(written).to_bytes(1, "big"),
    13: lambda written: int(written).to_bytes(2, "big"),
    41: _ifname,
}
_SHOWS: Mapping[int, Callable[[bytes], str]] = {
    7: lambda held: str(IPv4Address(held[:4])),
    8: lambda held: str(IPv6Address(held[:16])),
}

_SET: Table = {
    _SET_FLAGS: as_be32,
    _SET_KEY_TYPE: as_be32,
    _SET_KEY_LEN: as_be32,
    _SET_DATA_TYPE: as_be32,
}
_VERDICT: Table = {_VERDICT_CODE: as_be32, _VERDICT_CHAIN: as_text}
_DATA: Table = {_DATA_VALUE: as_bytes, _DATA_VERDICT: as_table(_VERDICT)}
_ELEMENTS: Table = {_ELEM_LIST_ELEMENTS: as_list(_LIST_ELEM, as_table({_ELEM_DATA: as_table(_DATA)}))}


def get_set(family: str, table: str, name: str) -> bytes:
    """Asks what a set is like."""
    return _request(NFT_MSG_GETSET, family, text(_SET_TABLE, table), text(_SET_NAME, name))


def get_element(family: str, table: str, name: str, key: bytes) -> bytes:
    """Asks for one element."""
    element = nest(_LIST_ELEM, nest(_ELEM_KEY, attribute(_DATA_VALUE, key)))
    where = text(_ELEM_LIST_TABLE, table), text(_ELEM_LIST_SET, name)
    return _request(NFT_MSG_GETSETELEM, family, *where, nest(_ELEM_LIST_ELEMENTS, element))


def _request(number: int, family: str, *attributes: bytes) -> bytes:
    return request(NFTABLES, number, 0, *attributes, family=NFPROTO[family])


def read_set(buffer: bytes, at: int, end: int) -> SetForm:
    """What a set is like, from the payload of an NFT_MSG_NEWSET."""
    found = read(buffer, at + GENERATION_SIZE, end, _SET)
    number, types = found[_SET_KEY_TYPE], []
    while number:
        types.append(number & (1 << _TYPE_BITS) - 1)
        number >>= _TYPE_BITS
    is_interval = bool(found.get(_SET_FLAGS, 0) & _INTERVAL)
    return SetForm(tuple(reversed(types)), found[_SET_KEY_LEN], found.get(_SET_DATA_TYPE, 0), is_interval)


def key_of(form: SetForm, element: str) -> bytes | None:
    """An element's key as the kernel holds it; None where that is not known here."""
    written = element.split(" . ")
    if form.is_interval or len(written) != len(form.types):
        return None
    fields = [_field(kind, said) for kind, said in zip(form.types, written, strict=True)]
    if form.types.count(_INTEGER) == 1:
        at = form.types.index(_INTEGER)
        rest = form.key_bytes - sum(len(_padded(field)) for field in fields if field is not None)
        fields[at] = _integer(written[at], rest if len(fields) == 1 else _INTEGER_BYTES.get(rest, 0))
    if any(field is None for field in fields):
        return None
    key = fields[0] if len(fields) == 1 else b"".join(_padded(field) for field in fields if field is not None)
    return key if key is not None and len(key) == form.key_bytes else None


def _integer(written: str, length: int) -> bytes | None:
    """nft prints no leading zeros, so its length is what the other fields leave."""
    try:
        return int(written, 16).to_bytes(length, "big") if written.startswith("0x") else None
    except (ValueError, OverflowError):
        return None


def _field(kind: int, written: str) -> bytes | None:
    write = _WRITES.get(kind)
    try:
        return write(written) if write is not None else None
    except ValueError:
        return None


def _padded(field: bytes) -> bytes:
    return field + bytes(-len(field) % 4)


def read_value(form: SetForm, buffer: bytes, at: int, end: int) -> str | None:
    """What an element leads to, as nft prints it, from the payload of an NFT_MSG_NEWSETELEM: "" in a set, None where
    that is not known here."""
    if not form.data:
        return ""
    [element] = read(buffer, at + GENERATION_SIZE, end, _ELEMENTS)[_ELEM_LIST_ELEMENTS]
    data = element[_ELEM_DATA]
    if form.data == _DATA_IS_VERDICT:
        verdict = data[_DATA_VERDICT]
        code = verdict[_VERDICT_CODE]
        words = _VERDICTS.get(code - (1 << 32) if code >> 31 else code)
        return None if words is None else words.format(verdict.get(_VERDICT_CHAIN, ""))
    show = _SHOWS.get(form.data)
    return show(data[_DATA_VALUE]) if show is not None else None
