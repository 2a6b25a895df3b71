"""`weft check reach`: measures who reaches whom."""

from __future__ import annotations

from collections.abc import Sequence

import click

from weft.doors.cli.codes import DIFFERENCES
from weft.doors.cli.commands.check import checking
from weft.doors.cli.terminal import say, say_json

PROTOCOLS = ("icmp", "tcp", "udp", "mtu")


@click.command("reach")
@checking
@click.option("--protocol", "protocols", type=click.Choice(PROTOCOLS), multiple=True, help="Only this. [more]")
@click.option("--external", "outside", metavar="ADDRESS", multiple=True, help="Ask from outside as this. [more]")
def command(
    names: tuple[str, ...],
    file: str | None,
    scope: str | None,
    ports: tuple[str, ...],
    output: str,
    protocols: tuple[str, ...],
    outside: tuple[str, ...],
) -> int:
    """Measure that ports which should reach each other do, and the others do not. Exit 3 on a difference, and where
    nothing of what was asked for could be measured.

    Every port asks every other by ICMP, TCP and UDP over both families, and by packets as large as the way must carry
    (mtu). No port needs a service for that. Of one PORT alone, all pairs are measured that it is part of. With an
    ADDRESS of an external network that nobody has, floating IPs and routers are asked from outside as well.

    PORT is TENANT/PORT, PORT, or a pattern such as 'shop/*'. What should be is computed from the file, or from what was
    last applied.
    """
    from weft.check.reach import Protocol
    from weft.doors.cli.intents import intent_of
    from weft.doors.cli.progress import Bar
    from weft.doors.cli.reach_text import document, text
    from weft.service import Service
    from weft.service.reach import check_reach

    service = Service(command="weft check")
    loaded = intent_of(service, scope, file)
    asked = [Protocol(word) for word in protocols or PROTOCOLS]
    addresses = addresses_of(outside)
    with Bar("Measuring") as bar:
        found = check_reach(service, loaded, (*names, *ports), asked, bar, addresses)
    if output == "json":
        say_json(document(found))
    else:
        say(text(found))
    return 0 if found.clean and not found.is_blind else DIFFERENCES


def addresses_of(written: Sequence[str]) -> list[str]:
    """As the kernel writes them. Raises: click.BadParameter."""
    from ipaddress import ip_address

    try:
        return [str(ip_address(one)) for one in written]
    except ValueError as failure:
        what = "it is asked from an address without prefix length, such as 203.0.113.77"
        raise click.BadParameter(f"{failure}; {what}", param_hint="--external") from None
