"""The recent past in a file of a fixed size: what rules have told of packets, the oldest overwritten by the newest.

Rules: one writes, anybody reads meanwhile; neither waits for the other. A slot that is being written has number 0, so
one that a kill left half written, or that was overwritten under a reader's eyes, is left out. The file is as large as
it will ever be from its beginning. It imports little, for the recorder stays. Source: mmap(2).
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from weft.wire.nflog import Heard

_MAGIC = b"weftdrop"
_VERSION = 1
_HEAD = struct.Struct("=8sIIQQQ")
"""Magic, version, slots, entries ever written, and how often the kernel could not deliver; when the writer began."""
_HEAD_BYTES = 64
_SLOT = struct.Struct("=QQ128s128s16s16sHBBHH16s16s6s6s")
_NUMBER = struct.Struct("=Q")
SLOT_BYTES = _SLOT.size + _NUMBER.size
MODE = 0o600


class Entry(NamedTuple):
    """A packet that a rule told of. `at_ns`: since the epoch. `netns`: whose rule; `came`, `goes`: names of its links.
    The rest as Heard has it."""

    at_ns: int
    prefix: str
    netns: str
    came: str
    goes: str
    ethertype: int
    protocol: int
    source: bytes
    target: bytes
    sport: int
    dport: int
    source_mac: bytes
    target_mac: bytes


def entry_of(heard: Heard, at_ns: int, netns: str, name_of: Callable[[int], str]) -> Entry:
    """`name_of`: the name of a link of `netns`."""
    return Entry(
        at_ns=at_ns,
        prefix=heard.prefix,
        netns=netns,
        came=name_of(heard.came),
        goes=name_of(heard.goes),
        ethertype=heard.ethertype,
        protocol=heard.protocol,
        source=heard.source,
        target=heard.target,
        sport=heard.sport,
        dport=heard.dport,
        source_mac=heard.source_mac,
        target_mac=heard.target_mac,
    )


class Past(NamedTuple):
    """`entries`: the oldest first. `written`: how many there ever were; `missed`: how often the kernel had more to tell
    than was taken."""

    entries: tuple[Entry, ...]
    written: int
    missed: int
    slots: int


def file_name(scope: str) -> str:
    """Of a scope's file, in the run directory."""
    return f"drops.{scope}"


def size_bytes(slots: int) -> int:
    return _HEAD_BYTES + slots * SLOT_BYTES


class Ring:
    """The one writer. What was there goes on, if it is of the same size."""

    def __init__(self, path: Path, slots: int, began_ns: int) -> None:
        self._slots = slots
        held = _open(path, slots)
        try:
            self._map = mmap.mmap(held, size_bytes(slots))
        finally:
            os.close(held)
        magic, version, there, written, missed, began = _HEAD.unpack_from(self._map)
        is_ours = (magic, version, there) == (_MAGIC, _VERSION, slots)
        self._written: int = written if is_ours else 0
        self._missed: int = missed if is_ours else 0
        self._began: int = began if is_ours else began_ns
        self._put_head()

    def close(self) -> None:
        self._map.close()

    def add(self, entry: Entry) -> None:
        self._written += 1
        at = _HEAD_BYTES + (self._written - 1) % self._slots * SLOT_BYTES
        _NUMBER.pack_into(self._map, at, 0)
        packed = _SLOT.pack(
            0,
            entry.at_ns,
            entry.prefix.encode()[:127],
            entry.netns.encode()[:127],
            entry.came.encode(),
            entry.goes.encode(),
            entry.ethertype,
            entry.protocol,
            len(entry.source),
            entry.sport,
            entry.dport,
            entry.source,
            entry.target,
            entry.source_mac,
            entry.target_mac,
        )
        self._map[at + _NUMBER.size : at + SLOT_BYTES] = packed[_NUMBER.size :] + _NUMBER.pack(self._written)
        _NUMBER.pack_into(self._map, at, self._written)
        self._put_head()

    def miss(self) -> None:
        """The kernel had more to tell than was taken."""
        self._missed += 1
        self._put_head()

    def _put_head(self) -> None:
        _HEAD.pack_into(self._map, 0, _MAGIC, _VERSION, self._slots, self._written, self._missed, self._began)


def past(path: Path) -> Past | None:
    """What the file holds now; None where there is none, or nobody has begun it. Raises: PermissionError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(data) < _HEAD_BYTES:
        return None
    magic, version, slots, written, missed, _ = _HEAD.unpack_from(data)
    if (magic, version) != (_MAGIC, _VERSION) or len(data) < size_bytes(slots):
        return None
    numbers = range(max(1, written - slots + 1), written + 1)
    return Past(tuple(filter(None, (_entry(data, number, slots) for number in numbers))), written, missed, slots)


def forget(path: Path) -> None:
    """Delete the file; gone already is fine."""
    path.unlink(missing_ok=True)


def _entry(data: bytes, number: int, slots: int) -> Entry | None:
    at = _HEAD_BYTES + (number - 1) % slots * SLOT_BYTES
    (last,) = _NUMBER.unpack_from(data, at + _SLOT.size)
    first, at_ns, prefix, netns, came, goes, ethertype, protocol, width, sport, dport, *addresses = _SLOT.unpack_from(
        data, at
    )
    if not first == last == number:
        return None
    source, target, source_mac, target_mac = addresses
    return Entry(
        at_ns=at_ns,
        prefix=_text(prefix),
        netns=_text(netns),
        came=_text(came),
        goes=_text(goes),
        ethertype=ethertype,
        protocol=protocol,
        source=source[:width],
        target=target[:width],
        sport=sport,
        dport=dport,
        source_mac=source_mac,
        target_mac=target_mac,
    )


def _text(packed: bytes) -> str:
    return packed.rstrip(b"\0").decode(errors="replace")


def _open(path: Path, slots: int) -> int:
    """The file, of its full size. One of another size is put aside for whoever reads it, and made anew."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    held = os.open(path, flags, MODE)
    if os.fstat(held).st_size not in (0, size_bytes(slots)):
        os.close(held)
        forget(path)
        held = os.open(path, flags, MODE)
    os.posix_fallocate(held, 0, size_bytes(slots))
    return held
