"""What queues, for people and for programs. Rules: a blank or `-` is nothing, never what nobody knows: that is `?`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from weft.doors.cli.terminal import plain_lines
from weft.model.qos_words import rate_text
from weft.picture.queues import ClassView, Delay, TreeView
from weft.picture.words import quantity

_HEAD = (
    "CLASS",
    "GUARANTEE",
    "LIMIT",
    "PRIO",
    "QUEUE",
    "SENT",
    "BORROWED",
    "WAITING",
    "DELAY",
    "DROPPED",
    "OVERLIMITS",
)


def text(trees: Sequence[TreeView]) -> str:
    return "\n\n".join("\n".join(_tree(tree)) for tree in trees)


def _tree(tree: TreeView) -> Iterator[str]:
    where = f"  ({tree.where})" if tree.where else ""
    place = f"{tree.kind} at {tree.ifname}" + (f" in {tree.netns}" if tree.netns else "")
    whose = click.style("not weft's", fg="cyan") if tree.is_foreign else tree.direction
    yield f"{click.style(tree.carrier, bold=True)}  {whose}  {place}{where}"
    head, *rows = plain_lines([_HEAD, *map(_row, tree.classes)])
    yield f"  {head}"
    for row, seen in zip(rows, tree.classes, strict=True):
        yield f"  {click.style(row, fg='red') if _is_losing(seen) else row}"


def _is_losing(seen: ClassView) -> bool:
    """Whether it waits for its limit and loses packets meanwhile."""
    return bool(seen.waiting_packets and seen.sent.lost)


def _row(seen: ClassView) -> tuple[str, ...]:
    sent = quantity(seen.sent.bytes, "B") if seen.sent.rate_bps is None else quantity(seen.sent.rate_bps, "bit/s")
    return (
        "  " * seen.depth + seen.name,
        rate_text(seen.rate_bps) if seen.rate_bps else "-",
        rate_text(seen.ceil_bps) if seen.ceil_bps else "-",
        "" if seen.priority is None else str(seen.priority),
        seen.queue,
        sent,
        _count(seen.borrowed),
        f"{quantity(seen.waiting_bytes, 'B')} / {seen.waiting_packets}" if seen.waiting_packets else "-",
        _delay(seen),
        _count(seen.sent.lost),
        _count(seen.overlimits),
    )


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"


def _delay(seen: ClassView) -> str:
    """`~`: estimated."""
    if seen.delay_us is None:
        return "?"
    if not seen.delay_us:
        return "-"
    sign = "~" if seen.delay is Delay.ESTIMATED else ""
    return f"{sign}{seen.delay_us / 1000:.1f} ms"
