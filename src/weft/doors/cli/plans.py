"""A plan, and the warnings beside it, on the way to people and programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from weft.doors.cli.terminal import tell
from weft.errors import Problem
from weft.plan import render
from weft.service import Prepared
from weft.state import Op

_COLOURS = {
    render.SIGNS[Op.CREATE]: "green",
    render.SIGNS[Op.UPDATE]: "yellow",
    render.SIGNS[Op.REPLACE]: "magenta",
    render.SIGNS[Op.DELETE]: "red",
}


def warn(warnings: Iterable[Problem]) -> None:
    for problem in warnings:
        fix = f"; {problem.fix}" if problem.fix else ""
        tell(f"{problem.where}: warning: {problem.what}{fix}", "yellow")


def show(prepared: Prepared, everything: bool) -> str:
    """The plan for people, each line in the colour of its sign. `everything`: a long one too."""
    if not prepared.plan and prepared.loaded is None:
        return f"Nothing of {prepared.scope} is on the machine any more."
    shown = None if everything else render.SHOWN
    text = render.text(prepared.told, prepared.paths, prepared.where, shown, is_refused=prepared.is_refused)
    return "\n".join(map(_coloured, text.splitlines()))


def _coloured(line: str) -> str:
    colour = _COLOURS.get(line.lstrip()[:1])
    return click.style(line, fg=colour) if colour else line


def document(prepared: Prepared) -> dict[str, Any]:
    """The plan for programs."""
    return {
        "scope": prepared.scope,
        **render.document(prepared.told, prepared.paths, prepared.where),
        "warnings": [{"where": p.where, "what": p.what, "fix": p.fix} for p in prepared.warnings],
    }
