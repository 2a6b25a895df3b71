"""`weft apply`: the whole road, after the plan was shown and agreed to."""

from __future__ import annotations

from pathlib import Path

import click

from weft.doors.cli.options import (
    all_option,
    confirm_options,
    file_option,
    output_option,
    read_file,
    wait_option,
    yes_option,
)


@click.command("apply")
@click.argument("plan", required=False, type=click.Path(dir_okay=False), metavar="[PLAN]")
@file_option
@output_option
@all_option
@yes_option
@wait_option
@confirm_options
def command(
    plan: str | None,
    file: str | None,
    output: str,
    everything: bool,
    yes: bool,
    wait_s: float,
    confirm_within_s: float | None,
    no_confirm: bool,
) -> None:
    """Make the machine as the file says, or leave it as it was.

    PLAN is a file that `weft plan --out` saved; it is refused when the machine has changed since.
    """
    from weft.doors.cli.consent import Consent
    from weft.doors.cli.operator import demand_way_back
    from weft.doors.cli.progress import Bar
    from weft.doors.cli.transaction import carry_out
    from weft.service import Prepared, Service, saved

    if plan and file:
        raise click.UsageError("a saved plan has its file within: give PLAN or -f, not both")
    loaded, digest = saved.load(Path(plan)) if plan else (read_file(file), None)
    scope = loaded.intent.name

    def check(prepared: Prepared) -> None:
        if digest is not None:
            saved.demand_same(prepared, digest)

    service = Service(command="weft apply")
    consent = Consent(
        question=f"Apply this to {scope}?",
        yes=yes,
        everything=everything,
        quiet=output == "json",
        bar=Bar(f"Applying {scope}"),
        check=check,
        demand=(lambda _: None) if confirm_within_s or no_confirm else demand_way_back,
    )
    carry_out(
        service,
        scope,
        lambda agree, progress: service.apply(
            loaded, agree, wait_s=wait_s, progress=progress, confirm_within_s=confirm_within_s
        ),
        consent,
        "Applied",
    )
