"""Who reads what a command says: somebody who stops, a full disk, nobody at all. None of them decides what is done."""

from __future__ import annotations

import re

import pytest

from tests.doors.conftest import Desk

MANY = """
weft: 1
name: many
tenants:
  shop:
    networks: {lan: {subnets: [10.1.0.0/16]}}
    ports: {"n[1-300]": {network: lan, attach: {tap: {}}}}
"""


def through(desk: Desk, line: str) -> tuple[int, str]:
    """The exit code of weft in a line of a shell, and what stands on stderr."""
    said = desk.world.run("bash", "-c", f'{line}; echo "${{PIPESTATUS[0]}}" >&2', cwd=desk.directory).stderr
    *lines, code = said.splitlines()
    return int(code), "\n".join(lines)


@pytest.mark.parametrize("output", ["text", "json", "script"])
def test_who_stops_reading_a_plan_changes_no_exit_code(desk: Desk, output: str) -> None:
    desk.write(MANY)
    assert through(desk, f"weft plan --all -o {output} | true") == (3, "")


def test_who_stops_reading_stops_no_apply(desk: Desk) -> None:
    desk.write(MANY)
    assert through(desk, "weft apply --all -y | true") == (0, "")
    assert desk.weft("status").returncode == 0
    assert through(desk, "weft destroy -y -o json | true") == (0, "")
    assert desk.json("list") == []


@pytest.mark.parametrize("command", ["show", "groups", "qos show"])
def test_what_goes_on_for_ever_ends_when_nobody_reads(desk: Desk, command: str) -> None:
    desk.write(MANY)
    desk.weft("apply", "-y")
    assert through(desk, f"timeout 20 weft {command} --watch 0.1 | head -1 > /dev/null") == (0, "")


def test_help_that_nobody_reads(desk: Desk) -> None:
    assert through(desk, "(sleep 0.3; weft --help; echo $? >&2) | true")[1] == "0"
    assert through(desk, "(sleep 0.3; weft plan --help; echo $? >&2) | true")[1] == "0"


@pytest.mark.parametrize("command", ["list", "schema", "version -o json", "plan -o json", "--help"])
def test_a_full_disk_is_said(desk: Desk, command: str) -> None:
    desk.write(MANY)
    code, said = through(desk, f"weft {command} > /dev/full")
    assert (code, said) == (5, "weft: cannot write what there is to say: No space left on device")


def test_a_plan_that_cannot_be_written_is_not_applied(desk: Desk) -> None:
    desk.write(MANY)
    assert through(desk, "weft apply -y > /dev/full")[0] == 5
    assert desk.json("list") == []


def test_what_is_done_and_cannot_be_told_is_done(desk: Desk) -> None:
    desk.write(MANY)
    code, said = through(desk, "weft apply -y -o json > /dev/full")
    assert code == 0
    assert said == "weft: applied and verified, but cannot write what there is to say: No space left on device"


def test_nobody_listens(desk: Desk) -> None:
    desk.write(MANY)
    assert through(desk, "weft list >&-") == (0, "")
    assert through(desk, "weft plan >&-")[0] == 3
    for end in ("2>&-", "2>/dev/full"):
        done = desk.world.run("bash", "-c", f"weft plan -f nothing.yaml {end}; echo $?", cwd=desk.directory)
        assert done.stdout == "2\n"


def test_an_error_as_json_that_cannot_be_written(desk: Desk) -> None:
    code, said = through(desk, "weft plan -f nothing.yaml -o json > /dev/full")
    assert code == 2 and "nothing.yaml: no such file" in said


def test_a_narrow_terminal_breaks_no_heading(desk: Desk) -> None:
    desk.write(MANY)
    desk.weft("apply", "-y")
    line = "stty cols 30; TERM=xterm NO_COLOR=1 weft list"
    said = desk.world.run("script", "-qec", line, "/dev/null", cwd=desk.directory).stdout
    assert re.sub(r"\x1b\[\d*m", "", said).split()[:5] == ["NAME", "NAMESPACES", "ADOPTED", "APPLIED", "STATE"]
