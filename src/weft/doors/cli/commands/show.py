"""`weft show`: tenants, networks and ports as they are on the machine, as a tree or a picture, once or live."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

import click

from weft.doors.cli.options import file_option, name_argument
from weft.doors.cli.terminal import is_colourful, say

if TYPE_CHECKING:
    from weft.picture.view import Condition, Topology

_COLOURS = {"up": "green", "no-carrier": "cyan", "changed": "magenta", "down": "yellow", "missing": "red"}

FORMS = ("tree", "json", "dot", "mermaid", "svg")


@click.command("show")
@name_argument
@file_option
@click.option("-o", "--output", type=click.Choice(["text", "json"]), help="For people or for programs.")
@click.option("--format", "form", type=click.Choice(FORMS), help="What to draw. [default: tree]")
@click.option(
    "--watch",
    "every_s",
    metavar="[SECONDS]",
    type=click.FloatRange(0.1, 86400),
    is_flag=False,
    flag_value=1.0,
    help="Look again every so often, 1 second unless given, and show rates; until interrupted. Stands after NAME.",
)
@click.option("--count", metavar="N", type=click.IntRange(min=1), help="With --watch: end after so many looks.")
def command(
    name: str | None, file: str | None, output: str | None, form: str | None, every_s: float | None, count: int | None
) -> None:
    """Show tenants, networks, ports, routers and links: addresses, what they carried, and whether they are as asked.

    States: up; no carrier: nobody at the other side, as of a tap that no machine has opened; changed: something of it
    is not as asked (weft status says what); down; missing.
    """
    from weft.doors.cli.intents import intent_of
    from weft.service import Service

    if output == "json" and form not in (None, "json"):
        raise click.UsageError(f"-o json and --format {form} are two different forms")
    if count and not every_s:
        raise click.UsageError("--count counts the looks of --watch")
    form = form or ("json" if output == "json" else "tree")
    service = Service(command="weft show")
    looks = service.looks(intent_of(service, name, file))
    if every_s is None:
        say(render(next(looks), form))
    else:
        _watch(_paced(looks, every_s, count), form)


def render(topology: Topology, form: str, *, compact: bool = False) -> str:
    """`compact`: JSON on one line."""
    if form == "json":
        import json
        from dataclasses import asdict

        return json.dumps(asdict(topology), indent=None if compact else 2)
    drawing = import_module(f"weft.picture.{form}")
    if form == "tree":
        return "\n".join(drawing.tree(topology, _paint))
    return str(getattr(drawing, form)(topology)).rstrip("\n")


def _watch(looks: Iterator[Topology], form: str) -> None:
    """On a terminal the tree stays in place, and its last state is left behind; elsewhere one look follows another, a
    line each in JSON."""
    try:
        if form == "tree" and is_colourful(sys.stdout):
            _live(looks)
            return
        for topology in looks:
            say(render(topology, form, compact=True))
            sys.stdout.flush()
    except KeyboardInterrupt:
        return


def _live(looks: Iterator[Topology]) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    shown = Text()
    console = Console(highlight=False)
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            for topology in looks:
                shown = Text.from_ansi(render(topology, "tree"), no_wrap=True, overflow="ellipsis")
                live.update(shown, refresh=True)
    finally:
        console.print(shown)


def _paced(looks: Iterator[Topology], every_s: float, count: int | None) -> Iterator[Topology]:
    """A look every so many seconds, counted from start to start; `count` of them, None for no end."""
    import time
    from itertools import repeat

    due = time.monotonic()
    for _ in repeat(None) if count is None else range(count):
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due, time.monotonic()) + every_s
        yield next(looks)


def _paint(text: str, condition: Condition) -> str:
    return click.style(text, fg=_COLOURS[condition.value])
