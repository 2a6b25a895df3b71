"""What the doctor says of one thing."""

from __future__ import annotations

from typing import Literal

from weft.records import dataclass

Level = Literal["error", "warning", "note", "ok"]
ORDER: tuple[Level, ...] = ("error", "warning", "note", "ok")
"""The worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`what` is there, `why` it matters, what would `mend` it ("" where nothing is to be done), `command`: shell that
    does so, "" where none can. `where`: the lines of files, `file:line:column`, that need it otherwise."""

    level: Level
    what: str
    why: str = ""
    mend: str = ""
    command: str = ""
    where: tuple[str, ...] = ()


def ok(what: str, why: str = "") -> Finding:
    """What is well is said too, so that silence never has to be read as health."""
    return Finding(level="ok", what=what, why=why)
