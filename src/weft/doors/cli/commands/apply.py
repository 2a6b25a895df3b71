"""`weft apply`: the whole road, after the plan was shown and agreed to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.doors.cli.options import Manner, file_option, read_file, transaction_options

if TYPE_CHECKING:
    from weft.errors import Problem
    from weft.service.boot import Restored


@click.command("apply")
@click.argument("plan", required=False, type=click.Path(dir_okay=False), metavar="[PLAN]")
@file_option
@transaction_options
@click.option("--boot", is_flag=True, help="Apply again all that was applied here before, by name; asks nothing.")
def command(plan: str | None, file: str | None, boot: bool, **options: Any) -> int:
    """Make the machine as the file says, or leave it as it was.

    PLAN is a file that `weft plan --out` saved; it is refused when the machine has changed since. With --boot, --wait
    is how long links that are not there yet are waited for, too.
    """
    manner = Manner(**options)
    if boot:
        if plan or file or manner.confirm_within_s:
            raise click.UsageError("--boot takes what was kept: neither PLAN nor -f nor --confirm-within")
        return _boot(manner.output, manner.wait_s)
    from weft.doors.cli.transaction import APPLY, carry_out
    from weft.service import Prepared, Service, saved

    if plan and file:
        raise click.UsageError("a saved plan has its file within: give PLAN or -f, not both")
    loaded, digest = saved.load(Path(plan)) if plan else (read_file(file), None)

    def check(prepared: Prepared) -> None:
        if digest is not None:
            saved.demand_same(prepared, digest)

    service = Service(command="weft apply")
    carry_out(service, loaded.intent.name, partial(service.apply, loaded), APPLY, manner, check)
    return 0


def _boot(output: str, wait_s: float) -> int:
    """The exit code of the first that failed."""
    from weft.doors.cli.terminal import say, say_json, tell
    from weft.plan.render import objects
    from weft.service import Service
    from weft.service.boot import restore

    def waits(scope: str, what: str) -> None:
        tell(f"weft: {scope}: {what}", "yellow")

    done: list[Restored] = []
    for one in restore(Service(command="weft apply --boot"), wait_s, waits):
        done.append(one)
        if output != "json" and one.failure is None:
            say(f"{one.scope} is there{_but_for(one.lacking)}: {objects(one.objects)}.")
        elif output != "json":
            tell(f"weft: {one.scope} could not be restored: {one.failure}", "red")
    if output == "json":
        say_json([_document(one) for one in done])
    elif not done:
        say("Nothing was applied here.")
    return next((one.exit_code for one in done if one.exit_code), 0)


def _but_for(lacking: Sequence[Problem]) -> str:
    """What of a scope is not there, on stderr; and the words that say so."""
    from weft.doors.cli.plans import warn

    warn(lacking)
    return ", but for what stands on links that are not there, down or in other use" if lacking else ""


def _document(one: Restored) -> dict[str, Any]:
    """For programs."""
    return {
        "scope": one.scope,
        "failure": str(one.failure) if one.failure else None,
        "lacking": [{"where": problem.where, "what": problem.what, "fix": problem.fix} for problem in one.lacking],
    }
