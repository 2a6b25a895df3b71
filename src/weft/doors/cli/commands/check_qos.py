"""`weft check qos`: measures what each class of each policy gets."""

from __future__ import annotations

import click

from weft.doors.cli.codes import DIFFERENCES
from weft.doors.cli.commands.check import checking
from weft.doors.cli.terminal import say, say_json

PEER_PORT = 5201
"""iperf3's own."""


@click.command("qos")
@checking
@click.option("--seconds", type=click.FloatRange(1, 60), default=3.0, show_default=True, help="Measured each time.")
@click.option("--tolerance", type=click.FloatRange(0.1, 50), default=5.0, show_default=True, help="In percent.")
@click.option("--peer", metavar="ADDRESS[:PORT]", default="", help="Another machine that serves iperf3.")
def command(
    names: tuple[str, ...],
    file: str | None,
    scope: str | None,
    ports: tuple[str, ...],
    output: str,
    seconds: float,
    tolerance: float,
    peer: str,
) -> int:
    """Measure that every class of every policy gets what is declared. Exit 3 on a difference, and where nothing of what
    was asked for could be measured.

    iperf3 sends by TCP and UDP from port to port, and what counts is what the class counted. What leaves the machine
    needs a --peer that serves iperf3, at PORT (5201) and those after it.

    PORT is TENANT/PORT, PORT, a link, or a pattern such as 'shop/*'. What should be is computed from the file, or from
    what was last applied.
    """
    from weft.check.qos.measuring import Manner
    from weft.doors.cli.intents import intent_of
    from weft.doors.cli.progress import Bar
    from weft.doors.cli.qos_proof_text import document, text
    from weft.service import Service
    from weft.service.qos_proof import check_qos

    service = Service(command="weft check")
    loaded = intent_of(service, scope, file)
    address, peer_port = peer_of(peer)
    manner = Manner(seconds=seconds, tolerance=tolerance / 100, peer_port=peer_port)
    with Bar("Measuring") as bar:
        found = check_qos(service, loaded, (*names, *ports), manner, address, bar)
    if output == "json":
        say_json(document(found))
    else:
        say(text(found))
    return 0 if found.clean and not found.is_blind else DIFFERENCES


def peer_of(written: str) -> tuple[str, int]:
    """Address and port of `192.0.2.1`, `192.0.2.1:5301`, `2001:db8::1`, `[2001:db8::1]:5301`; "" for none.

    Raises: click.BadParameter.
    """
    from ipaddress import ip_address

    if not written:
        return "", PEER_PORT
    address, colon, port = written.rpartition(":") if written.count(":") == 1 or "]:" in written else (written, "", "")
    try:
        found = ip_address(address.strip("[]")), int(port) if colon else PEER_PORT
    except ValueError:
        raise click.BadParameter(f"{written!r} is no address; such as 192.0.2.1 or 192.0.2.1:5301") from None
    return str(found[0]), found[1]
