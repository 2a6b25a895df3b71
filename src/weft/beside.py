"""Two things done at the same time, of which neither outlives the other.

Rules: nothing is left behind in a thread: whatever happens, also a signal, both are at their end before anything is
raised, for what comes next may lead back what they did. Source: threading (an exception of a signal is raised in the
main thread alone).
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread


def side_by_side(first: Callable[[], None], second: Callable[[], None]) -> None:
    """Do both, the second in a thread of its own, or after the first where the system has no thread left.

    Raises: what the first raises, else what the second does.
    """
    ours: list[BaseException] = []
    theirs: list[BaseException] = []
    may_go, is_done = Event(), Event()

    def beside() -> None:
        may_go.wait()  # where a signal comes before we are ready to wait for it, it stays at that
        try:
            second()
        except BaseException as failure:
            theirs.append(failure)
        finally:
            is_done.set()

    thread = Thread(target=beside, daemon=True)
    try:
        thread.start()
    except RuntimeError:  # can't start new thread: limits of processes, of memory
        first()
        second()
        return
    is_begun = False
    while True:  # not Thread.join: it takes a thread for ended when a signal interrupts it (Python 3.11)
        try:
            may_go.set()
            if not is_begun:
                is_begun = True
                first()
            is_done.wait()
            break
        except BaseException as failure:
            ours.append(failure)
    if failures := ours + theirs:
        raise failures[0]
