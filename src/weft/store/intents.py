"""What was applied, kept for boot and for commands that are given no file.

Rules: staged before the first change, current from the commit on, or from when it is confirmed; one file
per scope, whole. The texts are the user's, unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from weft.errors import IntentInvalid, Problem, Refused
from weft.records import dataclass
from weft.store import codec, durable
from weft.store.host import LIB_BASE

_CURRENT, _STAGED, _ON_TRIAL = "current", "staged", "unconfirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`files`: name to text, the main file first. `applied_at`: seconds since the epoch."""

    scope: str
    files: Mapping[str, str]
    applied_at: float


@dataclass(frozen=True, slots=True)
class Intents:
    """The kept intents of a machine."""

    directory: Path = LIB_BASE

    def stage(self, kept: Kept) -> None:
        """Write what will be current after `publish`. Raises: DiskFailed, NotPermitted; then nothing of it is left."""
        plain = {"weft-intent": 1, "applied_at": kept.applied_at, "files": list(kept.files.items())}
        try:
            durable.write(self._path(kept.scope, _STAGED), codec.dumps(plain))
        except Refused:
            with suppress(Refused):
                self.discard(kept.scope)
            raise

    def publish(self, scope: str) -> None:
        """Make what was staged current; done already is fine, for recovery repeats it."""
        staged = self._path(scope, _STAGED)
        if staged.exists():
            durable.move(staged, self._path(scope, _CURRENT))

    def discard(self, scope: str) -> None:
        """Forget what was staged, whole or half: the apply went back, or never began."""
        self._remove(scope, _STAGED)

    def suspend(self, scope: str) -> None:
        """What was staged is on the machine, but not sure to stay; done already is fine."""
        staged = self._path(scope, _STAGED)
        if staged.exists():
            durable.move(staged, self._path(scope, _ON_TRIAL))

    def confirm(self, scope: str) -> None:
        """What was on trial is current; done already is fine."""
        trial = self._path(scope, _ON_TRIAL)
        if trial.exists():
            durable.move(trial, self._path(scope, _CURRENT))

    def end_trial(self, scope: str) -> None:
        """Forget what was on trial: it was taken back."""
        self._remove(scope, _ON_TRIAL)

    def load(self, scope: str) -> Kept | None:
        """The current intent, None where there is none. Raises: Refused for a damaged file."""
        return self._load(scope, _CURRENT)

    def load_on_trial(self, scope: str) -> Kept | None:
        """The intent on trial, None where there is none. Raises: Refused for a damaged file."""
        return self._load(scope, _ON_TRIAL)

    def _load(self, scope: str, name: str) -> Kept | None:
        path = self._path(scope, name)
        try:
            plain = codec.loads(path.read_bytes())
            return Kept(scope=scope, files=dict(plain["files"]), applied_at=plain["applied_at"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            why = str(error) if isinstance(error, codec.CodecError) else "it holds no intent"
            raise Refused(f"{path} is damaged ({why}); delete it and apply your file again") from error

    def holds(self, scope: str) -> bool:
        """Whether an intent of that name is current, or on trial."""
        return any(self._path(scope, name).exists() for name in (_CURRENT, _ON_TRIAL))

    def scopes(self) -> list[str]:
        return self._with(_CURRENT)

    def staged(self) -> list[str]:
        """The scopes for which something is staged, whole or half."""
        return self._with(f"*{_STAGED}*")

    def tried(self) -> list[str]:
        """The scopes of which an intent is, or was when the machine went down, on trial."""
        return self._with(_ON_TRIAL)

    def _with(self, pattern: str) -> list[str]:
        try:
            return sorted({path.parent.name for path in self.directory.glob(f"*/{pattern}")})
        except OSError:
            return []

    def remove(self, scope: str) -> None:
        """Forget the scope; done already is fine."""
        self._remove(scope, _STAGED, _ON_TRIAL, _CURRENT)

    def _remove(self, scope: str, *names: str) -> None:
        for name in names:
            durable.sweep(self._path(scope, name))
            durable.remove(self._path(scope, name))
        directory = self._path(scope, _CURRENT).parent
        if directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()

    def _path(self, scope: str, name: str) -> Path:
        if "/" in scope or scope in ("", ".", ".."):
            what = "is no name of anything that weft makes"
            raise IntentInvalid([Problem(where=scope or "''", what=what, fix="`weft list` says what is here")])
        return self.directory / scope / name
