"""From texts to an intent: gather, shape, build, check; every problem of every stage in one error."""

from __future__ import annotations

from collections.abc import Mapping

from weft.errors import IntentInvalid, Problem
from weft.files.adapter import build
from weft.files.include import Disk, Gathering, Kept, Source
from weft.files.nodes import Origins
from weft.files.references import references
from weft.files.shape import Shaper, plain
from weft.model.former import as_named
from weft.model.intent import Intent
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """`text`: every file that was read, by name, the one that was asked for first."""

    intent: Intent
    origins: Origins
    warnings: tuple[Problem, ...] = ()
    text: Mapping[str, str]


def load(path: str) -> Loaded:
    """Read a file and what it includes.

    Raises: IntentInvalid with all problems.
    """
    return _load(Disk(), path)


def load_text(name: str, text: str) -> Loaded:
    """Read a text as if it were a file of that name. It can include nothing: there is no other file.

    Raises: IntentInvalid with all problems.
    """
    return _load(Kept.of({name: text}), name)


def loads_stored(texts: Mapping[str, str]) -> Loaded:
    """Read again what an earlier `Loaded.text` kept.

    Raises: IntentInvalid with all problems.
    """
    return _load(Kept.of(texts), next(iter(texts), "weft.yaml"))


def _load(source: Source, path: str) -> Loaded:
    gathering = Gathering(source)
    root = gathering.gather(path)
    if root is None:
        raise IntentInvalid(_in_order(gathering.problems))
    shaper = Shaper(gathering.problems)
    shaped = shaper.intent(root)
    origins = Origins(shaped)
    data = plain(shaped, gathering.problems)
    intent, wrong = build(data, origins, shaper.spoken)
    dangling = references(data, origins)
    said = {problem.where for problem in dangling}  # a reference to nothing need not be well formed too
    problems = [*gathering.problems, *dangling, *(problem for problem in wrong if problem.where not in said)]
    if intent is None or problems:
        raise IntentInvalid(_in_order(problems))
    return Loaded(intent=as_named(intent), origins=origins, warnings=tuple(gathering.warnings), text=gathering.texts)


def _in_order(problems: list[Problem]) -> list[Problem]:
    """By file, line and column, each once: what a range or a default gets wrong, it gets wrong for many."""
    return sorted(dict.fromkeys(problems), key=_position)


def _position(problem: Problem) -> tuple[str, int, int]:
    file, _, column = problem.where.rpartition(":")
    file, _, line = file.rpartition(":")
    return (file, int(line), int(column)) if line.isdecimal() and column.isdecimal() else (problem.where, 0, 0)
