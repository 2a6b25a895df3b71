"""What of any link may be tuned: segment sizes and offloads."""

from __future__ import annotations

from weft.model import words as w
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Offloads:
    """Whether the link shall have each, None to leave it. Source: ethtool(8)."""

    tso: bool | None = None
    gso: bool | None = None
    gro: bool | None = None
    checksum: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTuning:
    """Sizes in bytes. Source: ip-link(8)."""

    gso_max_size: w.GsoSize | None = None
    gso_max_segs: w.GsoSegments | None = None
    gro_max_size: w.GsoSize | None = None
    offloads: Offloads | None = None
