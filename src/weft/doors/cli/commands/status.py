"""`weft status`: what on the machine is not as it was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.doors.cli.codes import DIFFERENCES
from weft.doors.cli.options import file_option, name_argument, output_option
from weft.doors.cli.terminal import say, say_json, say_table
from weft.plan.render import objects

if TYPE_CHECKING:
    from weft.service import Status

_COLOURS = {"missing": "red", "changed": "yellow", "extra": "magenta", "foreign": "cyan"}


@click.command("status")
@name_argument
@file_option
@output_option
def command(name: str | None, file: str | None, output: str) -> int:
    """Compare the machine with the file, or with what was last applied as NAME. Exit 3 where they differ.

    missing: wanted and not there. changed: there, but other than wanted. extra: weft's own, but no longer wanted.
    foreign: somebody else's, in the way or on weft's links.
    """
    from weft.doors.cli.intents import intent_of
    from weft.service import Service

    service = Service(command="weft status")
    status = service.status(intent_of(service, name, file))
    if output == "json":
        say_json(_document(status))
    else:
        _print(status)
    return 0 if status.clean else DIFFERENCES


def _print(status: Status) -> None:
    if status.unfinished:
        say(f"An apply of {status.scope} was cut short: `weft recover` leads it to its end.")
    if status.unconfirmed_s is not None:
        say(
            f"{status.scope} is on trial: `weft confirm {status.scope}` keeps it, else it is taken back in "
            f"{status.unconfirmed_s:.0f} s."
        )
    if status.adopted:
        say(f"Adopted, to be given up as they are: {', '.join(map(str, status.adopted))}.")
    if status.differences:
        rows = [(d.drift.value, ".".join(d.subject), d.where, d.told) for d in status.differences]
        say_table(("DRIFT", "OBJECT", "LINE", "WHAT"), rows, _COLOURS)
    elif not status.unfinished:
        say(f"{status.scope} is as asked: {objects(status.objects)}.")


def _document(status: Status) -> dict[str, Any]:
    return {
        "scope": status.scope,
        "clean": status.clean,
        "unfinished": status.unfinished,
        "unconfirmed_s": status.unconfirmed_s,
        "objects": status.objects,
        "adopted": [{"table": key.table, "netns": key.netns, "name": key.name} for key in status.adopted],
        "differences": [
            {
                "drift": d.drift.value,
                "table": d.key.table,
                "netns": d.key.netns,
                "name": d.key.name,
                "subject": ".".join(d.subject),
                "told": d.told,
                "where": d.where,
            }
            for d in status.differences
        ],
    }
