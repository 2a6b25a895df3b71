"""Limits of the kernel that all namespaces of the machine share.

Rules: read only, from the namespace of the first process, where alone they stand; where that may not be entered (a
container), from our own.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable

from weft.backends.settings import read_setting
from weft.errors import NotPermitted
from weft.kinds.setting.sysctl import ALLOWED_ALGORITHMS
from weft.lint.limits import LIMITS
from weft.netlink.namespaces import entered, open_file

_FIRST = "/proc/1/ns/net"


def of_first_namespace(names: Iterable[str] = LIMITS) -> dict[str, int]:
    """Those of the sysctls that there are, as numbers."""
    return {name: int(text) for name, text in _read_first(tuple(names)).items() if text and text.isdigit()}


def congestion_controls() -> frozenset[str] | None:
    """Those that every namespace may take; None where that is not known."""
    text = _read_first((ALLOWED_ALGORITHMS,))[ALLOWED_ALGORITHMS]
    return None if text is None else frozenset(text.split())


def is_first() -> bool:
    """Whether the thread's namespace is the one of the first process, as far as can be seen."""
    try:
        return os.path.samefile("/proc/thread-self/ns/net", _FIRST)
    except OSError:
        return False


def _read_first(names: Collection[str]) -> dict[str, str | None]:
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


def _read(names: Iterable[str]) -> dict[str, str | None]:
    return {name: read_setting(name) for name in names}
