"""Options that several commands share, and where their values are looked up."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weft.errors import IntentInvalid, Problem
from weft.records import dataclass

if TYPE_CHECKING:
    from weft.files import Loaded

_Command = TypeVar("_Command", bound=Callable[..., Any])

HERE = Path("weft.yaml")
SYSTEM = Path("/etc/weft")
STDIN = "-"


def file_option(command: _Command) -> _Command:
    return click.option(
        "-f",
        "--file",
        metavar="FILE",
        type=click.Path(allow_dash=True),
        help="The file, - for stdin. [default: ./weft.yaml, else /etc/weft/weft.yaml]",
    )(command)


def output_option(command: _Command) -> _Command:
    return click.option(
        "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="For people or for programs."
    )(command)


def all_option(command: _Command) -> _Command:
    return click.option("--all", "everything", is_flag=True, help="List every kernel object of the plan.")(command)


def yes_option(command: _Command) -> _Command:
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(command)


def wait_option(command: _Command) -> _Command:
    return click.option(
        "--wait",
        "wait_s",
        metavar="S",
        type=click.FloatRange(min=0),
        default=10.0,
        show_default=True,
        help="How many seconds to wait for another weft to finish.",
    )(command)


class Duration(click.ParamType[float]):
    """Seconds, as `90`, `90s`, `5m` or `1h`; more than none."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        number, unit = (value[:-1], value[-1]) if value[-1:] in _UNITS_S else (value, "s")
        try:
            seconds = float(number) * _UNITS_S[unit]
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < float("inf"):
            self.fail(f"{value!r} is no time; such as 60s, 5m, 1h", param, ctx)
        return seconds


_UNITS_S = {"s": 1, "m": 60, "h": 3600}


def confirm_options(command: _Command) -> _Command:
    """`confirm_within_s` and `no_confirm`."""
    within = click.option(
        "--confirm-within",
        "confirm_within_s",
        metavar="TIME",
        type=Duration(),
        help="On trial: taken back after TIME (60s, 5m) unless `weft confirm` comes.",
    )
    without = click.option("--no-confirm", is_flag=True, help="Change even what your own SSH connection lives on.")
    return within(without(command))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a command that changes things is to be run: its options. Units in names."""

    output: str
    everything: bool
    yes: bool
    wait_s: float
    confirm_within_s: float | None
    no_confirm: bool


def transaction_options(command: _Command) -> _Command:
    """The fields of `Manner`, in the order in which help lists them."""
    for option in (confirm_options, wait_option, yes_option, all_option, output_option):
        command = option(command)
    return command


def scope_names(_: click.Context, __: click.Parameter, start: str) -> list[str]:
    """Names of applied scopes, for completion; none where they may not be read."""
    from weft.store.intents import Intents

    return [name for name in Intents().scopes() if name.startswith(start)]


def port_names(_: click.Context, __: click.Parameter, start: str) -> list[str]:
    """Names of applied ports as `tenant/port`, for completion."""
    from weft.service import Service
    from weft.service.places import port_names

    names = port_names([kept.intent for kept in Service().all_kept()])
    return sorted(name for name in names if name.startswith(start) and "/" in name)


def name_argument(command: _Command) -> _Command:
    return click.argument("name", required=False, shell_complete=scope_names)(command)


def read_file(file: str | None) -> Loaded:
    """The intent of the file that is meant. Raises: IntentInvalid."""
    from weft.files import load, load_text

    if file == STDIN:
        return load_text("stdin", sys.stdin.read())
    return load(str(_in_directory(Path(file)) if file else find_file()))


def find_file() -> Path:
    """The file to take when none is given. Raises: IntentInvalid saying what to do where there is none, or several."""
    if HERE.exists():
        return HERE
    if _files_in(SYSTEM):
        return _in_directory(SYSTEM)
    raise IntentInvalid(
        [Problem(where=str(HERE), what="no such file", fix="weft init writes a first one, -f names one")]
    )


def _in_directory(path: Path) -> Path:
    """A file as it is; of a directory weft.yaml, else its only *.yaml."""
    if not path.is_dir():
        return path
    found = _files_in(path)
    if path / HERE in found:
        return path / HERE
    if len(found) == 1:
        return found[0]
    if not found:
        raise IntentInvalid([Problem(where=str(path), what="a directory without *.yaml", fix="name a file")])
    fix = "say which one is meant, such as -f " + str(found[0])
    raise IntentInvalid([Problem(where=str(path), what=f"holds {', '.join(p.name for p in found)}", fix=fix)])


def _files_in(path: Path) -> list[Path]:
    """Without those that `weft qos set` keeps."""
    from weft.files.qos_file import PREFIX

    found = sorted(path.glob("*.yaml"))
    return [file for file in found if path != SYSTEM or not file.name.startswith(PREFIX)]
