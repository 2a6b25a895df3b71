"""`weft recover`: whatever was cut short is led to one of its two ends."""

from __future__ import annotations

import click

from weft.doors.cli.options import name_argument, output_option, wait_option
from weft.doors.cli.terminal import say, say_json


@click.command("recover")
@name_argument
@output_option
@wait_option
def command(name: str | None, output: str, wait_s: float) -> None:
    """Finish or undo what was cut short, of NAME or of all: by a kill, or a crash of weft itself.

    Before its commit an apply is led back to what was there, after it on to what was wanted. Every apply does this for
    its own name first.
    """
    from weft.service import Service

    done = Service(command="weft recover").recover(name, wait_s=wait_s)
    if output == "json":
        say_json([{"scope": one.scope, "end": "finished" if one.forward else "undone"} for one in done])
        return
    for one in done:
        say(f"{one.scope}: " + ("finished, as was wanted" if one.forward else "undone, all is as it was before"))
    if not done:
        say("Nothing to recover.")
