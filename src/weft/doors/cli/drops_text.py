"""What is dropped, for people: a line for what drops it and where, below it who spoke to whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import click

from weft.doors.cli.filters_text import missing_lines
from weft.doors.cli.terminal import plain_lines
from weft.picture.filters import DropsView, DropView, Line
from weft.picture.words import quantity

_HEAD = ("PACKETS", "RATE", "PORT", "WHAT", "WHERE")
_COLOURS = {"drop": "red", "audit": "yellow", "allow": "green"}
FATES = {"drop": "dropped", "audit": "would drop", "allow": "allowed"}


def text(views: Sequence[DropsView]) -> str:
    return "\n\n".join("\n".join(_view(view)) for view in views) or "Nothing is applied here."


def _view(view: DropsView) -> Iterator[str]:
    yield click.style(f"{view.scope}: {_about(view)}", bold=True)
    if view.missed:
        yield f"  more was told than could be taken, {view.missed} times"
    yield from (f"  {line}" for line in missing_lines(view.missing))
    if not view.drops:
        yield "  nothing was dropped"
        return
    head, *rows = plain_lines([_HEAD, *map(_row, view.drops)])
    yield f"  {head}"
    for row, drop in zip(rows, view.drops, strict=True):
        yield f"  {click.style(row, fg=_COLOURS[drop.fate])}"
        yield from _talks(drop)


def _about(view: DropsView) -> str:
    if not view.lasted_s:
        return f"recorded since {_clock(view.since)}; packets are samples"
    heard = {"recorder": "who spoke is the recorder's", "live": "who spoke is a sample"}
    return f"in {view.lasted_s:.1f} s; {heard.get(view.samples, 'nobody can tell who spoke: only counted')}"


def _row(drop: DropView) -> tuple[str, ...]:
    counted, audit = drop.counted, "would drop: " if drop.fate == "audit" else ""
    packets = f"{counted.packets}" if counted else f"({drop.seen})"
    rate = f"{quantity(counted.rate_pps, '/s')}" if counted and counted.rate_pps is not None else ""
    return (packets, rate, drop.port or "-", f"{audit}{drop.what}", drop.where)


def _talks(drop: DropView) -> Iterator[str]:
    for talk in drop.talks:
        yield f"      {talk.source or '?'} -> {talk.target or '?'}  {talk.what}  ({talk.seen} seen)"


def lines_text(lines: Iterable[Line]) -> str:
    return "\n".join(map(_line, lines))


def _line(line: Line) -> str:
    fate = click.style(FATES[line.fate].ljust(10), fg=_COLOURS[line.fate])
    where = f"  ({line.where})" if line.where else ""
    said = f"{line.source or '?'} -> {line.target or '?'}  {line.talk}"
    return f"{_clock(line.at)}  {fate}  {said}  at {line.port or '-'}: {line.what}{where}"


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).isoformat(sep=" ", timespec="milliseconds")
