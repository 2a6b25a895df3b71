"""`weft check`: a group whose word may be left out; each of its commands is `check_NAME.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from weft.doors.cli.lazy import LazyGroup
from weft.doors.cli.options import file_option, output_option, port_names, scope_names

COMMANDS = {
    "reach": "Ports which should reach each other do, and the others do not.",
    "qos": "Every class of every policy gets what is declared.",
}
DEFAULT = "reach"

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Checks(LazyGroup):
    """Takes its word wherever it stands among the options, and `reach` for one that is left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # of a line that is being completed
            return super().parse_args(ctx, args)
        at = self._first_word(ctx, args)
        word = args[at] if at is not None and args[at] in COMMANDS else ""
        if not word and not {*ctx.help_option_names}.isdisjoint(args):
            return super().parse_args(ctx, ["--help"])
        rest = [*args[:at], *args[at + 1 :]] if word and at is not None else args
        self._demand_options_of(ctx, word or DEFAULT, rest)
        return super().parse_args(ctx, [word or DEFAULT, *rest])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = super().shell_complete(ctx, incomplete)
        if not incomplete.startswith("-"):
            return found
        reach = self._command(ctx, DEFAULT)
        return reach.shell_complete(click.Context(reach, parent=ctx, info_name=DEFAULT), incomplete)

    def _first_word(self, ctx: click.Context, args: list[str]) -> int | None:
        """Where the first is that is no option and no value of one; None for none."""
        options = (option for name in COMMANDS for option in self._options(ctx, name))
        valued = {name for option in options if not option.is_flag for name in option.opts}
        pairs = zip(["", *args], args, strict=False)
        return next(
            (at for at, (before, one) in enumerate(pairs) if not one.startswith("-") and before not in valued), None
        )

    def _demand_options_of(self, ctx: click.Context, word: str, args: list[str]) -> None:
        """Raises: click.UsageError for an option of the other check alone."""
        own = {name for option in self._options(ctx, word) for name in option.opts}
        for other in COMMANDS:
            theirs = {name for option in self._options(ctx, other) for name in option.opts} - own
            for given in (one.partition("=")[0] for one in args):
                if given in theirs:
                    raise click.UsageError(f"{given} is of `weft check {other}`, and `{word}` knows nothing of it", ctx)

    def _options(self, ctx: click.Context, name: str) -> list[click.Option]:
        return [one for one in self._command(ctx, name).params if isinstance(one, click.Option)]

    def _command(self, ctx: click.Context, name: str) -> click.Command:
        _, command, _ = self.resolve_command(ctx, [name])
        assert command is not None
        return command


def checking(command: _Command) -> _Command:
    """What both checks take: names, file, scope, ports, output."""
    ports = click.option(
        "--port", "ports", metavar="PORT", multiple=True, shell_complete=port_names, help="Only this one. [more]"
    )
    scope = click.option(
        "--scope", metavar="NAME", shell_complete=scope_names, help="Check what was last applied as NAME."
    )
    names = click.argument("names", metavar="[PORT]...", nargs=-1, shell_complete=port_names)
    return names(file_option(scope(ports(output_option(command)))))


@click.group(
    "check",
    cls=Checks,
    listed=COMMANDS,
    modules="weft.doors.cli.commands.check_",
    subcommand_metavar="[reach|qos] [PORT]...",
)
def command() -> None:
    """Measure that things are as they were asked for, with real packets. Exit 3 on a difference, and where nothing of
    what was asked for could be measured.

    PORT is TENANT/PORT, PORT, or a pattern such as 'shop/*'; for qos a link too. What should be is computed from the
    file, or from what was last applied. Without a word it is reach; `weft check qos --help` tells of the other.
    """
