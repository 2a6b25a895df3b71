"""What `weft qos set` and `clear` do to a machine, and to the file that they keep for a link.

Rules: the file is written after the machine is as it says, whole, and what it will say is on the disk before the first
change. Where the file and what was last applied are not the same, the later of the two counts: an edited file, or what
was applied when the file could not be written any more. On trial the file stays as it was, until `settle`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from weft.errors import IntentInvalid, Problem, Refused, WeftError
from weft.files import Loaded, load_text
from weft.files.qos_file import PREFIX, Direction, Wish, changed, scope_of, without
from weft.records import dataclass
from weft.service.prepared import Prepared
from weft.service.service import Agree, Service
from weft.store import durable

DIRECTORY = Path("/etc/weft")
LOOPBACK = "lo"
_NEXT = ".next."
"""Behind the name of a file that is to be, before the process that is about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is to be applied, None where nothing is left of it. `flags`: place in the file to the flag that says what
    stands there."""

    scope: str
    file: Path
    loaded: Loaded | None
    flags: Mapping[str, str]


def file_of(scope: str) -> Path:
    return DIRECTORY / f"{scope}.yaml"


def to_set(service: Service, wish: Wish) -> Step:
    """Raises: IntentInvalid."""
    if wish.ifname == LOOPBACK:
        what = f"{LOOPBACK} is how this machine speaks with itself: no wire gets slower or freer by it"
        fix = "a link that leads out; if it is meant, a file: host: links: lo: {existing: true, qos: ...}"
        raise IntentInvalid([Problem(where="LINK", what=what, fix=fix)])
    scope = scope_of(wish.ifname)
    file = file_of(scope)
    _sweep(file)
    new = changed(str(file), _current(service, scope), wish)
    loaded = load_text(str(file), new.text)
    return Step(scope=scope, file=file, loaded=loaded, flags=_places(loaded, {**_of_link(wish), **new.flags}))


def to_clear(service: Service, ifname: str, name: str | None, direction: Direction | None) -> Step:
    """Raises: IntentInvalid, Refused where nothing is set."""
    scope = scope_of(ifname)
    file = file_of(scope)
    _sweep(file)
    text = _current(service, scope)
    if text is None:
        raise Refused(f"nothing is set on {ifname}: there is no {file}")
    left = without(str(file), text, ifname, name, direction)
    loaded = load_text(str(file), left) if left else None
    return Step(scope=scope, file=file, loaded=loaded, flags={})


@contextmanager
def kept(step: Step, *, on_trial: bool) -> Iterator[None]:
    """In here the step is carried out; what it leaves in the file comes after. Raises: what `durable.write` does,
    before anything is changed; errors about what a flag says name the flag."""
    waiting = step.file.with_name(f"{step.file.name}{_NEXT}{os.getpid()}")
    if step.loaded:
        durable.write(waiting, step.loaded.text[str(step.file)].encode())
    try:
        with _by_flag(step.flags):
            yield
    except BaseException:
        durable.remove(waiting)
        raise
    if on_trial:
        durable.remove(waiting)
    elif step.loaded:
        durable.move(waiting, step.file)
    else:
        durable.remove(step.file)


def apply(service: Service, step: Step, loaded: Loaded, agree: Agree, **manner: Any) -> Prepared:
    """As Service.apply, with warnings that name flags. Raises: as it does."""

    def worded(prepared: Prepared) -> None:
        warnings = tuple(_said(problem, step.flags) for problem in prepared.warnings)
        agree(replace(prepared, warn=lambda: warnings))

    return service.apply(loaded, worded, **manner)


def settle(service: Service, scope: str) -> None:
    """After a trial that was confirmed: the file says what is there."""
    if not scope.startswith(PREFIX):
        return
    file, applied = file_of(scope), service.applied(scope)
    if applied is None:
        durable.remove(file)
    elif str(file) in applied.files:
        durable.write(file, applied.files[str(file)].encode())


def still_said(scope: str) -> Path | None:
    """The file that says of a link what a destroyed scope had, None where there is none."""
    file = file_of(scope)
    return file if scope.startswith(PREFIX) and file.is_file() else None


def _sweep(file: Path) -> None:
    """Remove what commands that were killed have left beside the file."""
    for found in file.parent.glob(f"*{file.name}{_NEXT}*"):
        waiting = durable.half_written(found) or found
        name, _, process = waiting.name.partition(_NEXT)
        if name == file.name and not Path("/proc", process).exists():
            durable.sweep(waiting)
            durable.remove(waiting)


def _current(service: Service, scope: str) -> str | None:
    file, applied = file_of(scope), service.applied(scope)
    try:
        written, written_at = file.read_text(), file.stat().st_mtime
    except FileNotFoundError:
        written, written_at = None, 0.0
    except (OSError, UnicodeDecodeError) as error:
        raise IntentInvalid([Problem(where=str(file), what=str(error))]) from error
    if applied is None or str(file) not in applied.files or (written is not None and written_at > applied.applied_at):
        return written
    return applied.files[str(file)]


def _of_link(wish: Wish) -> Mapping[tuple[str, ...], str]:
    link = ("host", "links", wish.ifname)
    return dict.fromkeys((link, (*link, "qos"), (*link, "qos", wish.direction)), "LINK")


def _places(loaded: Loaded, flags: Mapping[tuple[str, ...], str]) -> Mapping[str, str]:
    found = {loaded.origins.at(path): flag for path, flag in reversed([*flags.items()])}
    return found | {loaded.origins.value_at(path): flag for path, flag in flags.items()}


@contextmanager
def _by_flag(flags: Mapping[str, str]) -> Iterator[None]:
    try:
        yield
    except (IntentInvalid, Refused) as error:
        said = [_said(problem, flags) for problem in error.problems]
        if tuple(said) == error.problems:
            raise
        raise _again(error, said) from error


_FLAGS = {
    "`replace: true`": "`--replace`",
    "a `ceil` of the whole": "a `--ceil` without --match",
    "the link's `capacity`": "`--capacity`",
}
"""Keys of the file, as a fix names them, and the flags that say the same."""


def _said(problem: Problem, flags: Mapping[str, str]) -> Problem:
    fix = problem.fix
    for key, flag in _FLAGS.items():
        fix = fix.replace(key, flag)
    return Problem(where=flags.get(problem.where, problem.where), what=problem.what, fix=fix, severity=problem.severity)


def _again(error: WeftError, problems: list[Problem]) -> WeftError:
    return type(error).of(problems) if isinstance(error, Refused) else IntentInvalid(problems)
