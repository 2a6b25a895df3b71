"""`weft init`: a first file, so that nobody starts from an empty one."""

from __future__ import annotations

from pathlib import Path

import click

from weft.doors.cli.options import HERE
from weft.doors.cli.terminal import tell
from weft.errors import IntentInvalid, Problem


@click.command("init")
@click.argument("name", default="first")
@click.option("-f", "--file", default=str(HERE), show_default=True, type=click.Path(dir_okay=False), metavar="FILE")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(name: str, file: str, force: bool) -> None:
    """Write a first file, with comments. NAME is the scope: what apply and destroy touch bears it."""
    from weft.files import load_text, template

    text = template(name)
    load_text(file, text)
    path = Path(file)
    try:
        with path.open("w" if force else "x") as new:
            new.write(text)
    except FileExistsError:
        raise IntentInvalid([Problem(where=file, what="is there already", fix="--force writes over it")]) from None
    except OSError as error:
        raise IntentInvalid([Problem(where=file, what=error.strerror or str(error))]) from error
    tell(f"Wrote {file}. Next: weft plan, weft apply")
