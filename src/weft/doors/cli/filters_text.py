"""What rules have counted, for people. Rules: what is nothing is `-`; a rate is there once two readings tell it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from weft.doors.cli.terminal import plain_lines
from weft.model.security import DEFAULT_PRIORITY
from weft.picture.filters import FiltersView, GroupView, PortLosses, RuleView, Sum
from weft.picture.words import quantity

_RULES = ("", "RULE", "PACKETS", "BYTES", "RATE", "WHERE")
_PORTS = ("PORT", "NO RULE IN", "NO RULE OUT", "DENIED IN", "DENIED OUT", "WOULD DROP IN", "WOULD DROP OUT", "SPOOFED")
_COLOURS = {"deny": "red", "audit": "yellow"}


def text(views: Sequence[FiltersView]) -> str:
    blocks = [block for view in views for block in _blocks(view)]
    return "\n\n".join("\n".join(block) for block in blocks) or "Nothing is filtered here."


def missing_lines(tenants: Sequence[str]) -> list[str]:
    """What nobody filters, who would think that nothing was counted."""
    fix = "nothing is filtered or counted there; `weft apply` makes it"
    return [click.style(f"tenant {name}: its filter is not there, {fix}", fg="red") for name in tenants]


def _blocks(view: FiltersView) -> Iterator[list[str]]:
    if view.missing:
        yield missing_lines(view.missing)
    for group in view.groups:
        yield list(_group(group))
    if view.ports:
        yield plain_lines([_PORTS, *(_port(port) for port in view.ports)])
    if view.strangers:
        head = ("LINK THAT IS NOT WEFT'S", "IN", "DROPPED")
        yield plain_lines([head, *((link, netns, packets(lost)) for netns, link, lost in view.strangers)])


def _group(group: GroupView) -> Iterator[str]:
    audit = "  " + click.style("audit: nothing is dropped, only told", fg="yellow") if group.audit else ""
    yield f"{click.style(f'group {group.name}', bold=True)}  ({group.where}){audit}"
    if not group.rules:
        yield "  no rules"
        return
    head, *rows = plain_lines([_RULES, *map(_rule, group.rules)])
    yield f"  {head}"
    for row, rule in zip(rows, group.rules, strict=True):
        yield "  " + (click.style(row, fg=_COLOURS[rule.action]) if rule.action in _COLOURS else row)


def _rule(rule: RuleView) -> tuple[str, ...]:
    priority = f", priority {rule.priority}" if rule.priority != DEFAULT_PRIORITY else ""
    log = ", log" if rule.logs else ""
    return (
        rule.direction,
        f"{rule.action} {rule.words}{priority}{log}",
        str(rule.counted.packets),
        quantity(rule.counted.bytes, "B"),
        "" if rule.counted.rate_pps is None else f"{rule.counted.rate_pps:.1f}/s",
        rule.where,
    )


def _port(port: PortLosses) -> tuple[str, ...]:
    lost = (
        port.no_rule_in, port.no_rule_out, port.denied_in, port.denied_out, port.would_drop_in, port.would_drop_out,
        port.spoofed,
    )  # fmt: skip
    return (port.name, *map(packets, lost))


def packets(counted: Sum) -> str:
    if not counted.packets:
        return "-"
    return f"{counted.packets}" + (f" ({counted.rate_pps:.1f}/s)" if counted.rate_pps else "")
