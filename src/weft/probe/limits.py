"""Limits of the kernel that all namespaces of the machine share.

Rules: read only, from the namespace of the first process, where alone they stand; where that may not be entered (a
container), from our own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from weft.backends.settings import read_setting
from weft.errors import NotPermitted
from weft.lint.limits import LIMITS
from weft.netlink.namespaces import entered, open_file

_FIRST = "/proc/1/ns/net"


def of_first_namespace(names: Sequence[str] = LIMITS) -> dict[str, int]:
    """Those of the sysctls that there are, as numbers."""
    try:
        fd = open_file(_FIRST)
    except OSError:
        return _read(names)
    try:
        with entered(fd):
            return _read(names)
    except NotPermitted:
        return _read(names)
    finally:
        os.close(fd)


def _read(names: Sequence[str]) -> dict[str, int]:
    texts = {name: read_setting(name) for name in names}
    return {name: int(text) for name, text in texts.items() if text and text.isdigit()}
