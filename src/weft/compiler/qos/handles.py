"""The numbers of trees and classes: hashes of what they are, so that no number depends on another's being there.

Source: linux/pkt_sched.h (a major of 0x8000 and above is the kernel's to choose), tc(8) CLASSES.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from functools import lru_cache
from hashlib import sha256

FIRST_MAJOR, LAST_MAJOR = 0x0100, 0x7FFF
TOP, DEFAULT = 1, 2
_FIRST_MINOR, _LAST_MINOR = 0x0010, 0xFFF0

Path = tuple[str, ...]
"""A class within its tree: the names from the top down."""


@lru_cache  # every class of a tree asks
def major(scope: str, netns: str, ifname: str) -> int:
    """The handle of a scope's tree on a link."""
    return _hashed(f"{scope}|{netns}|{ifname}", FIRST_MAJOR, LAST_MAJOR)


def splitter(tree: int, path: Path, taken: Container[int]) -> int:
    """The handle of the TBF below a class of the tree with that major."""
    return _free(_hashed(f"{tree:x}|{'/'.join(path)}", FIRST_MAJOR, LAST_MAJOR), FIRST_MAJOR, LAST_MAJOR, taken)


def minors(paths: Iterable[Path]) -> dict[Path, int]:
    """The numbers of classes. Of two with one hash the later by name takes the next free number."""
    given: dict[Path, int] = {}
    taken: set[int] = set()
    for path in sorted(paths):
        given[path] = _free(_hashed("/".join(path), _FIRST_MINOR, _LAST_MINOR), _FIRST_MINOR, _LAST_MINOR, taken)
        taken.add(given[path])
    return given


def handle(number: int) -> str:
    """As tc writes the handle of a qdisc: "77:"."""
    return f"{number:x}:"


def classid(tree: int, minor: int) -> str:
    """As tc writes a class: "77:10"."""
    return f"{tree:x}:{minor:x}"


def _hashed(text: str, low: int, high: int) -> int:
    return low + int.from_bytes(sha256(text.encode()).digest()[:8], "big") % (high - low + 1)


def _free(wanted: int, low: int, high: int, taken: Container[int]) -> int:
    while wanted in taken:
        wanted = wanted + 1 if wanted < high else low
    return wanted
