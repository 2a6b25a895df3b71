"""The write-ahead record of one apply: what was there and what shall be there, until it is.

Rules: `begin` before the first change, `commit` before the first deletion, `end` when all is done; each is one atomic
step on disk. A reader finds nothing, an uncommitted record (lead back to `former`) or a committed one (lead on to
`goal`); a damaged one is an error, never a guess. A record may live on when all is done, on trial until somebody
confirms it; beside it there may be that of the way back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import field
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any

from weft.errors import Refused, RollbackIncomplete
from weft.records import dataclass
from weft.state import State
from weft.store import codec, durable

_MAGIC = "weft-journal 2"


class Phase(Enum):
    UNCOMMITTED = "uncommitted"
    COMMITTED = "committed"


class Trial(Enum):
    """CONFIRMED: for the moment between somebody's yes and the end of the record."""

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"


class JournalDamaged(RollbackIncomplete):
    """A journal that cannot be read: neither the former state nor the goal is known from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`former` and `goal`: the State restricted to the keys that the plan changes. `note`: what the writer wants to
    find again (command, time, claims), as plain JSON."""

    former: State
    goal: State
    note: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of what `name` names: a scope, or a tenant of one. The caller holds its lock."""

    directory: Path
    name: str

    def begin(self, record: Record) -> None:
        """Raises: Refused where a record waits for recovery, DiskFull, NotPermitted."""
        if self.phase() is not None:
            raise Refused(f"the last apply of {self.name} did not end; `weft recover` first")
        durable.write(self._path(Phase.UNCOMMITTED), _seal(record))

    def commit(self) -> None:
        """From here on only forward. Raises: FileNotFoundError where nothing was begun."""
        durable.move(self._path(Phase.UNCOMMITTED), self._path(Phase.COMMITTED))

    def is_committed(self) -> bool:
        return self._path(Phase.COMMITTED).exists()

    def end(self) -> None:
        for phase in Phase:
            durable.remove(self._path(phase))

    def suspend(self) -> None:
        """Instead of `end`: all is done, and stays on record until it is confirmed or taken back. Done already is
        fine."""
        if self.is_committed():
            durable.move(self._path(Phase.COMMITTED), self._path(Trial.UNCONFIRMED))

    def confirm(self) -> None:
        """From here on it is not taken back any more. Raises: FileNotFoundError where nothing is on trial."""
        durable.move(self._path(Trial.UNCONFIRMED), self._path(Trial.CONFIRMED))

    def end_trial(self) -> None:
        for trial in Trial:
            durable.remove(self._path(trial))

    def is_on_trial(self) -> bool:
        return any(self._path(trial).exists() for trial in Trial)

    def trial(self) -> tuple[Trial, Record] | None:
        """What is on trial, None where nothing is; also for who holds no lock. Raises: JournalDamaged."""
        for trial in Trial:
            with suppress(FileNotFoundError):
                return trial, self._load(trial)
        return None

    def sweep(self) -> None:
        """Remove what a kill left half written. Nothing was begun then."""
        durable.sweep(self._path(Phase.UNCOMMITTED))

    def phase(self) -> Phase | None:
        """Looked for in the order in which a record goes: a guard holds no lock, and must not miss one on its way."""
        return next((phase for phase in Phase if self._path(phase).exists()), None)

    def read(self) -> tuple[Phase, Record] | None:
        """What waits for recovery, None where nothing does. Raises: JournalDamaged."""
        phase = self.phase()
        return None if phase is None else (phase, self._load(phase))

    def _load(self, phase: Phase | Trial) -> Record:
        path = self._path(phase)
        try:
            return _unseal(path.read_bytes())
        except ValueError as error:
            raise JournalDamaged(
                f"{path} is damaged ({error}); compare with `weft status`, then delete it and apply again"
            ) from error

    def _path(self, phase: Phase | Trial) -> Path:
        return self.directory / f"{self.name}.{phase.value}"


def waiting(directory: Path) -> list[Journal]:
    """The journals in which a record waits for recovery, by name."""
    return _of(directory, Phase)


def on_trial(directory: Path) -> list[Journal]:
    """The journals in which a record waits to be confirmed, by name."""
    return _of(directory, Trial)


def _of(directory: Path, phases: Iterable[Phase | Trial]) -> list[Journal]:
    suffixes = {f".{phase.value}" for phase in phases}
    names = {path.stem for path in _files(directory) if path.suffix in suffixes and path.name[0] != "."}
    return [Journal(directory, name) for name in sorted(names)]


def half_begun(directory: Path) -> list[str]:
    """The names of journals that a kill left half written."""
    written = map(durable.half_written, _files(directory))
    return [path.stem for path in written if path and path.suffix == f".{Phase.UNCOMMITTED.value}"]


def _files(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except FileNotFoundError:
        return []


def _seal(record: Record) -> bytes:
    body = codec.dumps(
        {"former": codec.encode(record.former), "goal": codec.encode(record.goal), "note": dict(record.note)}
    )
    return f"{_MAGIC} {sha256(body).hexdigest()}\n".encode() + body


def _unseal(data: bytes) -> Record:
    """Raises: ValueError with the reason."""
    head, _, body = data.partition(b"\n")
    if not head.startswith(f"{_MAGIC} ".encode()):
        raise ValueError("it is not a journal of this version")
    if head.split(b" ")[-1].decode(errors="replace") != sha256(body).hexdigest():
        raise ValueError("its checksum is wrong")
    plain = codec.loads(body)
    return Record(former=codec.decode(plain["former"]), goal=codec.decode(plain["goal"]), note=plain["note"])
