"""`weft version`: what to say in a report."""

from __future__ import annotations

import platform

import click

from weft import __version__
from weft.doors.cli.options import output_option
from weft.doors.cli.terminal import say, say_json


@click.command("version")
@output_option
def command(output: str) -> None:
    """Say which version this is, of which Python, on which kernel."""
    versions = {"weft": __version__, "python": platform.python_version(), "kernel": platform.release()}
    if output == "json":
        say_json(versions)
    else:
        say(" ".join(f"{name} {version}" for name, version in versions.items()))
