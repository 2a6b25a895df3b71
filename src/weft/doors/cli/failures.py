"""What went wrong: for people as text on stderr, for programs as a JSON document on stdout, and its exit code."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import click

from weft.doors.cli.codes import BUG, INTERRUPTED
from weft.doors.cli.terminal import NO_PLACE, Unwritten, say_json, tell
from weft.errors import KernelRefused, NotPermitted, Problem, RolledBack, WeftError

_PLACE = re.compile(r"(?P<file>.+):(?P<line>\d+):(?P<column>\d+)")
_OUTPUT = frozenset({"-o", "--output", "--format"})


def report(failure: BaseException, *, as_json: bool = False) -> int:
    """Say what went wrong; the exit code for it. Raises: what is no failure of a command (SystemExit)."""
    told = _told(failure)
    if told is None:
        raise failure
    code, text = told
    if as_json and not isinstance(failure, Unwritten) and _is_said(document(failure, code, text)):
        return code
    if isinstance(failure, click.ClickException):
        failure.show()
    else:
        tell(text, None if code == INTERRUPTED else "red")
    return code


def _is_said(document: dict[str, Any]) -> bool:
    """False where there is no place for it."""
    try:
        say_json(document)
    except Unwritten:
        return False
    return True


def wants_json(words: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, also one that is too wrong for click to read."""
    if "exec" in words:
        return False  # its words are another command's
    apart = any(option in _OUTPUT and value == "json" for option, value in pairwise(words))
    return apart or not {"-ojson", *(f"{option}=json" for option in _OUTPUT)}.isdisjoint(words)


def document(failure: BaseException, code: int, text: str) -> dict[str, Any]:
    """`problems`: each with `file`, `line` and `column` where it has a place in a file, else with `where`."""
    problems = failure.problems if isinstance(failure, WeftError) else ()
    return {
        "error": type(failure).__name__,
        "exit": code,
        "retry": isinstance(failure, WeftError) and failure.retry,
        "what": text,
        "problems": [_problem(problem) for problem in problems or (Problem(where=_where(failure), what=text),)],
    }


def _told(failure: BaseException) -> tuple[int, str] | None:
    """The exit code and what to say; None for what is no failure of a command."""
    match failure:
        case click.ClickException():
            return failure.exit_code, failure.format_message()
        case click.Abort():
            return INTERRUPTED, "weft: interrupted"
        case WeftError():
            return failure.exit_code, str(failure)
        case PermissionError():
            return NotPermitted.exit_code, f"weft: {failure.filename}: {failure.strerror}; weft runs as root"
        case OSError(errno=errno.ENOSPC, filename=None):  # help, which click prints
            return Unwritten.exit_code, f"{NO_PLACE}: {failure.strerror}"
        case Exception():
            return BUG, f"weft: a bug: {type(failure).__name__}: {failure}; `weft --debug ...` shows where"
    return None


def _where(failure: BaseException) -> str:
    return failure.where if isinstance(failure, KernelRefused | RolledBack) else ""


def _problem(problem: Problem) -> dict[str, Any]:
    place = _PLACE.fullmatch(problem.where)
    return {
        "where": problem.where,
        "file": place["file"] if place else None,
        "line": int(place["line"]) if place else None,
        "column": int(place["column"]) if place else None,
        "what": problem.what,
        "fix": problem.fix,
    }
