"""A command that stands still half-way, for what another does meanwhile."""

from __future__ import annotations

import os

from tests.kernel.faults.points import Point


class Held:
    """An Act that stops a command at its first send until it is let go."""

    def __init__(self) -> None:
        self._reached = os.pipe()
        self._go_on = os.pipe()
        self._is_over = False

    def __call__(self, point: Point) -> None:
        if point.door == "send" and not self._is_over:
            self._is_over = True
            os.write(self._reached[1], b".")
            os.read(self._go_on[0], 1)

    def await_stop(self) -> None:
        assert os.read(self._reached[0], 1) == b"."

    def let_go(self) -> None:
        os.write(self._go_on[1], b".")
