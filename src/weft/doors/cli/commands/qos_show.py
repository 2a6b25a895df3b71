"""`weft qos show`: classes, with what they may and what they do, once or live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from weft.doors.cli.commands.qos_set import link_names
from weft.doors.cli.options import file_option, output_option, port_names, scope_names
from weft.doors.cli.terminal import tell as complain
from weft.doors.cli.watching import demand_a_watch, tell, watch_options

if TYPE_CHECKING:
    from weft.errors import WeftError
    from weft.picture.queues import TreeView


def carrier_names(ctx: click.Context, param: click.Parameter, start: str) -> list[str]:
    """Ports that are applied, and links of the host."""
    return [*port_names(ctx, param, start), *link_names(ctx, param, start)]


@click.command("show")
@click.argument("name", metavar="[LINK|PORT]", required=False, shell_complete=carrier_names)
@file_option
@click.option("--scope", metavar="NAME", shell_complete=scope_names, help="Only of what was applied as NAME.")
@output_option
@watch_options
def command(
    name: str | None, file: str | None, scope: str | None, output: str, every_s: float | None, count: int | None
) -> int:
    """Show who gets how much: classes with guarantee and limit, what they borrowed, what waits, was dropped, delayed.

    PORT is TENANT/PORT or PORT, LINK a link of the host. Without a name all that is applied, and what others have put
    at the host's links. SENT counts frames as HTB does; with --watch it is the rate between two looks. DELAY is
    measured where the queue is fq_codel, else (~) estimated from what waits. What is applied and cannot be shown, as
    where its link is gone, is named last, with its exit code.
    """
    from weft.doors.cli.intents import intents_of
    from weft.service import Service
    from weft.service.qos import looks

    demand_a_watch(every_s, count)
    service = Service(command="weft qos show")
    missed: list[WeftError] = []
    tell(looks(service, intents_of(service, scope, file), name, missed), draw, output, every_s, count)
    for error in missed:
        complain(str(error), "red")
    return max((error.exit_code for error in missed), default=0)


def draw(trees: Sequence[TreeView], form: str) -> str:
    from weft.doors.cli.qos_text import text

    return text(trees) if trees else "Nothing is shaped here."
