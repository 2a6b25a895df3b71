"""Every place at which a command writes to disk or to the kernel, numbered as it comes to them.

A run comes to each such place twice: before and after. What happens there is the test's: nothing (to count them), a
kill, a signal, a refusal. The places are those of `store.durable`, `netlink.doors`, libnftables and `write_setting`,
the only ways by which weft changes anything; each is replaced in a process of its own (see command.py).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

from weft.backends import settings
from weft.backends.libnftables import Context
from weft.netlink import doors
from weft.store import durable
from weft.wire.codec import messages

Side = Literal["before", "after"]

DOORS: tuple[tuple[Any, str], ...] = (
    *((durable, name) for name in ("write", "_write_through", "move", "remove")),
    *((doors, name) for name in "send ioctl open_tun unshare_network mount unmount create unlink".split()),
    (Context, "run"),
    (Context, "run_located"),
    (settings, "write_setting"),
)
"""`_write_through` is within `write`: a kill after it leaves a whole new file that has not got its name yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """`number`: from 0, in the order of the run. `about`: what is written or sent, in short."""

    number: int
    door: str
    side: Side
    about: str

    def __str__(self) -> str:
        return f"#{self.number} {self.side} {self.door}({self.about})"


Act = Callable[[Point], None]
"""What happens at a point. What it raises, the door raises."""


def count(point: Point) -> None:
    """Only count."""


def kill_at(number: int) -> Act:
    return signal_at(number, signal.SIGKILL)


def signal_at(number: int, which: signal.Signals) -> Act:
    def act(point: Point) -> None:
        if point.number == number:
            os.kill(os.getpid(), which)

    return act


def install(act: Act, log: int) -> None:
    """Put every door of this process behind two points, each told to the file `log` before anything happens there."""
    numbers = iter(range(1 << 30))

    def come_to(door: str, side: Side, about: str) -> None:
        point = Point(number=next(numbers), door=door, side=side, about=about)
        os.write(log, f"{point}\n".encode())
        act(point)

    for owner, name in DOORS:
        setattr(owner, name, _guarded(getattr(owner, name), name, come_to))


def _guarded(door: Callable[..., Any], name: str, come_to: Callable[[str, Side, str], None]) -> Callable[..., Any]:
    @wraps(door)
    def guarded(*arguments: Any, **named: Any) -> Any:
        about = _about(name, arguments)
        come_to(name, "before", about)
        result = door(*arguments, **named)
        come_to(name, "after", about)
        return result

    return guarded


def _about(name: str, arguments: tuple[Any, ...]) -> str:
    if name == "send":
        return " ".join(f"type {kind}" for kind, *_ in messages(bytes(arguments[1])))[:200]
    if name in ("run", "run_located"):
        return str(arguments[1])[:200].replace("\n", "; ")
    told = arguments[1:] if name == "ioctl" else arguments[:2]
    return ", ".join(str(argument)[:80] for argument in told if not isinstance(argument, bytes))
