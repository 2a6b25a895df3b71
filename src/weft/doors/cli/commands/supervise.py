"""`weft supervise`: the programs that weft keeps running, each seen to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.doors.cli.codes import DIFFERENCES
from weft.doors.cli.options import output_option
from weft.doors.cli.terminal import say, say_json, say_table

if TYPE_CHECKING:
    from weft.service import Program


@click.command("supervise")
@output_option
def command(output: str) -> int:
    """Keep the programs running that were applied here, and list them.

    Whoever applies starts their supervisor, and it starts each again when that ends. This is for when the supervisor
    itself has come to its end, which ends all of them: `weft apply` does the same. Where systemd runs each is a unit of
    its own. Exit: 3 where one of them does not run.
    """
    from dataclasses import asdict

    from weft.service import Service

    programs = Service(command="weft supervise").supervise()
    if output == "json":
        say_json([asdict(program) for program in programs])
    elif programs:
        rows = [(one.scope, one.name, one.netns or "-", str(one.pid or "-"), _state(one)) for one in programs]
        say_table(("SCOPE", "PROGRAM", "NAMESPACE", "PID", "STATE"), rows, {"runs": "green"})
    else:
        say("No program is to be kept running.")
    return DIFFERENCES if any(one.pid is None for one in programs) else 0


def _state(program: Program) -> str:
    return "runs" if program.pid is not None else program.died or "does not run"
