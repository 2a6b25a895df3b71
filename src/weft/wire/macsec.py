"""MACsec: the attributes of such a link, and of the generic netlink family of that name its channels and their keys.

Rules: a channel is "" for what the link sends, else the SCI of whom it receives from: a MAC and a port, as 16
hexadecimal digits. The kernel gives back a key's id, never the key. Source: linux/if_macsec.h, linux/if_link.h
IFLA_MACSEC_*, drivers/net/macsec.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

from weft.wire.codec import Table, as_bytes, as_u8, as_u32, as_u64, attribute, nest, read, u8, u32, walk
from weft.wire.ethtool import GENL_SIZE, generic

FAMILY = "macsec"

IFLA_MACSEC_SCI, IFLA_MACSEC_PORT, IFLA_MACSEC_ICV_LEN, IFLA_MACSEC_CIPHER_SUITE = 1, 2, 3, 4
IFLA_MACSEC_WINDOW, IFLA_MACSEC_ENCODING_SA, IFLA_MACSEC_ENCRYPT, IFLA_MACSEC_PROTECT = 5, 6, 7, 8
IFLA_MACSEC_REPLAY_PROTECT, IFLA_MACSEC_VALIDATION = 12, 13

_GET_TXSC = 0
_IFINDEX, _RXSC_CONFIG, _SA_CONFIG, _TXSA_LIST, _RXSC_LIST = 1, 2, 3, 5, 6
_TXSC_STATS, _OUT_PKTS_PROTECTED, _OUT_PKTS_ENCRYPTED = 7, 1, 2
_RXSC_SCI, _RXSC_ACTIVE, _RXSC_SA_LIST = 1, 2, 3
_SA_AN, _SA_ACTIVE, _SA_PN, _SA_KEY, _SA_KEYID = 1, 2, 3, 4, 5

SENT = ""
"""The channel of what the link itself sends."""

Association: TypeAlias = tuple[str, int, str]
"""A channel, the number of one of its keys (0-3), and that key's id as 32 hexadecimal digits, or RESTS."""
RESTS = "rests"
"""Instead of the id of a key that is there and not used: it was put to rest to be dropped, or by hand."""


def as_sci(buffer: bytes, at: int, end: int) -> str:
    return buffer[at:end].hex()


def as_cipher(buffer: bytes, at: int, end: int) -> int:
    """The last number of a cipher suite's: the kernel answers with the older of two names of the first suite."""
    return int.from_bytes(as_bytes(buffer, at, end), _NATIVE) & 0xFFFF


_NATIVE: Any = "little" if u32(0, 1)[4] else "big"
_SUITES = 0x0080_C200_0100_0000


def cipher(kind: int, number: int) -> bytes:
    return attribute(kind, (_SUITES | number).to_bytes(8, _NATIVE))


MACSEC: Table = {
    IFLA_MACSEC_SCI: as_sci,
    IFLA_MACSEC_ICV_LEN: as_u8,
    IFLA_MACSEC_CIPHER_SUITE: as_cipher,
    IFLA_MACSEC_WINDOW: as_u32,
    IFLA_MACSEC_ENCODING_SA: as_u8,
    IFLA_MACSEC_ENCRYPT: as_u8,
    IFLA_MACSEC_PROTECT: as_u8,
    IFLA_MACSEC_REPLAY_PROTECT: as_u8,
    IFLA_MACSEC_VALIDATION: as_u8,
}


class Step(Enum):
    """What may be done to a channel or a key: the commands for what is sent, and for what is received."""

    OPEN = (-1, 1)
    CLOSE = (-1, 2)
    ADD = (4, 7)
    DROP = (5, 8)
    REST = (6, 9)


def channel_step(family: int, index: int, step: Step, sci: str) -> bytes:
    """Open a channel from a peer, or close it with all its keys."""
    active = u8(_RXSC_ACTIVE, 1) if step is Step.OPEN else b""
    config = nest(_RXSC_CONFIG, attribute(_RXSC_SCI, bytes.fromhex(sci)), active)
    return generic(family, step.value[1], u32(_IFINDEX, index), config)


def key_step(family: int, index: int, step: Step, channel: str, number: int, *more: bytes) -> bytes:
    """Add a key, put it to rest, or drop one that rests."""
    parts = [u32(_IFINDEX, index)]
    if channel != SENT:
        parts.append(nest(_RXSC_CONFIG, attribute(_RXSC_SCI, bytes.fromhex(channel))))
    active = () if step is Step.DROP else (u8(_SA_ACTIVE, int(step is Step.ADD)),)
    parts.append(nest(_SA_CONFIG, u8(_SA_AN, number), *active, *more))
    return generic(family, step.value[channel != SENT], *parts)


def add_key(family: int, index: int, association: Association, key: bytes, packet_number: int) -> bytes:
    channel, number, key_id = association
    secret = (attribute(_SA_KEYID, bytes.fromhex(key_id)), attribute(_SA_KEY, key))
    return key_step(family, index, Step.ADD, channel, number, u32(_SA_PN, packet_number), *secret)


class Secured(NamedTuple):
    """Which keys a link has, sorted; the packet number that comes next by each (by channel and number), and how many
    packets the link has sent in its life, by whatever keys."""

    ifindex: int
    associations: tuple[Association, ...]
    numbers: Mapping[tuple[str, int], int] = {}
    sent: int = 0


def get_secured(family: int) -> tuple[int, bytes]:
    """Type and body of a dump of all such links."""
    return family, generic(family, _GET_TXSC)[-GENL_SIZE:]


def read_secured(buffer: bytes, at: int, end: int) -> Secured:
    index, sent, found = 0, 0, list[_Key]()
    for kind, start, stop in walk(buffer, at + GENL_SIZE, end):
        if kind == _IFINDEX:
            index = as_u32(buffer, start, stop)
        elif kind == _TXSA_LIST:
            found += _keys(buffer, start, stop, SENT)
        elif kind == _TXSC_STATS:
            sent = sum(read(buffer, start, stop, _SENT).values())
        elif kind == _RXSC_LIST:
            for _, first, last in walk(buffer, start, stop):
                found += _received(buffer, first, last)
    numbers = {key[:2]: number for key, number in found}
    return Secured(index, tuple(sorted(key for key, _ in found)), numbers, sent)


_Key: TypeAlias = tuple[Association, int]
"""With the packet number that comes next."""


def _received(buffer: bytes, at: int, end: int) -> Iterator[_Key]:
    spans = {kind: (start, stop) for kind, start, stop in walk(buffer, at, end)}
    if _RXSC_SA_LIST in spans:
        yield from _keys(buffer, *spans[_RXSC_SA_LIST], as_sci(buffer, *spans[_RXSC_SCI]))


_SA: Table = {_SA_AN: as_u8, _SA_ACTIVE: as_u8, _SA_PN: as_u32, _SA_KEYID: as_bytes}
_SENT: Table = dict.fromkeys((_OUT_PKTS_PROTECTED, _OUT_PKTS_ENCRYPTED), as_u64)


def _keys(buffer: bytes, at: int, end: int, channel: str) -> Iterator[_Key]:
    for _, start, stop in walk(buffer, at, end):
        said = read(buffer, start, stop, _SA)
        key_id = said[_SA_KEYID].hex() if said.get(_SA_ACTIVE) else RESTS
        yield (channel, said[_SA_AN], key_id), said.get(_SA_PN, 1)
