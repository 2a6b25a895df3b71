"""`weft completion`: names and options at the tab key."""

from __future__ import annotations

import click

from weft.doors.cli.terminal import say


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    bash: weft completion bash > /etc/bash_completion.d/weft. zsh: to _weft in a directory of $fpath. fish: to
    ~/.config/fish/completions/weft.fish.
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete is not None
    say(complete(ctx.find_root().command, {}, "weft", "_WEFT_COMPLETE").source())
