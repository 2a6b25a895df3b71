"""`weft qos advise`: from what must be protected to a policy, with a reason for every line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from weft.doors.cli.commands.qos_set import link_names
from weft.doors.cli.options import output_option
from weft.doors.cli.terminal import say, say_json, tell
from weft.doors.cli.worded import Worded
from weft.model.qos_words import RateBps
from weft.model.words import Form, Malformed

if TYPE_CHECKING:
    from weft.files.traffic import Traffic

_RATE: Form = RateBps.__metadata__[0]  # type: ignore[attr-defined]
_WHAT = "voice, ssh, dns, host=ADDRESS, port=tcp/443, dscp=ef"


class _Traffic(click.ParamType[Any]):
    name = "WHAT[@RATE]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Traffic:
        from weft.files.traffic import traffic

        try:
            return traffic(value)
        except Malformed as wrong:
            self.fail(str(wrong), param, ctx)


@click.command("advise")
@click.argument("link", required=False, shell_complete=link_names)
@click.option("--up", metavar="RATE", type=Worded(_RATE, "RATE"), help="What the line behind LINK carries out.")
@click.option("--down", metavar="RATE", type=Worded(_RATE, "RATE"), help="What it carries in.")
@click.option("--protect", type=_Traffic(), multiple=True, help=f"What must not suffer: {_WHAT}. [more]")
@click.option(
    "--bulk", type=_Traffic(), multiple=True, help="What may wait for all others, such as port=tcp/873. [more]"
)
@click.option("--latency/--no-latency", "waits_little", default=None, help="Whether waiting is bad. [default: it is]")
@output_option
def command(
    link: str | None,
    up: str | None,
    down: str | None,
    protect: tuple[Traffic, ...],
    bulk: tuple[Traffic, ...],
    waits_little: bool | None,
    output: str,
) -> None:
    """Print the policy for LINK that protects what must be protected, and why each line is there.

    What is not said by options is asked, on a terminal. The result is a file: `weft qos advise ... > qos.yaml`, then
    `weft plan -f qos.yaml`. Nothing is changed.
    """
    from weft.files.advice import Situation, advise

    if not (link and (up or down) and protect):
        _demand_terminal(link, up or down, protect)
        link, up, down, protect, waits_little = _asked(link, up, down, protect, waits_little)
        bulk = bulk or tuple(_until_empty("What may wait for all others, such as backups?", "bulk"))
    advice = advise(
        Situation(
            ifname=link,
            up_bps=_RATE.read(up) if up else None,
            down_bps=_RATE.read(down) if down else None,
            protect=tuple(protect),
            bulk=tuple(bulk),
            waits_little=waits_little is not False,
        )
    )
    if output == "json":
        say_json({"file": advice.text, "why": [{"path": list(path), "why": why} for path, why in advice.why.items()]})
    else:
        say(advice.text.rstrip("\n"))


def _demand_terminal(link: str | None, line: str | None, protect: tuple[Traffic, ...]) -> None:
    if sys.stdin.isatty() and sys.stderr.isatty():
        return
    missing = [flag for flag, held in (("LINK", link), ("--up or --down", line), ("--protect", protect)) if not held]
    raise click.UsageError(f"{', '.join(missing)}: not said, and there is nobody to ask")


def _asked(
    link: str | None, up: str | None, down: str | None, protect: tuple[Traffic, ...], waits_little: bool | None
) -> tuple[str, str | None, str | None, tuple[Traffic, ...], bool]:
    """What was not said, asked one by one."""
    link = link or click.prompt("Which link leads out", type=str, err=True)
    if not up and not down:
        rate = Worded(_RATE, "RATE")
        up = click.prompt(f"What does the line behind {link} carry out, such as 20mbit", type=rate, err=True)
        down = click.prompt("And in", type=rate, default=up, err=True)
    if not protect:
        protect = tuple(
            _until_empty("What must not suffer when the line is full? @RATE behind it says how much.", "protect")
        )
    if waits_little is None:
        waits_little = click.confirm("Does it matter how long a packet waits (calls, games, terminals)", True, err=True)
    return str(link), up, down, protect, waits_little


def _until_empty(question: str, word: str) -> list[Traffic]:
    tell(f"{question} One a line, an empty one ends: {_WHAT}.")
    found: list[Traffic] = []
    while True:
        written = click.prompt(f"  {word}", default="", show_default=False, err=True)
        if not written:
            return found
        try:
            found.append(_Traffic().convert(written, None, None))
        except click.BadParameter as wrong:
            tell(wrong.message, "red")
