"""Two things at the same time: both are at their end before anything is raised."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from threading import Event, current_thread, main_thread
from types import FrameType
from typing import NoReturn

import pytest

from weft import beside
from weft.beside import side_by_side

PATIENCE_S = 10.0
SHORT_S = 0.005


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


class Signalled:
    """A signal behind the n-th call that the main thread makes while it starts, does and awaits both."""

    def __init__(self, number: int) -> None:
        self.number, self.calls = number, 0

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event in ("call", "c_return") and frame.f_code.co_filename in BOTH:
            self.calls += 1
            if self.calls == self.number:
                raise Stopped


BOTH = {beside.__file__, threading.__file__}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("first", [lambda: None, refuse("no")])
def test_a_signal_behind_any_call_is_raised_and_leaves_nothing_behind(first: Callable[[], None]) -> None:
    """Until it comes behind all of them."""
    number, came = 0, True
    while came:
        number += 1
        begun, ended = Event(), Event()

        def second(begun: Event = begun, ended: Event = ended) -> None:
            begun.set()
            time.sleep(SHORT_S)
            ended.set()

        stop, raised = Signalled(number), None
        sys.setprofile(stop)
        try:
            side_by_side(first, second)
        except (Stopped, OSError, RuntimeError) as failure:
            raised = failure
        finally:
            sys.setprofile(None)
        is_left = not ended.is_set() and begun.wait(SHORT_S)
        came = stop.calls >= number
        assert isinstance(raised, Stopped) is came, f"{raised!r} where a signal came at call {number}"
        assert not is_left, f"left behind by a signal at call {number}"
    assert number > 8, "no signal came"


def test_without_a_thread_one_comes_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> NoReturn:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(beside, "start_new_thread", none_left)
    done: list[bool] = []
    side_by_side(*[lambda: done.append(current_thread() is main_thread())] * 2)
    assert done == [True, True]
