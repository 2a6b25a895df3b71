"""`weft`: finds the command, runs it, and turns whatever comes of it into an exit code.

Rules: a command's module is imported when it is run, not before. Exit codes: 0 done or clean, 1 a bug, 2 bad input,
3 differences, 4 not confirmed, 5 refused and rolled back, 6 rollback incomplete, 7 locked; 130 interrupted.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.exceptions import Exit

from weft.doors.cli.failures import report, wants_json
from weft.doors.cli.lazy import LazyGroup
from weft.doors.cli.terminal import open_what_is_closed, say, written

COMMANDS = {
    "init": "Write a first file, with comments.",
    "plan": "Show what apply would change, and which ports would notice.",
    "import": "Print the file for what this machine has now.",
    "apply": "Make the machine as the file says, or leave it as it was.",
    "confirm": "Keep what was applied on trial.",
    "recover": "Finish or undo an apply that was cut short.",
    "status": "Compare the machine with the file: missing, changed, extra, foreign.",
    "list": "List what is applied on this machine, by name.",
    "show": "Show tenants, networks and ports as they are on the machine.",
    "check": "Measure whether ports reach each other as they should.",
    "trace": "Say why a packet passes or is stopped, hop by hop.",
    "groups": "Show what the rules of security groups have counted, and what ports lost.",
    "drops": "Show what is dropped now, or was: by which rule, at which port, between whom.",
    "qos": "Share bandwidth: show, explain, set, clear, advise.",
    "exec": "Run a command where a port ends.",
    "destroy": "Take everything of one name away again.",
    "supervise": "Keep the programs running that were applied, and list them.",
    "doctor": "Say what on this machine stands in weft's way.",
    "schema": "Print the JSON Schema of the file.",
    "version": "Say which version this is.",
    "completion": "Print the completion script of a shell.",
}


class Program(LazyGroup):
    """All of weft's commands, and what becomes of each."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **more: Any) -> Any:
        """Run one command line and end the process with its exit code."""
        gc.disable()  # a command is over before its garbage matters
        open_what_is_closed()
        words = list(sys.argv[1:] if args is None else args)
        more["standalone_mode"] = False
        try:
            code = super().main(words, *rest, **more)
        except BaseException as failure:
            if "--debug" in words[:1]:
                raise
            code = report(failure, as_json=wants_json(words))
        gc.freeze()  # nor is it looked for at the end
        sys.exit(code or 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, or print its help: that click prints itself, where `say` is not asked."""
        return _read(lambda: super(Program, self).invoke(ctx))

    def make_context(self, *of: Any, **more: Any) -> click.Context:
        """Of weft itself: its help is printed in here."""
        made: click.Context = _read(lambda: super(Program, self).make_context(*of, **more))
        return made


def _read(call: Callable[[], Any]) -> Any:
    """What `call` returns. Raises: Exit where nobody reads its help, before click takes that for a failure."""
    held: list[Any] = []
    if not written(lambda: held.append(call()), BrokenPipeError):
        raise Exit(0)
    return held[0]


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from weft import __version__

        say(f"weft {__version__}")
        ctx.exit()


@click.group(
    cls=Program,
    listed=COMMANDS,
    modules="weft.doors.cli.commands.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error. Stands first.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="As `weft version`."
)
def main(debug: bool) -> None:
    """Virtual networks on Linux from one file: planned, applied as one transaction, verified.

    The file is the one given by -f, else ./weft.yaml, else /etc/weft/weft.yaml. Results go to stdout, everything else
    to stderr. Exit: 0 done or clean, 1 a bug, 2 bad input, 3 differences, 4 not confirmed, 5 refused and as it was
    before, 6 rollback incomplete, 7 locked.
    """
