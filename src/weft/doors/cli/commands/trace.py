"""`weft trace`: says why a packet passes or not, hop by hop."""

from __future__ import annotations

import click

from weft.doors.cli.codes import DIFFERENCES
from weft.doors.cli.options import file_option, output_option, port_names, scope_names
from weft.doors.cli.terminal import say, say_json


@click.command("trace")
@click.argument("source", metavar="FROM", shell_complete=port_names)
@click.argument("target", metavar="TO", shell_complete=port_names)
@click.argument("asked", metavar="[PROTO[/PORT]]", default="icmp")
@file_option
@click.option("--scope", metavar="NAME", shell_complete=scope_names, help="Trace in what was last applied as NAME.")
@click.option(
    "--state", type=click.Choice(["observed", "desired"]), help="As the machine is, or as the file says. [see above]"
)
@click.option("-4", "family", flag_value=4, type=int, help="Over IPv4.")
@click.option("-6", "family", flag_value=6, type=int, help="Over IPv6.")
@click.option("--from-port", metavar="PORT", type=click.IntRange(1, 65535), help="The asking end's. [default: any]")
@click.option("--size", metavar="BYTES", type=click.IntRange(20, 65535), help="Of a packet that must stay whole.")
@click.option("--fragment", is_flag=True, help="With --size: it may be split.")
@click.option("--live", is_flag=True, help="Send it too, and watch it pass each hop.")
@output_option
def command(
    source: str,
    target: str,
    asked: str,
    file: str | None,
    scope: str | None,
    state: str | None,
    family: int | None,
    from_port: int | None,
    size: int | None,
    fragment: bool,
    live: bool,
    output: str,
) -> int:
    """Say why a packet FROM gets TO, or where it stops, and what would have to change. Exit 3 unless it passes.

    FROM and TO: TENANT/PORT, PORT, an address, or `external`, somebody outside. PROTO/PORT: tcp/443, udp/53; icmp,
    which is the default, gre, or a number. The answer is followed too.

    What is traced is what the kernel holds now (observed); where nothing is applied yet, what the file says (desired).
    --live sends a real packet, watched by tables of nftables that are gone when the command ends.
    """
    from weft.doors.cli.intents import intent_of
    from weft.doors.cli.trace_text import document, text
    from weft.service import Service
    from weft.service.trace import Basis, Question, trace
    from weft.trace import talk_of

    service = Service(command="weft trace")
    if fragment and size is None:
        raise click.UsageError("--fragment is about a packet of a --size")
    talk = talk_of(asked, from_port)
    question = Question(source=source, target=target, talk=talk, family=family, size=size, whole=not fragment)
    found = trace(service, intent_of(service, scope, file), question, Basis(state) if state else None, live=live)
    if output == "json":
        say_json(document(found))
    else:
        say(text(found))
    return 0 if found.passes else DIFFERENCES
