"""To whom the device files of links belong. There is one /dev for all namespaces. Source: stat(2)."""

from __future__ import annotations

import os
from stat import S_IMODE

from weft.kinds.link.macvtap import DEVICE


def file_of(index: int) -> tuple[int, int, int] | None:
    """User, group and mode bits of a macvtap's file by its link's index; None where there is none."""
    try:
        found = os.stat(f"{DEVICE}{index}")
    except OSError:
        return None
    return found.st_uid, found.st_gid, S_IMODE(found.st_mode)
