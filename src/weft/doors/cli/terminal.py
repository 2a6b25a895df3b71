"""What people see and what programs read.

Rules: results go to stdout, warnings, questions and errors to stderr. Colours on a terminal only, and never with
NO_COLOR (https://no-color.org). rich is imported on a terminal only; elsewhere tables are plain columns. Whoever stops
reading (`| head -1`) decides nothing: the command goes on as it would, with its own exit code.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TextIO

import click

from weft.errors import Refused

Row = Sequence[str]
NO_PLACE = "weft: cannot write what there is to say"


class Unwritten(Refused):
    """A result has nowhere to go, as on a full disk."""


def open_what_is_closed() -> None:
    """stdout and stderr that somebody closed (`>&-`) take everything and say nothing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  (for as long as the process lives)


def is_colourful(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(text: str) -> bool:
    """A result, and whether anybody reads it. Styled text loses its colours where they do not belong. Raises:
    Unwritten."""
    return written(lambda: click.echo(text, color=is_colourful(sys.stdout)))


def written(write: Callable[[], None], failures: type[OSError] = OSError) -> bool:
    """Whether anybody reads what `write` writes to stdout. `failures`: which are those of stdout. Raises: Unwritten."""
    try:
        write()
    except failures as error:
        _say_no_more()
        if isinstance(error, BrokenPipeError):
            return False
        raise Unwritten(f"{NO_PLACE}: {error.strerror}") from error
    return True


def _say_no_more() -> None:
    """What is left in buffers goes nowhere: Python would fail once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def tell(text: str, colour: str | None = None) -> None:
    """Anything that is not the result. Where stderr is full or gone nobody can be told even that."""
    with suppress(OSError):
        click.echo(click.style(text, fg=colour) if colour else text, err=True, color=is_colourful(sys.stderr))


def say_json(document: Any) -> None:
    """Raises: Unwritten."""
    say(json.dumps(document, indent=2))


def say_table(head: Row, rows: Sequence[Row], colours: Mapping[str, str] | None = None) -> None:
    """`colours`: the colour of a cell by its text."""
    if sys.stdout.isatty():
        _say_rich_table(head, rows, colours or {})
    else:
        say("\n".join(plain_lines([head, *rows])))


WIDE = 100
"""The widest that a column is made for one of its cells: one of a chain's rules would push all others off the page."""


def plain_lines(rows: Sequence[Row]) -> list[str]:
    """Columns two blanks apart, nothing after the last. A cell wider than WIDE moves those behind it in its own row."""
    widths = [
        max((len(cell) for cell in column if len(cell) <= WIDE), default=WIDE) for column in zip(*rows, strict=True)
    ]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _say_rich_table(head: Row, rows: Sequence[Row], colours: Mapping[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in head:
        table.add_column(title, overflow="fold", min_width=len(title))
    for row in rows:
        table.add_row(*(Text(cell, style=colours.get(cell, "")) for cell in row))
    console = Console(no_color=not is_colourful(sys.stdout), highlight=False)
    least = sum(len(title) + 2 for title in head)  # narrower, the terminal breaks whole lines, not rich each cell
    console.width = max(console.width, least)
    console.print(table)
