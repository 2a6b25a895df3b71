"""`weft qos`: a group; each of its commands is `qos_NAME.py`."""

from __future__ import annotations

import click

from weft.doors.cli.lazy import LazyGroup

COMMANDS = {
    "show": "Show who gets how much, what waits and what is lost; live with --watch.",
    "explain": "Say why it is as it is: from the policy's lines to each kernel object.",
    "set": "Give a link, or some of its traffic, a rate or a limit; without a file.",
    "clear": "Take away what `weft qos set` gave.",
    "advise": "Say which policy protects what must be protected, and why.",
}


@click.group("qos", cls=LazyGroup, listed=COMMANDS, modules="weft.doors.cli.commands.qos_")
def command() -> None:
    """Quality of service: who gets how much of a link, who goes first, and what a bad line does.

    What all can say stands in the file (docs/qos.md); `set` and `clear` do the simple thing without one.
    """
