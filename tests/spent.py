"""Processor time of commands: what a test may bound, since it does not depend on what else runs."""

import os
import resource
import time
from pathlib import Path

from tests import forks, programs


def spent_s() -> float:
    """By all children of this process that have ended so far, and by theirs, in seconds. Source: getrusage(2)."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def spent_by_all_s() -> float:
    """By this process too, and by those that start programs for it (tests/forks.py, tests/programs.py), in seconds."""
    started = [helper().pid for helper in (forks.forks, programs.starter) if helper.cache_info().currsize]
    return time.process_time() + spent_s() + sum(map(_by_s, started))


def _by_s(pid: int) -> float:
    """Source: proc_pid_stat(5): utime, stime, cutime, cstime, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
