"""Two things done at the same time, of which neither outlives the other.

Rules: nothing is left behind in a thread: whatever happens, also a signal, both are at their end before anything is
raised, for what comes next may lead back what they did. An exception of a signal is raised in the main thread alone,
behind any call there, also one that has just taken a lock: so what is waited on here are bare locks, which nobody has
to give back. Source: threading, _thread, signal (execution of Python signal handlers).
"""

from __future__ import annotations

from _thread import start_new_thread
from collections.abc import Callable
from threading import Lock


def side_by_side(first: Callable[[], None], second: Callable[[], None]) -> None:
    """Do both, the second in a thread of its own, or after the first where the system has no thread left.

    Raises: the exception of a signal, else what the first raises, else what the second does.
    """
    theirs: list[BaseException] = []
    may_go, is_done = Lock(), Lock()
    may_go.acquire()
    is_done.acquire()
    is_over = False

    def beside() -> None:
        nonlocal is_over
        may_go.acquire()  # where a signal comes before we are ready to wait for it, it stays at that
        try:
            second()
        except BaseException as failure:
            theirs.append(failure)
        finally:
            is_over = True
            is_done.release()

    def wait() -> None:
        if not is_over:
            try:
                is_done.acquire()
            finally:
                wait()  # a signal may have come instead, or behind it

    try:
        start_new_thread(beside, ())
        has_thread = True
    except RuntimeError:  # can't start new thread: limits of processes, of memory
        has_thread = False
    if not has_thread:
        first()
        second()
        return
    try:
        may_go.release()
        first()
    finally:
        try:
            wait()
        finally:
            wait()  # a signal may have come before that one had begun
    if theirs:
        raise theirs[0]
