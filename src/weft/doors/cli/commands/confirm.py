"""`weft confirm`: what was applied on trial is kept."""

from __future__ import annotations

import click

from weft.doors.cli.options import name_argument, output_option, wait_option
from weft.doors.cli.terminal import say, say_json


@click.command("confirm")
@name_argument
@output_option
@wait_option
def command(name: str | None, output: str, wait_s: float) -> None:
    """Keep what `weft apply --confirm-within` made, of NAME or of the only name that waits.

    Exit 5 where nothing waits to be confirmed, or it was taken back already.
    """
    from weft.service import Service
    from weft.service.simple_qos import settle

    service = Service(command="weft confirm")
    scope = service.confirm(name, wait_s=wait_s)
    settle(service, scope)
    if output == "json":
        say_json({"scope": scope, "confirmed": True})
    else:
        say(f"{scope} is confirmed: it stays.")
