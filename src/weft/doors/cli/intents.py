"""Which intent a command is about, where it may be a file or something that was applied."""

from __future__ import annotations

from collections.abc import Sequence

import click

from weft.doors.cli.options import HERE, read_file
from weft.files import Loaded
from weft.service import Service


def intent_of(service: Service, name: str | None, file: str | None) -> Loaded:
    """NAME as it was last applied, else the file; where neither is given nor there, the only one applied.

    Raises: IntentInvalid, Refused where nothing of that name was applied.
    """
    if name and file:
        raise click.UsageError("give NAME or -f, not both")
    if name:
        return service.kept(name)
    if not file and not HERE.exists():
        applied = service.all_kept()
        if len(applied) == 1:
            return applied[0]
    return read_file(file)


def intents_of(service: Service, name: str | None, file: str | None) -> Sequence[Loaded]:
    """NAME as it was last applied, or the file; where neither is given, all that is applied.

    Raises: IntentInvalid, Refused where nothing of that name was applied.
    """
    if name and file:
        raise click.UsageError("give --scope or -f, not both")
    if name:
        return [service.kept(name)]
    return [read_file(file)] if file else service.all_kept()
