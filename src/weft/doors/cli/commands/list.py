"""`weft list`: every name that is applied on this machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from weft.doors.cli.options import output_option
from weft.doors.cli.terminal import say, say_json, say_table

if TYPE_CHECKING:
    from weft.service import Scope


@click.command("list")
@output_option
def command(output: str) -> None:
    """List what is applied on this machine, by name: as the kernel, the kept files and the journal say."""
    from dataclasses import asdict

    from weft.service import Service

    scopes = Service(command="weft list").list()
    if output == "json":
        say_json([asdict(scope) for scope in scopes])
    elif scopes:
        rows = [
            (scope.name, str(scope.namespaces), str(len(scope.adopted)), _time(scope.applied_at), _state(scope))
            for scope in scopes
        ]
        say_table(("NAME", "NAMESPACES", "ADOPTED", "APPLIED", "STATE"), rows, {"ok": "green"})
    else:
        say("Nothing is applied here.")


def _time(applied_at: float | None) -> str:
    return "-" if applied_at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(applied_at))


def _state(scope: Scope) -> str:
    if scope.unfinished:
        return "cut short: weft recover"
    if scope.damaged:
        return scope.damaged
    if scope.unconfirmed_s == 0:
        return "not confirmed in time: weft recover"
    if scope.unconfirmed_s is not None:
        return f"taken back in {scope.unconfirmed_s:.0f} s: weft confirm"
    return "ok" if scope.applied_at is not None else "its file is not kept: weft apply, or weft destroy"
