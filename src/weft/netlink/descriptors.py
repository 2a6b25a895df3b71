"""Numbers of file descriptors: the low ones are left to libraries that call select(2).

Rules: libmnl, and so libnftables, selects on its socket, and glibc ends the process where that has a number from
FD_SETSIZE (1024) on. Descriptors that weft keeps by the thousand therefore move above it once there are many.
Source: select(2), fcntl(2) (F_DUPFD_CLOEXEC), getrlimit(2).
"""

from __future__ import annotations

import fcntl
import os
import resource

FD_SETSIZE = 1024
FEW = 256
"""Below this number a descriptor may stay where it is."""


def out_of_the_way(fd: int) -> int:
    """The same open file at a number that no library needs; `fd` itself is closed if it moved."""
    if fd < FEW:
        return fd
    allow_more_files()
    try:
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FD_SETSIZE)
    except OSError:  # the hard limit is too low: then there cannot be too many either
        return fd
    os.close(fd)
    return moved


def allow_more_files() -> bool:
    """Raise the soft limit of open files to the hard one; whether that changed anything."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return True
