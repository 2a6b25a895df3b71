"""Two things at the same time: both are at their end before anything is raised."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from threading import Event, Thread, current_thread, main_thread
from types import FrameType
from typing import NoReturn

import pytest

from weft.beside import side_by_side

PATIENCE_S = 10.0


class Stopped(BaseException):
    """What a signal raises."""


def refuse(why: str) -> Callable[[], NoReturn]:
    def refused() -> NoReturn:
        raise OSError(why)

    return refused


def test_each_goes_on_while_the_other_does() -> None:
    here, there = Event(), Event()
    met: list[bool] = []

    def first() -> None:
        here.set()
        met.append(there.wait(PATIENCE_S))

    def second() -> None:
        there.set()
        met.append(here.wait(PATIENCE_S))

    side_by_side(first, second)
    assert met == [True, True]


def test_what_either_raises_is_raised_when_both_are_at_their_end() -> None:
    done: list[str] = []
    with pytest.raises(OSError, match="one"):
        side_by_side(refuse("one"), lambda: done.append("other"))
    with pytest.raises(OSError, match="other"):
        side_by_side(lambda: done.append("one"), refuse("other"))
    with pytest.raises(OSError, match="one"):
        side_by_side(refuse("one"), refuse("other"))
    assert done == ["other", "one"]


def test_a_signal_is_raised_when_the_other_is_at_its_end() -> None:
    raised, ended = Event(), Event()

    def stop(number: int, _: FrameType | None) -> None:
        raised.set()
        raise Stopped

    def second() -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert raised.wait(PATIENCE_S)
        ended.set()

    former = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(Stopped):
            side_by_side(lambda: None, second)
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert ended.is_set()


def test_without_a_thread_one_comes_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(thread: Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", none_left)
    done: list[bool] = []
    side_by_side(*[lambda: done.append(current_thread() is main_thread())] * 2)
    assert done == [True, True]
