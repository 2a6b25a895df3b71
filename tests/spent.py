"""Processor time of commands: what a test may bound, since it does not depend on what else runs."""

import os
import resource
import time
from pathlib import Path

from tests import forks


def spent_s() -> float:
    """By all children of this process that have ended so far, and by theirs, in seconds. Source: getrusage(2)."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def spent_by_all_s() -> float:
    """By this process too, and by the one that forks for it (tests/forks.py), in seconds."""
    return time.process_time() + spent_s() + _by_forks_s()


def _by_forks_s() -> float:
    """Source: proc_pid_stat(5): utime, stime, cutime, cstime, in clock ticks."""
    if not forks.forks.cache_info().currsize:
        return 0.0
    fields = Path(f"/proc/{forks.forks().pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
