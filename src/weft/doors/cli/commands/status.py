"""`weft status`: what on the machine is not as it was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from weft.doors.cli.codes import DIFFERENCES
from weft.doors.cli.options import file_option, name_argument, output_option
from weft.doors.cli.terminal import say, say_json, say_table
from weft.plan.render import FEW, objects
from weft.service.status import Difference, Drift

if TYPE_CHECKING:
    from weft.service import Status

_WHOLE = (Drift.MISSING, Drift.EXTRA)
_COLOURS = {"missing": "red", "changed": "yellow", "extra": "magenta", "foreign": "cyan"}


@click.command("status")
@name_argument
@file_option
@click.option("--all", "everything", is_flag=True, help="List every kernel object that differs.")
@output_option
def command(name: str | None, file: str | None, everything: bool, output: str) -> int:
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
        _print(status, everything)
    return 0 if status.clean else DIFFERENCES


def _print(status: Status, everything: bool) -> None:
    if status.unfinished:
        say(f"An apply of {status.scope} was cut short: `weft recover` leads it to its end.")
    if status.unconfirmed_s == 0:
        say(f"{status.scope} was not confirmed in time: `weft recover` takes it back.")
    elif status.unconfirmed_s is not None:
        say(
            f"{status.scope} is on trial: `weft confirm {status.scope}` keeps it, else it is taken back in "
            f"{status.unconfirmed_s:.0f} s."
        )
    if status.adopted:
        say(f"Adopted, to be given up as they are: {', '.join(map(str, status.adopted))}.")
    if status.differences:
        is_long = len(status.differences) > FEW and not everything
        rows = _by_object(status.differences) if is_long else [(*_at(d), d.told) for d in status.differences]
        say_table(("DRIFT", "OBJECT", "LINE", "WHAT"), rows, _COLOURS)
        if is_long:
            say("`weft status --all` lists every kernel object.")
    elif not status.unfinished:
        say(f"{status.scope} is as asked: {objects(status.objects)}.")


def _at(difference: Difference) -> tuple[str, str, str]:
    return difference.drift.value, ".".join(difference.subject), difference.where


def _by_object(differences: Sequence[Difference]) -> list[tuple[str, str, str, str]]:
    """What is missing or extra as a number for each object of the file; all else line by line."""
    counted = Counter(_at(d) for d in differences if d.drift in _WHOLE)
    rows = dict.fromkeys((*_at(d), _lot(d, counted[_at(d)])) for d in differences)
    return list(rows)


def _lot(difference: Difference, number: int) -> str:
    return objects(number) if number > 1 else difference.told


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
