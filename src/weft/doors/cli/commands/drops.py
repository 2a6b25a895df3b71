"""`weft drops`: what is dropped now, or was, by which rule, at which port, between whom."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from weft.doors.cli.options import Duration, file_option, output_option, scope_names
from weft.doors.cli.terminal import say
from weft.doors.cli.watching import watch

if TYPE_CHECKING:
    from weft.files import Loaded
    from weft.picture.filters import DropsView, Line
    from weft.service import Service

FOR_S = 2.0


@click.command("drops")
@file_option
@click.option("--scope", metavar="NAME", shell_complete=scope_names, help="Only of what was applied as NAME.")
@click.option("--for", "for_s", metavar="TIME", type=Duration(), help="How long, or until interrupted. [default: 2s]")
@click.option("--since", "since_s", metavar="TIME", type=Duration(), help="What the recorder has kept of so long.")
@click.option("--lines", "by_line", is_flag=True, help="Packet by packet; what rules with `log` let through, too.")
@click.option("--watch", "again", is_flag=True, help="Look again and again, until interrupted.")
@click.option("--count", metavar="N", type=click.IntRange(min=1), help="With --watch: end after N looks.")
@output_option
def command(
    file: str | None,
    scope: str | None,
    for_s: float | None,
    since_s: float | None,
    by_line: bool,
    again: bool,
    count: int | None,
    output: str,
) -> None:
    """Show what is dropped: how many packets, at which port, by which rule or because there is none, and between whom.

    Packets and rates are counted, so they are exact. Who spoke to whom is told by the rules, at most 10 times a second
    each unless the file says otherwise: a sample. --since asks the recorder (`drops: {recorder: true}`) for what was;
    then packets in brackets are samples. Routers count what they drop, but not whose it was.
    """
    from weft.doors.cli.intents import intents_of
    from weft.service import Service

    if since_s and (for_s or again):
        raise click.UsageError("--since is about what was, --for and --watch about what will be")
    if count and not again:
        raise click.UsageError("--count counts the looks of --watch")
    service = Service(command="weft drops")
    intents = intents_of(service, scope, file)
    if since_s:
        say(_past(service, intents, since_s, output, by_line=by_line))
        return
    texts = _now(service, intents, for_s or FOR_S, output, by_line=by_line)
    if again:
        looks = islice(texts, count) if count else texts
        watch(looks, in_place=output == "text" and not by_line)
    else:
        say(next(texts))


def _past(service: Service, intents: Sequence[Loaded], since_s: float, output: str, *, by_line: bool) -> str:
    from weft.service.drops import recorded, recorded_lines

    if by_line:
        return render_lines(recorded_lines(service, intents, since_s), output)
    return render(recorded(service, intents, since_s), output)


def _now(service: Service, intents: Sequence[Loaded], for_s: float, output: str, *, by_line: bool) -> Iterator[str]:
    from weft.service.drops import lines, looks

    if by_line:
        return (render_lines(found, output) for found in lines(service, intents, for_s))
    return (render(views, output) for views in looks(service, intents, for_s))


def render(views: Sequence[DropsView], output: str) -> str:
    if output == "json":
        from dataclasses import asdict

        return json.dumps([asdict(view) for view in views])
    from weft.doors.cli.drops_text import text

    return text(views)


def render_lines(lines: Sequence[Line], output: str) -> str:
    """Of JSON one object a line."""
    if output == "json":
        from dataclasses import asdict

        return "\n".join(json.dumps(asdict(line)) for line in lines)
    from weft.doors.cli.drops_text import lines_text

    return lines_text(lines)
