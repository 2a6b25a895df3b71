"""`weft destroy`: everything of one name away again, former values back."""

from __future__ import annotations

import click

from weft.doors.cli.options import (
    all_option,
    confirm_options,
    file_option,
    name_argument,
    output_option,
    read_file,
    wait_option,
    yes_option,
)


@click.command("destroy")
@name_argument
@file_option
@output_option
@all_option
@yes_option
@wait_option
@confirm_options
def command(
    name: str | None,
    file: str | None,
    output: str,
    everything: bool,
    yes: bool,
    wait_s: float,
    confirm_within_s: float | None,
    no_confirm: bool,
) -> None:
    """Take everything of one name away again and put former values back.

    NAME needs no file; without one it is the name in the file. `weft list` says what is here.
    """
    from weft.doors.cli.consent import Consent
    from weft.doors.cli.operator import demand_way_back
    from weft.doors.cli.progress import Bar
    from weft.doors.cli.transaction import carry_out
    from weft.service import Service

    if name and file:
        raise click.UsageError("give NAME or -f, not both")
    scope = name or read_file(file).intent.name
    service = Service(command="weft destroy")
    consent = Consent(
        question=f"Destroy {scope}?",
        yes=yes,
        everything=everything,
        quiet=output == "json",
        bar=Bar(f"Destroying {scope}"),
        demand=(lambda _: None) if confirm_within_s or no_confirm else demand_way_back,
    )
    carry_out(
        service,
        scope,
        lambda agree, progress: service.destroy(
            scope, agree, wait_s=wait_s, progress=progress, confirm_within_s=confirm_within_s
        ),
        consent,
        "Destroyed",
    )
