"""`weft apply`: the whole road, after the plan was shown and agreed to."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from weft.doors.cli.options import Manner, file_option, read_file, transaction_options


@click.command("apply")
@click.argument("plan", required=False, type=click.Path(dir_okay=False), metavar="[PLAN]")
@file_option
@transaction_options
def command(plan: str | None, file: str | None, **options: Any) -> None:
    """Make the machine as the file says, or leave it as it was.

    PLAN is a file that `weft plan --out` saved; it is refused when the machine has changed since.
    """
    from weft.doors.cli.transaction import APPLY, carry_out
    from weft.service import Prepared, Service, saved

    if plan and file:
        raise click.UsageError("a saved plan has its file within: give PLAN or -f, not both")
    loaded, digest = saved.load(Path(plan)) if plan else (read_file(file), None)

    def check(prepared: Prepared) -> None:
        if digest is not None:
            saved.demand_same(prepared, digest)

    service = Service(command="weft apply")
    carry_out(service, loaded.intent.name, partial(service.apply, loaded), APPLY, Manner(**options), check)
