"""A signal in the middle of the work ends it in order: what was begun is led back, or on where it was decided.

Rules: the first signal raises `Stopped` wherever the work is; later ones are ignored, for the way back must not be cut
short too, and the process is at its end. One that is ignored stays so. Source: signal(7), nohup(1).
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """No Exception, so that nothing on the way takes it for a refusal of the kernel. `number`: of the signal."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"stopped by {signal.Signals(number).name}")


@contextmanager
def stoppable() -> Iterator[None]:
    """The first signal raises `Stopped` in here; without one, signals mean afterwards what they meant before."""
    is_stopped = False

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal is_stopped
        is_stopped = True
        for ignored in STOPPING:
            signal.signal(ignored, signal.SIG_IGN)
        raise Stopped(number)

    heard = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]  # nohup(1) means it
    former = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        if not is_stopped:
            for number, handler in former.items():
                signal.signal(number, handler)
