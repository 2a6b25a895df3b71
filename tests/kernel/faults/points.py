"""Every place at which a command writes to disk or to the kernel, numbered as it comes to them.

A run comes to each such place twice: before and after. What happens there is the test's: nothing (to count them), a
kill, a signal, a refusal. The places are those of `store.durable`, `netlink.doors`, libnftables, `write_setting` and
the files and requests by which programs are kept, the only ways by which weft changes anything; each is replaced in a
process of its own (see command.py).
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from errno import EIO, ENOMEM, ENOSPC
from functools import wraps
from typing import Any, Literal

from weft.backends import process, process_files, settings, supervised
from weft.backends.libnftables import Complaint, Context
from weft.netlink import doors
from weft.store import durable
from weft.wire.codec import HEADER_SIZE, messages

Side = Literal["before", "after"]

DOORS: tuple[tuple[Any, str], ...] = (
    *((durable, name) for name in ("write", "_write_through", "move", "remove")),
    *((doors, name) for name in "send tell ioctl open_tun unshare_network mount unmount create unlink give".split()),
    (Context, "run"),
    (Context, "run_located"),
    (settings, "write_setting"),
    *((process_files, name) for name in ("put", "put_whole", "drop")),
    *((supervised, name) for name in ("ask", "start_supervisor")),
    (process, "tell"),
)
"""`_write_through` is within `write`: a kill after it leaves a whole new file that has not got its name yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """`number`: from 0, in the order of the run. `arguments`: the door's own. `about`: the same, in short."""

    number: int
    door: str
    side: Side
    arguments: tuple[Any, ...] = field(repr=False)

    @property
    def about(self) -> str:
        return _about(self.door, self.arguments)

    @property
    def steps(self) -> int:
        """How much may be refused here, one by one: each message of a batch."""
        if self.door == "send":
            return len(list(messages(bytes(self.arguments[1]))))
        return 0 if self.door == "write" else 1  # what may fail of it is `_write_through`

    def __str__(self) -> str:
        return f"#{self.number} {self.side} {self.door}({self.about})"


Act = Callable[[Point], None]
"""What happens at a point. What it raises, the door raises."""


def count(point: Point) -> None:
    """Only count."""


def kill_at(number: int) -> Act:
    return signal_at(number, signal.SIGKILL)


def kill_after(changes: int) -> Act:
    """SIGKILL once the command has made so many, 0: before the first. What it leaves then is all that a kill can leave:
    from the end of one change to the beginning of the next there is nothing else that could be."""
    made = 0

    def act(point: Point) -> None:
        nonlocal made
        made += point.side == "after"
        if made == changes:
            os.kill(os.getpid(), signal.SIGKILL)

    return act


def signal_at(number: int, which: signal.Signals) -> Act:
    def act(point: Point) -> None:
        if point.number == number:
            os.kill(os.getpid(), which)

    return act


class Refusal:
    """The kernel, or the disk, refuses the steps from `first` to before `stop`: None for that one alone.

    An Act; in the test's own process it tells afterwards how many steps the command came to.
    """

    def __init__(self, first: int, stop: int | None = None) -> None:
        self._refused = range(first, first + 1 if stop is None else stop)
        self._seen = mmap.mmap(-1, 4)
        self._is_explained = False

    @property
    def happened(self) -> bool:
        return self._count() > self._refused.start

    def __call__(self, point: Point) -> None:
        if point.side == "after":
            return
        if point.door == "run_located" and self._is_explained:  # asked again, for the line at fault
            raise Complaint(1, ENOMEM, "Out of memory")
        start = self._count()
        self._seen[:] = (start + point.steps).to_bytes(4, "little")
        refused = [step - start for step in range(start, self._count()) if step in self._refused]
        self._is_explained = bool(refused) and point.door == "run"
        if refused:
            _refuse(point, refused)

    def _count(self) -> int:
        return int.from_bytes(self._seen[:], "little")


ALL = 1 << 30
"""As `stop`: nothing succeeds any more."""


def _refuse(point: Point, which: Sequence[int]) -> None:
    match point.door:
        case "send":
            _spoil(point.arguments[1], which)
        case "run" | "run_located":
            raise Complaint(0, ENOMEM, "Out of memory")
        case "_write_through":
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        case "move" | "remove":
            raise durable.DiskFailed(f"cannot write {point.arguments[0]}: {os.strerror(EIO)}")
        case _:
            raise OSError(EIO, os.strerror(EIO))


def _spoil(batch: bytearray, which: Sequence[int]) -> None:
    """Make messages of a batch such as the kernel itself refuses, while it does the others."""
    starts = [start - HEADER_SIZE for *_, start, _ in messages(bytes(batch))]
    for number in which:
        struct.pack_into("=H", batch, starts[number] + 4, _NO_SUCH_TYPE)


_NO_SUCH_TYPE = 0x7FF0
"""The kernel answers EOPNOTSUPP, or ENOENT for a generic family."""


def install(act: Act, log: int) -> None:
    """Put every door of this process behind two points, each told to the file `log` before anything happens there."""
    numbers = iter(range(1 << 30))

    def come_to(door: str, side: Side, arguments: tuple[Any, ...]) -> None:
        point = Point(number=next(numbers), door=door, side=side, arguments=arguments)
        os.write(log, f"{point}\n".encode())
        act(point)

    for owner, name in DOORS:
        setattr(owner, name, _guarded(getattr(owner, name), name, come_to))


def _guarded(
    door: Callable[..., Any], name: str, come_to: Callable[[str, Side, tuple[Any, ...]], None]
) -> Callable[..., Any]:
    @wraps(door)
    def guarded(*arguments: Any, **named: Any) -> Any:
        come_to(name, "before", arguments)
        result = door(*arguments, **named)
        come_to(name, "after", arguments)
        return result

    return guarded


def _about(name: str, arguments: tuple[Any, ...]) -> str:
    if name == "send":
        return " ".join(f"type {kind}" for kind, *_ in messages(bytes(arguments[1])))[:200]
    if name in ("run", "run_located"):
        return str(arguments[1])[:200].replace("\n", "; ")
    told = arguments[1:] if name == "ioctl" else arguments[:2]
    return ", ".join(str(argument)[:80] for argument in told if not isinstance(argument, bytes))
