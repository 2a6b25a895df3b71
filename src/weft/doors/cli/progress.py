"""A progress bar for work that takes longer than a second.

Rules: on a terminal only; drawn by a thread of its own, so that the work never waits for it.
"""

from __future__ import annotations

import sys
import time
from threading import Lock, Timer
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE_S = 1.0
"""Work that is done sooner shows nothing."""


class Bar:
    """Called with the number of changes that were just done; `done` is all of them. A context manager: gone when the
    work is."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._total = self.done = 0
        self._shown: Progress | None = None
        self._ended = False
        self._started_at = time.monotonic()
        self._lock = Lock()
        self._timer = Timer(PATIENCE_S, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._shown is not None:
                self._shown.stop()

    def start(self, total: int) -> None:
        """From here on the work counts. `total`: how many changes it is."""
        self._total = total
        self._started_at = time.monotonic()
        if sys.stderr.isatty():
            self._timer.start()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start of the work."""
        return time.monotonic() - self._started_at

    def __call__(self, done: int) -> None:
        with self._lock:
            self.done += done
            self._draw()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        with self._lock:
            if not self._ended:
                self._shown = Progress(console=Console(stderr=True), transient=True)
                self._shown.add_task(self._title, total=self._total)
                self._draw()
                self._shown.start()

    def _draw(self) -> None:
        if self._shown is not None:
            self._shown.update(self._shown.task_ids[0], completed=self.done)
