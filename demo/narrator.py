"""Tells what happens, and remembers what was claimed and did not hold."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

_BOLD, _GREEN, _RED, _DIM, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"

_TAIL = 2
"""Of a long output so many last lines are shown: they say how it ended."""


def _paint(style: str, text: str) -> str:
    return f"{style}{text}{_PLAIN}" if sys.stdout.isatty() else text


@dataclass
class Narrator:
    """Everything that is printed goes through here."""

    started_at: float = field(default_factory=time.monotonic)
    failures: list[str] = field(default_factory=list)
    claims: int = 0

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started_at

    def act(self, title: str) -> None:
        print(f"\n{_paint(_BOLD, f'{title}')}  {_paint(_DIM, f'{self.elapsed_s:.1f} s')}", flush=True)

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)

    def shown(self, command: str, output: str, most: int = 12) -> None:
        """A command and the beginning of what it printed."""
        print(f"  {_paint(_BOLD, '$ ' + command)}")
        lines = output.rstrip().splitlines()
        cut = lines
        if len(lines) > most + 1:
            cut = [*lines[: most - _TAIL], f"... {len(lines) - most} lines", *lines[-_TAIL:]]
        for line in cut:
            print(f"    {_paint(_DIM, line)}", flush=True)

    def claim(self, told: str, holds: bool) -> None:
        self.claims += 1
        sign = _paint(_GREEN, "✓") if holds else _paint(_RED, "✗ NOT TRUE:")
        print(f"  {sign} {told}", flush=True)
        if not holds:
            self.failures.append(told)

    def end(self) -> int:
        """The exit code."""
        print(f"\n{self.claims} claims tested in {self.elapsed_s:.1f} s, {len(self.failures)} did not hold.")
        for told in self.failures:
            print(f"  {_paint(_RED, '✗')} {told}")
        return 1 if self.failures else 0
