"""Trials without a guard, and the time after them: what a command's process is told before it begins."""

from __future__ import annotations

from weft.service import guard, trial

WINDOW_S = 1000
"""How long is left to confirm."""


def unguarded() -> None:
    guard.Guard.arm = lambda *_: None  # type: ignore[method-assign]


def late() -> None:
    """The deadline is over."""
    now_s = trial.now_s
    trial.now_s = lambda: now_s() + WINDOW_S
