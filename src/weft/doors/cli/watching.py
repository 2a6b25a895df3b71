"""Looking again and again: the pace, and how one look takes the place of the last."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from weft.doors.cli.terminal import is_colourful, say

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Look = TypeVar("_Look")

_FOR_PEOPLE = ("text", "tree")


def watch_options(command: _Command) -> _Command:
    """`every_s` and `count`."""
    watch = click.option(
        "--watch",
        "every_s",
        metavar="[SECONDS]",
        type=click.FloatRange(0.1, 86400),
        is_flag=False,
        flag_value=1.0,
        help="Look again every so often, 1 second unless given, and show rates; until interrupted. Stands last.",
    )
    count = click.option("--count", metavar="N", type=click.IntRange(min=1), help="With --watch: end after N looks.")
    return watch(count(command))


def demand_a_watch(every_s: float | None, count: int | None) -> None:
    """Raises: click.UsageError."""
    if count and not every_s:
        raise click.UsageError("--count counts the looks of --watch")


def tell(
    looks: Iterator[_Look], draw: Callable[[_Look, str], str], form: str, every_s: float | None, count: int | None
) -> None:
    """One look, or with `every_s` one after another: as JSON, of several one a line, else as `draw(look, form)` has it.
    What is for people takes the place of what was told before."""
    if every_s is None:
        say(_json(next(looks), indent=2) if form == "json" else draw(next(looks), form))
        return
    texts = (_json(look) if form == "json" else draw(look, form) for look in paced(looks, every_s, count))
    watch(texts, in_place=form in _FOR_PEOPLE)


def _json(look: Any, indent: int | None = None) -> str:
    """`look`: a view, or several."""
    import json
    from dataclasses import asdict

    return json.dumps([asdict(view) for view in look] if isinstance(look, list) else asdict(look), indent=indent)


def paced(looks: Iterator[_Look], every_s: float, count: int | None) -> Iterator[_Look]:
    """A look every so many seconds, counted from start to start; `count` of them, None for no end."""
    import time
    from itertools import repeat

    due = time.monotonic()
    for _ in repeat(None) if count is None else range(count):
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due, time.monotonic()) + every_s
        yield next(looks)


def watch(texts: Iterator[str], *, in_place: bool) -> None:
    """Until they end, somebody interrupts, or nobody reads on. `in_place`: on a terminal one text takes the place of
    the other, and the last is left behind; else, and elsewhere, one follows another."""
    try:
        if in_place and is_colourful(sys.stdout):
            _live(texts)
            return
        for text in texts:
            if not say(text):
                return
    except KeyboardInterrupt:
        return


def _live(texts: Iterator[str]) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    shown = Text()
    console = Console(highlight=False)
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            for text in texts:
                shown = Text.from_ansi(text, no_wrap=True, overflow="ellipsis")
                live.update(shown, refresh=True)
    finally:
        console.print(shown)
