"""What people see and what programs read.

Rules: results go to stdout, warnings, questions and errors to stderr. Colours on a terminal only, and never with
NO_COLOR (https://no-color.org). rich is imported on a terminal only; elsewhere tables are plain columns.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click

Row = Sequence[str]


def is_colourful(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """A result. Styled text loses its colours where they do not belong."""
    click.echo(text, color=is_colourful(sys.stdout))


def tell(text: str, colour: str | None = None) -> None:
    """Anything that is not the result."""
    click.echo(click.style(text, fg=colour) if colour else text, err=True, color=is_colourful(sys.stderr))


def say_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2))


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
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=colours.get(cell, "")) for cell in row))
    Console(no_color=not is_colourful(sys.stdout), highlight=False).print(table)
