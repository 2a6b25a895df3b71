"""The pages that a fork shares with its parent, made its own all at once, where each by itself is dear.

A fork copies a page when it first writes to it, and an interpreter writes to most, if only to count references. In a
guest whose kernel collects what it changes of an address space, that costs ten times as much page by page. On a
machine's own kernel nothing is gained, and in an older guest it would cost more.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

Run = tuple[int, int]
"""Address and length, in bytes, of pages one after the other."""

_SINCE = (6, 12)
"""Kernels whose guests change an address space when it is next entered, not change by change."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MAP = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p ")
_PRESENT = 1 << 63
"""Of an entry of pagemap. Source: Documentation/admin-guide/mm/pagemap.rst."""
_POPULATE_WRITE = 23
_madvise = ctypes.CDLL(None).madvise
_madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_held: list[Run] = []


def hold() -> None:
    """Remember what this process has written to, for its forks."""
    _held[:] = written() if is_gain() else ()


def make_own(runs: Sequence[Run] = _held) -> None:
    """Called in a fork. What is no longer there the kernel leaves out."""
    for address, length in runs:
        _madvise(address, length, _POPULATE_WRITE)


@functools.cache
def is_gain() -> bool:
    """Whether this is such a guest."""
    release = tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])
    return release >= _SINCE and "User Mode Linux" in Path("/proc/cpuinfo").read_text()


def written() -> Iterator[Run]:
    """The pages of this process that are no file's."""
    with open("/proc/self/pagemap", "rb") as pagemap:
        for begin, end in _MAP.findall(Path("/proc/self/maps").read_text()):
            first, last = int(begin, 16) // _PAGE, int(end, 16) // _PAGE
            entries = memoryview(os.pread(pagemap.fileno(), (last - first) * 8, first * 8)).cast("Q")
            yield from _runs(first, [bool(entry & _PRESENT) for entry in entries])


def _runs(first: int, present: list[bool]) -> Iterator[Run]:
    begun = None
    for number, is_there in enumerate([*present, False], first):
        if is_there and begun is None:
            begun = number
        elif not is_there and begun is not None:
            yield begun * _PAGE, (number - begun) * _PAGE
            begun = None
