"""`weft show`: tenants, networks and ports as they are on the machine, as a tree or a picture, once or live."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from weft.doors.cli.options import file_option, name_argument
from weft.doors.cli.watching import demand_a_watch, tell, watch_options

if TYPE_CHECKING:
    from weft.picture.view import Condition, Topology

_COLOURS = {"up": "green", "no-carrier": "cyan", "changed": "magenta", "down": "yellow", "missing": "red"}

FORMS = ("tree", "json", "dot", "mermaid", "svg")


@click.command("show")
@name_argument
@file_option
@click.option("-o", "--output", type=click.Choice(["text", "json"]), help="For people or for programs.")
@click.option("--format", "form", type=click.Choice(FORMS), help="What to draw. [default: tree]")
@watch_options
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
    demand_a_watch(every_s, count)
    form = form or ("json" if output == "json" else "tree")
    service = Service(command="weft show")
    tell(service.looks(intent_of(service, name, file)), draw, form, every_s, count)


def draw(topology: Topology, form: str) -> str:
    drawing = import_module(f"weft.picture.{form}")
    if form == "tree":
        return "\n".join(drawing.tree(topology, _paint))
    return str(getattr(drawing, form)(topology)).rstrip("\n")


def _paint(text: str, condition: Condition) -> str:
    return click.style(text, fg=_COLOURS[condition.value])
