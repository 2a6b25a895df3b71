"""Processor time of commands: what a test may bound, since it does not depend on what else runs."""

import resource


def spent_s() -> float:
    """By all children of this process that have ended so far, and by theirs, in seconds. Source: getrusage(2)."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
