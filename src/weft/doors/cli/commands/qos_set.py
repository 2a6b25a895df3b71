"""`weft qos set`: a rate, a limit or a bad line for a link or some of its traffic, without a file of one's own."""

from __future__ import annotations

from typing import Any

import click

from weft.doors.cli.options import Manner, transaction_options
from weft.doors.cli.worded import Pair, Worded
from weft.files.qos_file import DIRECTIONS, FIGURES, MATCHES, SINGLE, Direction, Wish
from weft.model.qos_words import PORT_PROTOCOLS
from weft.model.words import Ifname

_LINK = Worded(Ifname.__metadata__[0], "LINK")  # type: ignore[attr-defined]
_METAVARS = {"rate": "RATE", "ceil": "RATE", "priority": "0-7", "latency": "TIME", "dscp-mark": "DSCP"}
_TOLD = {
    "rate": "What is guaranteed, such as 1mbit; without --ceil also the limit.",
    "ceil": "The limit.",
    "priority": "Who is served first when all want more than their rate: 0 before 7.",
    "latency": "How long a packet may wait, such as 20ms.",
    "dscp-mark": "The DSCP that its packets get.",
    "delay": "Added to each packet's way.",
    "jitter": "By so much the delay varies.",
    "loss": "The share of packets that is lost, such as 1%.",
}


def _figures(command: Any) -> Any:
    for name in reversed([*FIGURES]):
        metavar = _METAVARS.get(name, "SHARE" if name == "loss" else "TIME")
        option = click.option(f"--{name}", metavar=metavar, type=Worded(FIGURES[name][1], metavar), help=_TOLD[name])
        command = option(command)
    return command


def link_names(_: click.Context, __: click.Parameter, start: str) -> list[str]:
    """The links of the host, for completion."""
    from pathlib import Path

    return sorted(path.name for path in Path("/sys/class/net").glob(f"{start}*"))


@click.command("set")
@click.argument("link", type=_LINK, shell_complete=link_names)
@_figures
@click.option(
    "--match",
    "matches",
    type=Pair(MATCHES, SINGLE),
    multiple=True,
    help="Only what matches: source=, destination=, protocol=, ports=, dscp= ... Several: all must hold. [more]",
)
@click.option("--class", "name", metavar="NAME", help="The class's name. [default: from what it matches]")
@click.option("--direction", type=click.Choice(DIRECTIONS), default="egress", help="What LINK sends, or receives.")
@click.option("--capacity", metavar="RATE", type=Worded(FIGURES["rate"][1], "RATE"), help="What the line carries.")
@click.option("--replace", is_flag=True, help="A root qdisc of somebody else's gives way; clear puts it back.")
@transaction_options
def command(
    link: str,
    matches: tuple[tuple[str, tuple[str, ...]], ...],
    name: str | None,
    direction: Direction,
    capacity: str | None,
    replace: bool,
    **options: Any,
) -> None:
    """Give LINK, or what matches of its traffic, a rate, a limit, a priority or a bad line.

    The first time makes the class, each later one changes it; other classes stay as they are. Without --match and
    --class it is about the whole link. What is set stands in /etc/weft/qos-LINK.yaml, to be read and edited; it is
    applied like any file: the plan is shown, and --yes does not ask.
    """
    figures = {flag: value for flag in FIGURES if (value := options.pop(flag.replace("-", "_"))) is not None}
    wish = Wish(
        ifname=link,
        direction=direction,
        match=_match(matches),
        figures=figures,
        name=name,
        capacity=capacity,
        replace=replace,
    )
    if not figures and not capacity and not replace:
        raise click.UsageError("nothing is said of it: --rate, --ceil, --priority, --delay, --loss ...")
    from weft.doors.cli.qos_transaction import carry_out_set

    carry_out_set(wish, Manner(**options))


def _match(matches: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key, values in matches:
        if key in found and key in SINGLE:
            raise click.BadParameter(f"a packet has one {key}", param_hint="--match")
        found[key] = (*found.get(key, ()), *values)
    with_ports = [key for key in ("ports", "source_ports") if key in found]
    if with_ports and found.get("protocol", ("",))[0].lower() not in PORT_PROTOCOLS:
        fix = "add --match protocol=tcp, or udp"
        raise click.BadParameter(f"{with_ports[0]} need a protocol that has some; {fix}", param_hint="--match")
    return found
