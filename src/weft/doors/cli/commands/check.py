"""`weft check`: measures what was asked for against real packets."""

from __future__ import annotations

import click

from weft.doors.cli.codes import DIFFERENCES
from weft.doors.cli.options import file_option, output_option, scope_names
from weft.doors.cli.terminal import say, say_json

PROTOCOLS = ("icmp", "tcp", "udp", "mtu")


def port_names(_: click.Context, __: click.Parameter, start: str) -> list[str]:
    """Names of applied ports, as `tenant/port`."""
    from weft.service import Service
    from weft.service.places import port_names

    names = port_names([kept.intent for kept in Service().all_kept()])
    return sorted(name for name in names if name.startswith(start) and "/" in name)


@click.command("check")
@click.argument("what", metavar="[reach]", type=click.Choice(["reach"]), default="reach")
@file_option
@click.option("--scope", metavar="NAME", shell_complete=scope_names, help="Check what was last applied as NAME.")
@click.option("--port", "ports", metavar="PORT", multiple=True, shell_complete=port_names, help="Only this one. [more]")
@click.option("--protocol", "protocols", type=click.Choice(PROTOCOLS), multiple=True, help="Only this one. [more]")
@output_option
def command(
    what: str, file: str | None, scope: str | None, ports: tuple[str, ...], protocols: tuple[str, ...], output: str
) -> int:
    """Measure that ports which should reach each other do, and that the others do not. Exit 3 on a difference.

    Every port asks every other by ICMP, TCP and UDP over both families, and by packets as large as the way must carry
    (mtu). No port needs a service for that. PORT is TENANT/PORT, PORT, or a pattern such as 'shop/*'; of one alone, all
    pairs are measured that it is part of. What should be is computed from the file, or from what was last applied.
    """
    from weft.check.reach import Protocol
    from weft.doors.cli.intents import intent_of
    from weft.doors.cli.progress import Bar
    from weft.doors.cli.reach_text import document, text
    from weft.service import Service
    from weft.service.reach import check_reach

    service = Service(command="weft check")
    asked = [Protocol(word) for word in protocols or PROTOCOLS]
    with Bar("Measuring") as bar:
        found = check_reach(service, intent_of(service, scope, file), ports, asked, bar)
    if output == "json":
        say_json(document(found))
    else:
        say(text(found))
    return 0 if found.clean else DIFFERENCES
