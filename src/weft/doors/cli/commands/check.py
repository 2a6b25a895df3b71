"""`weft check`: measures by real packets that things are as they were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from weft.doors.cli.codes import DIFFERENCES
from weft.doors.cli.options import file_option, output_option, scope_names
from weft.doors.cli.terminal import say, say_json

if TYPE_CHECKING:
    from weft.files import Loaded
    from weft.service import Service

PROTOCOLS = ("icmp", "tcp", "udp", "mtu")
OPTIONS = {
    "reach": {"protocols": "--protocol", "outside": "--external"},
    "qos": {"seconds": "--seconds", "tolerance": "--tolerance", "peer": "--peer"},
}
"""What only one of the two takes."""
PEER_PORT = 5201
"""iperf3's own."""


def port_names(_: click.Context, __: click.Parameter, start: str) -> list[str]:
    """Names of applied ports, as `tenant/port`."""
    from weft.service import Service
    from weft.service.places import port_names

    names = port_names([kept.intent for kept in Service().all_kept()])
    return sorted(name for name in names if name.startswith(start) and "/" in name)


@click.command("check")
@click.argument("what", metavar="[reach|qos]", type=click.Choice(["reach", "qos"]), default="reach")
@click.argument("names", metavar="[PORT]...", nargs=-1, shell_complete=port_names)
@file_option
@click.option("--scope", metavar="NAME", shell_complete=scope_names, help="Check what was last applied as NAME.")
@click.option("--port", "ports", metavar="PORT", multiple=True, shell_complete=port_names, help="Only this one. [more]")
@click.option("--protocol", "protocols", type=click.Choice(PROTOCOLS), multiple=True, help="reach: only this. [more]")
@click.option("--external", "outside", metavar="ADDRESS", multiple=True, help="reach: ask from outside as this. [more]")
@click.option(
    "--seconds", type=click.FloatRange(1, 60), default=3.0, show_default=True, help="qos: measured each time."
)
@click.option("--tolerance", type=click.FloatRange(0.1, 50), default=5.0, show_default=True, help="qos: in percent.")
@click.option("--peer", metavar="ADDRESS[:PORT]", default="", help="qos: another machine that serves iperf3.")
@output_option
def command(
    what: str,
    names: tuple[str, ...],
    file: str | None,
    scope: str | None,
    ports: tuple[str, ...],
    protocols: tuple[str, ...],
    outside: tuple[str, ...],
    seconds: float,
    tolerance: float,
    peer: str,
    output: str,
) -> int:
    """Measure that things are as they were asked for, with real packets. Exit 3 on a difference, and where nothing of
    what was asked for could be measured.

    reach: ports which should reach each other do, and the others do not. Every port asks every other by ICMP, TCP and
    UDP over both families, and by packets as large as the way must carry (mtu). No port needs a service for that. Of
    one PORT alone, all pairs are measured that it is part of. With an ADDRESS of an external network that nobody has,
    floating IPs and routers are asked from outside as well.

    qos: every class of every policy gets what is declared. iperf3 sends by TCP and UDP from port to port, and what
    counts is what the class counted. What leaves the machine needs a --peer that serves iperf3, at PORT (5201) and
    those after it.

    PORT is TENANT/PORT, PORT, or a pattern such as 'shop/*'; for qos a link too. What should be is computed from the
    file, or from what was last applied.
    """
    from weft.doors.cli.intents import intent_of
    from weft.service import Service

    demand_options_of(what)
    service = Service(command="weft check")
    loaded = intent_of(service, scope, file)
    if what == "qos":
        return _qos(service, loaded, (*names, *ports), (seconds, tolerance / 100), peer, output)
    return _reach(service, loaded, (*names, *ports), protocols, addresses_of(outside), output)


def _reach(
    service: Service,
    loaded: Loaded,
    ports: Sequence[str],
    protocols: Sequence[str],
    outside: Sequence[str],
    output: str,
) -> int:
    from weft.check.reach import Protocol
    from weft.doors.cli.progress import Bar
    from weft.doors.cli.reach_text import document, text
    from weft.service.reach import check_reach

    asked = [Protocol(word) for word in protocols or PROTOCOLS]
    with Bar("Measuring") as bar:
        found = check_reach(service, loaded, ports, asked, bar, outside)
    shown = document(found) if output == "json" else text(found)
    return _tell(shown, is_well=found.clean and not found.is_blind)


def _qos(
    service: Service, loaded: Loaded, names: Sequence[str], manner: tuple[float, float], peer: str, output: str
) -> int:
    from weft.check.qos.measuring import Manner
    from weft.doors.cli.progress import Bar
    from weft.doors.cli.qos_proof_text import document, text
    from weft.service.qos_proof import check_qos

    seconds, tolerance = manner
    address, port = peer_of(peer)
    with Bar("Measuring") as bar:
        manner_ = Manner(seconds=seconds, tolerance=tolerance, peer_port=port)
        found = check_qos(service, loaded, names, manner_, address, bar)
    shown = document(found) if output == "json" else text(found)
    return _tell(shown, is_well=found.clean and not found.is_blind)


def _tell(shown: str | dict[str, Any], *, is_well: bool) -> int:
    """Text, or what programs get."""
    if isinstance(shown, str):
        say(shown)
    else:
        say_json(shown)
    return 0 if is_well else DIFFERENCES


def demand_options_of(what: str) -> None:
    """Raises: click.UsageError for one that was given and is of the other check."""
    given = click.get_current_context()
    for other, options in OPTIONS.items():
        for name, option in options.items():
            if other != what and given.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                raise click.UsageError(f"{option} is of `weft check {other}`, and `{what}` knows nothing of it")


def addresses_of(written: Sequence[str]) -> list[str]:
    """As the kernel writes them. Raises: click.BadParameter."""
    from ipaddress import ip_address

    try:
        return [str(ip_address(one)) for one in written]
    except ValueError as failure:
        what = "it is asked from an address without prefix length, such as 203.0.113.77"
        raise click.BadParameter(f"{failure}; {what}", param_hint="--external") from None


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
