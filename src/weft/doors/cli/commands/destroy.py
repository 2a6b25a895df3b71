"""`weft destroy`: everything of one name away again, former values back."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from weft.doors.cli.options import Manner, file_option, name_argument, read_file, transaction_options


@click.command("destroy")
@name_argument
@file_option
@transaction_options
def command(name: str | None, file: str | None, **options: Any) -> None:
    """Take everything of one name away again and put former values back.

    NAME needs no file; without one it is the name in the file. `weft list` says what is here.
    """
    from weft.doors.cli.terminal import tell
    from weft.doors.cli.transaction import DESTROY, carry_out
    from weft.service import Service
    from weft.service.simple_qos import still_said

    if name and file:
        raise click.UsageError("give NAME or -f, not both")
    scope = name or read_file(file).intent.name
    service = Service(command="weft destroy")
    manner = Manner(**options)
    carry_out(service, scope, partial(service.destroy, scope), DESTROY, manner)
    if manner.output != "json" and (kept := still_said(scope)):
        tell(f"{kept} stays, and the next `weft qos set` goes on from it; `weft qos clear LINK` takes it away too.")
