"""Groups of commands that cost nothing until one of them runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Knows each command's name and summary; the command itself lives in the module MODULES + NAME as `command`."""

    def __init__(self, *, listed: Mapping[str, str], modules: str, **attributes: Any) -> None:
        commands = {name: click.Command(name, short_help=told) for name, told in listed.items()}
        super().__init__(commands=commands, **attributes)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which people meet them."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, listed, rest = super().resolve_command(ctx, args)
        if listed is None:
            return name, listed, rest
        module = import_module(f"{self._modules}{name}")
        command: click.Command = module.command
        return name, command, rest
