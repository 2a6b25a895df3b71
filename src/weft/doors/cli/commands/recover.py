"""`weft recover`: whatever was cut short is led to one of its two ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.doors.cli.options import name_argument, output_option, wait_option
from weft.doors.cli.terminal import say, say_json

if TYPE_CHECKING:
    from weft.service import Recovered

_TOLD = {
    "finished": "finished, as was wanted",
    "undone": "undone, all is as it was before",
    "taken back": "taken back, nobody confirmed it in time; all is as it was before",
}


@click.command("recover")
@name_argument
@output_option
@wait_option
def command(name: str | None, output: str, wait_s: float) -> None:
    """Finish or undo what was cut short, of NAME or of all: by a kill, or a crash of weft itself.

    Before its commit an apply is led back to what was there, after it on to what was wanted. What nobody confirmed in
    time is taken back. Every apply does this for its own name first. One name that cannot be led on stops no other.
    """
    from weft.service import Service

    done = []
    for one in Service(command="weft recover").recovering(name, wait_s=wait_s):
        done.append(one)
        if output != "json":
            say(f"{one.scope}: {_TOLD[_end(one)]}{_but(one)}")
    if output == "json":
        say_json([{"scope": one.scope, "end": _end(one), "lost": list(one.lost)} for one in done])
    elif not done:
        say("Nothing to recover.")


def _end(one: Recovered) -> str:
    if one.taken_back:
        return "taken back"
    return "finished" if one.forward else "undone"


def _but(one: Recovered) -> str:
    return f"; but for what was in or on {', '.join(one.lost)}, which went meanwhile" if one.lost else ""
