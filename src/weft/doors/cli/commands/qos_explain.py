"""`weft qos explain`: from a policy's lines to each kernel object, with the reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from weft.doors.cli.commands.qos_show import carrier_names
from weft.doors.cli.options import file_option, output_option, scope_names
from weft.doors.cli.terminal import plain_lines, say, say_json

if TYPE_CHECKING:
    from weft.picture.reasons import Explanation, Figure, Step
    from weft.service.qos import Explained


@click.command("explain")
@click.argument("name", metavar="PORT|LINK", shell_complete=carrier_names)
@file_option
@click.option("--scope", metavar="NAME", shell_complete=scope_names, help="Only of what was applied as NAME.")
@click.option("--commands", is_flag=True, help="Beside each object the command that would make the same.")
@output_option
def command(name: str, file: str | None, scope: str | None, commands: bool, output: str) -> None:
    """Say why PORT or LINK is shaped as it is: each object, the line that asks for it, and what each figure came from.

    Which mechanism, for what reason, what this kernel lacks and what stands in; nothing is changed. What is not
    applied yet can be asked for by -f.
    """
    from weft.doors.cli.intents import intents_of
    from weft.service import Service
    from weft.service.qos import explain

    service = Service(command="weft qos explain")
    found = explain(service, intents_of(service, scope, file), name)
    if output == "json":
        say_json([_document(one) for one in found])
    elif found:
        say("\n\n".join("\n".join(_lines(one.explanation, one.where, commands)) for one in found))
    else:
        say(f"Nothing is asked for {name}: it shares what there is with all others.")


def _lines(told: Explanation, where: Callable[[Sequence[str]], str], commands: bool) -> Iterator[str]:
    yield f"{click.style(told.carrier, bold=True)}  {told.direction}"
    yield f"  {_policy(told)}{where(told.path)}" + (f", asked for at {where(told.asked_at)}" if told.policy else "")
    for step in told.steps:
        at = f"  {where(step.where)}" if step.where else ""
        yield f"  {click.style(step.what, fg='cyan')}{at}"
        yield f"      {step.why}"
        yield from (f"      {line}" for line in _figures(step))
        if commands:
            yield from (f"      $ {line}" for line in step.commands)


def _policy(told: Explanation) -> str:
    """A tree that several share has none."""
    return f"policy {told.policy}  " if told.policy else "policy in place  " if told.asked_at else ""


def _figures(step: Step) -> list[str]:
    return plain_lines([_row(figure) for figure in step.figures]) if step.figures else []


def _row(figure: Figure) -> tuple[str, str, str]:
    return figure.name, figure.said, figure.why


def _document(one: Explained) -> dict[str, Any]:
    told = asdict(one.explanation)
    for step in told["steps"]:
        step["line"] = one.where(step["where"]) if step["where"] else ""
    return {**told, "line": one.where(one.explanation.path)}
