"""`weft qos clear`: what `weft qos set` gave is taken away."""

from __future__ import annotations

from typing import Any

import click

from weft.doors.cli.commands.qos_set import link_names
from weft.doors.cli.options import Manner, transaction_options
from weft.files.qos_file import DIRECTIONS, Direction


@click.command("clear")
@click.argument("link", shell_complete=link_names)
@click.option("--class", "name", metavar="NAME", help="Only this class; the others stay as they are.")
@click.option("--direction", type=click.Choice(DIRECTIONS), help="Only what LINK sends, or receives. [default: both]")
@transaction_options
def command(link: str, name: str | None, direction: Direction | None, **options: Any) -> None:
    """Take away what `weft qos set` gave LINK, and its file; what was there before comes back."""
    from weft.doors.cli.qos_transaction import carry_out_clear

    carry_out_clear(link, name, direction, Manner(**options))
