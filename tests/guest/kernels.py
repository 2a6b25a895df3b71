"""Guest kernels: where they are looked for, and that they can be run.

A kernel is an executable `linux-VERSION-uml`, or that with `.xz`, which is unpacked into the cache. Of each version
the first place that has it counts: $WEFT_GUEST_KERNELS (folders and files, with colons between), the cache that `make
guest-kernel` fills, `shared/guest` beside the checkout.
"""

from __future__ import annotations

import lzma
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CPUINFO = "/proc/cpuinfo"
_NAME = re.compile(r"linux-([\w.]+)-uml(\.xz)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """`version` as in the file's name: 6.1. `path`: an executable."""

    version: str
    path: Path

    def __str__(self) -> str:
        return self.version


def cache() -> Path:
    """Where kernels that were built or unpacked are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weft" / "guest"


_LARGE_STATE = "amx_tile"
"""A flag of processors whose registers take 11 kB to save."""
_ASKS_FOR_SIZE = [6, 13]
"""Before that version user-mode Linux has room for less, and its first process dies: "ptrace set fp regs failed".
Source: arch/x86/um/os-Linux/registers.c; seen of 6.1, not of 7.2."""


def find() -> list[Kernel]:
    """Every version at hand that runs here, oldest first."""
    found = _at_hand()
    return [Kernel(version=version, path=_ready(found[version])) for version in _in_order(found, fit=True)]


def unfit() -> list[str]:
    """The versions at hand that cannot run on this processor."""
    return _in_order(_at_hand(), fit=False)


def _at_hand() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in _candidates():
        if match := _NAME.fullmatch(path.name):
            found.setdefault(match[1], path)
    return found


def _in_order(found: Iterable[str], *, fit: bool) -> list[str]:
    is_large = _LARGE_STATE in Path(CPUINFO).read_text().split()
    return [one for one in sorted(found, key=_order) if (not is_large or _order(one) >= _ASKS_FOR_SIZE) is fit]


def _candidates() -> Iterator[Path]:
    named = [Path(name) for name in os.environ.get("WEFT_GUEST_KERNELS", "").split(":") if name]
    for place in [*named, cache(), ROOT.parent / "shared" / "guest"]:
        yield from sorted(place.iterdir()) if place.is_dir() else [place] if place.is_file() else []


def _order(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _ready(path: Path) -> Path:
    """The executable itself. What is in the cache is taken if it is not older."""
    if path.suffix != ".xz":
        return path
    unpacked = cache() / "unpacked" / path.stem
    if not unpacked.exists() or unpacked.stat().st_mtime < path.stat().st_mtime:
        unpacked.parent.mkdir(parents=True, exist_ok=True)
        fresh = unpacked.with_name(f"{unpacked.name}.{os.getpid()}")  # renamed when whole: another run may want it too
        with lzma.open(path) as packed, fresh.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
        fresh.chmod(0o755)
        fresh.rename(unpacked)
    return unpacked
