"""What weft costs and says before any command runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.spent import spent_s
from tests.world import BIN
from weft import __version__
from weft.doors.cli import options
from weft.doors.cli.failures import report
from weft.doors.cli.main import COMMANDS, main
from weft.doors.cli.terminal import plain_lines
from weft.errors import IntentInvalid, Locked, NotConfirmed, RollbackIncomplete, RolledBack, VerifyMismatch

HEAVY = {"pydantic_core", "yaml", "rich", "weft.service", "weft.files.loader", "weft.netlink"}
BUDGET_S = 0.150


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "weft", *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def test_help_names_every_command_in_no_time() -> None:
    took_s = []
    for _ in range(5):
        before_s = spent_s()
        shown = run("--help")
        took_s.append(spent_s() - before_s)
    assert shown.returncode == 0
    assert [name for name in COMMANDS if f"\n  {name}" not in shown.stdout] == []
    assert min(took_s) < BUDGET_S, took_s


def test_help_imports_nothing_heavy() -> None:
    code = "import sys\ntry: import weft.doors.cli.main as m; m.main(['--help'])\nfinally: print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split())
    assert "click" in loaded
    assert HEAVY & loaded == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    shown = run(name, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith(f"Usage: weft {name}")
    command = main.resolve_command(click.Context(main), [name])[1]
    assert command is not None and command.name == name


def test_version() -> None:
    assert run("--version").stdout == f"weft {__version__}\n"
    assert run("version").stdout.startswith(f"weft {__version__} python 3.")
    assert json.loads(run("version", "-o", "json").stdout)["weft"] == __version__


def test_schema_is_a_schema() -> None:
    assert json.loads(run("schema").stdout)["properties"]["weft"] == {
        "const": 1,
        "description": "The version of the format.",
    }


def test_usage_errors_are_bad_input() -> None:
    assert (run("frob").returncode, run("plan", "--frob").returncode, run("list", "-o", "xml").returncode) == (2, 2, 2)
    assert "No such command 'frob'" in run("frob").stderr
    assert run("apply", "saved", "-f", "x.yaml").returncode == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_for_each_shell(shell: str) -> None:
    shown = run("completion", shell)
    assert shown.returncode == 0
    assert f"_WEFT_COMPLETE={shell}_complete" in shown.stdout


def test_commands_and_options_are_completed() -> None:
    def completed(line: str, number: str) -> list[str]:
        shown = run(COMP_WORDS=line, COMP_CWORD=number, _WEFT_COMPLETE="bash_complete")
        return [word.split(",")[1] for word in shown.stdout.split()]

    assert completed("weft s", "1") == ["status", "show", "supervise", "schema"]
    assert "--yes" in completed("weft apply --", "2")
    assert completed("weft check ", "2") == ["reach", "qos"]
    assert "--external" in completed("weft check --", "2") and "--peer" in completed("weft check qos --", "3")


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ValueError("x"), 1),
        (IntentInvalid([]), 2),
        (VerifyMismatch([]), 3),
        (NotConfirmed(), 4),
        (RolledBack(), 5),
        (PermissionError(13, "Permission denied", "/run/weft"), 5),
        (RollbackIncomplete(), 6),
        (Locked(), 7),
        (click.Abort(), 130),
    ],
)
def test_every_failure_has_its_exit_code(failure: BaseException, code: int) -> None:
    assert report(failure) == code


def test_a_bug_is_told_shortly_and_in_full_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    report(ZeroDivisionError("division by zero"))
    assert capsys.readouterr().err == (
        "weft: a bug: ZeroDivisionError: division by zero; `weft --debug ...` shows where\n"
    )
    shown = run("--debug", "plan", "-f", "/nowhere.yaml")
    assert "Traceback" in shown.stderr and "IntentInvalid" in shown.stderr


def test_columns_are_two_blanks_apart() -> None:
    assert plain_lines([("NAME", "STATE"), ("a", "ok"), ("longer", "")]) == ["NAME    STATE", "a       ok", "longer"]


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "etc"
    here = tmp_path / "here"
    system.mkdir()
    here.mkdir()
    monkeypatch.setattr(options, "SYSTEM", system)
    monkeypatch.chdir(here)
    with pytest.raises(IntentInvalid, match="no such file; weft init writes a first one"):
        options.find_file()
    (system / "one.yaml").touch()
    assert options.find_file() == system / "one.yaml"
    (system / "two.yaml").touch()
    with pytest.raises(IntentInvalid, match=r"holds one\.yaml, two\.yaml; say which one is meant"):
        options.find_file()
    (system / "weft.yaml").touch()
    assert options.find_file() == system / "weft.yaml"
    Path("weft.yaml").touch()
    assert options.find_file() == Path("weft.yaml")


BAR = """
import sys, time
from weft.doors.cli import progress
progress.PATIENCE_S = {patience_s}
with progress.Bar("Weaving") as bar:
    bar.start(10)
    time.sleep(0.3)
    bar(5)
    time.sleep(0.3)
print("rich" in sys.modules)
"""


@pytest.mark.parametrize(("patience_s", "shown"), [(0.05, True), (60, False)])
def test_a_bar_appears_on_a_terminal_when_work_is_long(patience_s: float, shown: bool) -> None:
    script = f"{sys.executable} -c '{BAR.format(patience_s=patience_s)}'"
    on_terminal = subprocess.run(["script", "-qec", script, "/dev/null"], capture_output=True, text=True, check=True)
    assert ("Weaving" in on_terminal.stdout and "50%" in on_terminal.stdout) is shown
    piped = subprocess.run([sys.executable, "-c", BAR.format(patience_s=patience_s)], capture_output=True, text=True)
    assert (piped.stdout, piped.stderr) == ("False\n", "")
