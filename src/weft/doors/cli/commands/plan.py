"""`weft plan`: what apply would do, and who would notice. Changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.doors.cli.codes import DIFFERENCES
from weft.doors.cli.options import all_option, file_option, read_file
from weft.doors.cli.terminal import say, say_json, tell
from weft.errors import IntentInvalid, Problem

if TYPE_CHECKING:
    from weft.service import Prepared


@click.command("plan")
@file_option
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False), help="Save the plan, for `weft apply FILE`.")
@click.option(
    "-o",
    "--output",
    "--format",
    "form",
    type=click.Choice(["text", "json", "script"]),
    default="text",
    help="For people, for programs, or as the ip, nft and sysctl commands that do the same.",
)
@all_option
def command(file: str | None, out: str | None, form: str, everything: bool) -> int:
    """Show what apply would change, and which ports would lose connectivity for how long. Exit 3 if anything."""
    from weft.doors.cli.plans import document, show, warn
    from weft.plan import render
    from weft.service import Service

    service = Service(command="weft plan")
    prepared = service.prepare(read_file(file))
    warn(prepared.warnings)
    if service.is_unfinished(prepared.scope):
        tell(
            f"weft: an apply of {prepared.scope} was cut short; `weft recover` first, this plan starts half-way", "red"
        )
    if form == "json":
        prepared.demand_no_foreign()  # one document: the plan, or what is in its way
        say_json(document(prepared))
    elif form == "script":
        say(render.script(prepared.told).rstrip("\n"))
    else:
        say(show(prepared, everything))
    prepared.demand_no_foreign()
    if out:
        _save(prepared, out)
    return DIFFERENCES if prepared.plan else 0


def _save(prepared: Prepared, out: str) -> None:
    from weft.service import saved

    try:
        saved.save(prepared, Path(out))
    except OSError as error:
        raise IntentInvalid([Problem(where=out, what=error.strerror or str(error))]) from error
    tell(f"Saved {out}; good for `weft apply {out}` while the machine stays as it is")
