"""Who watches while something is measured."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Is told how many steps there are (questions, rounds), and then how many more of them are done."""

    def start(self, total: int) -> None: ...

    def __call__(self, done: int) -> None: ...
