"""`weft exec`: a command where a port ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import click

from weft.doors.cli.options import file_option, read_file, scope_names
from weft.doors.cli.terminal import tell
from weft.errors import WeftError

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""As shells have it."""


def place_names(_: click.Context, __: click.Parameter, start: str) -> list[str]:
    """Namespaces that are not weft's own insides, and names of applied ports."""
    from weft.netlink.namespaces import RUN_NETNS
    from weft.service import Service
    from weft.service.places import port_names

    names: set[str] = set()
    with suppress(WeftError, OSError):  # who may not read them gets no names
        names.update(name for name in os.listdir(RUN_NETNS) if not name.startswith("weft."))
        names.update(port_names([kept.intent for kept in Service().all_kept()]))
    return sorted(name for name in names if name.startswith(start))


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@file_option
@click.option("--scope", metavar="NAME", shell_complete=scope_names, help="Look for the port in what NAME has.")
@click.argument("port", metavar="PORT|NETNS", shell_complete=place_names)
@click.argument("words", metavar="[--] [COMMAND...]", nargs=-1, type=click.UNPROCESSED)
def command(file: str | None, scope: str | None, port: str, words: tuple[str, ...]) -> int:
    """Run a command where a port ends, by default a shell.

    PORT is `tenant/port`, or `port` where only one has that name; else NETNS is a namespace's name. It is looked for in
    what was applied, or in the file given by -f. The command sees the network of that place and the rest of this
    machine: /etc and /sys stay as they are.
    """
    from weft.service import Service
    from weft.service.places import find

    service = Service(command="weft exec")
    loaded = [read_file(file)] if file else [service.kept(scope)] if scope else service.all_kept()
    service.enter(find(port, [one.intent for one in loaded]))
    argv = list(words[1:] if words[:1] == ("--",) else words) or [os.environ.get("SHELL") or "/bin/sh"]
    sys.stdout.flush()
    try:
        os.execvp(argv[0], argv)
    except FileNotFoundError:
        tell(f"weft: {argv[0]}: no such command")
        return NOT_FOUND
    except OSError as error:
        tell(f"weft: {argv[0]}: {error.strerror}")
        return NOT_EXECUTABLE
