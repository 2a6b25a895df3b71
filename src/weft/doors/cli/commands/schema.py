"""`weft schema`: for editors, and for whoever writes files by program."""

from __future__ import annotations

import click

from weft.doors.cli.terminal import say_json


@click.command("schema")
def command() -> None:
    """Print the JSON Schema (draft 2020-12) of the file."""
    from weft.files import schema

    say_json(schema())
