"""Changes on trial: made and verified, but taken back unless somebody confirms them in time.

Rules: the deadline counts from before the first change, on a clock that runs through suspends and ends with the kernel
state itself. What is on trial is the journal's record of the apply, kept until then; taking it back is an apply of the
former state like any other. Source: clock_gettime(2) (CLOCK_BOOTTIME).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from weft.backends.base import Selection
from weft.observe import Machine
from weft.plan import Plan, plan
from weft.records import dataclass
from weft.state import State
from weft.store import codec, durable
from weft.store.journal import Record

_DEADLINE = "confirm_by_s"


class Verb(Enum):
    """What a transaction is for, as its journal notes it."""

    APPLY = "apply"
    DESTROY = "destroy"
    TAKE_BACK = "take back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a journal says beside the states. `deadline_s`: of a trial, by `now_s`; None where nobody need confirm."""

    verb: Verb
    deadline_s: float | None = None

    def plain(self) -> Mapping[str, Any]:
        trial = {} if self.deadline_s is None else {_DEADLINE: self.deadline_s}
        return {"verb": self.verb.value, **trial}

    @classmethod
    def of(cls, record: Record) -> Note:
        return cls(verb=Verb(record.note.get("verb", Verb.APPLY.value)), deadline_s=record.note.get(_DEADLINE))

    @property
    def left_s(self) -> float:
        """Seconds until the deadline, 0 where it is over."""
        return max(0.0, (self.deadline_s or 0.0) - now_s())


def now_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def on_trial(verb: Verb, todo: Plan, confirm_within_s: float | None) -> Note:
    """What a transaction is noted as that begins now; one that changes nothing needs no confirmation."""
    is_tried = bool(todo) and confirm_within_s is not None
    return Note(verb=verb, deadline_s=now_s() + (confirm_within_s or 0.0) if is_tried else None)


def way_back(machine: Machine, record: Record, former: State) -> tuple[Plan, State]:
    """The plan that takes a trial back, and the former state with all that it stands on. `former`: what of the record's
    can still be."""
    keys = frozenset(record.former.keys() | record.goal.keys())
    look = machine.looker(record.former, record.goal)
    grounds = frozenset(on for obj in former.values() for on in obj.lives_on)
    around = machine.read(Selection(keys=grounds)) if grounds else State()
    return plan(look(keys, former), former), State(around | former)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Remembers, until the next change of a scope, that its last one was taken back: for a confirm that is too late."""

    directory: Path
    scope: str

    def note(self) -> None:
        durable.write(self._path, codec.dumps({"at": time.time()}))

    def forget(self) -> None:
        durable.sweep(self._path)
        durable.remove(self._path)

    def at(self) -> float | None:
        """Seconds since the epoch, None where nothing was taken back."""
        try:
            return float(codec.loads(self._path.read_bytes())["at"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def _path(self) -> Path:
        return self.directory / f"{self.scope}{_SUFFIX}"


_SUFFIX = ".taken-back"


def taken_back(directory: Path) -> list[TakenBack]:
    """All that are remembered, by name."""
    return [TakenBack(directory, path.name.removesuffix(_SUFFIX)) for path in sorted(directory.glob(f"[!.]*{_SUFFIX}"))]
