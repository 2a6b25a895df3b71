"""Who is asked, and how it looks: terminals and pipes."""

from __future__ import annotations

import os
import pty
import select
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.doors.conftest import Desk

QUESTION = "Apply this to first? [y/N]: "
CTRL_C = "\x03"
PATIENCE_S = 20


@dataclass
class Talk:
    """What a terminal showed, and the exit code at the end."""

    shown: str
    code: int


def talk(desk: Desk, *words: str, asked: str = "", answer: str = "", env: Mapping[str, str] | None = None) -> Talk:
    """Run weft on a terminal; when it has shown `asked`, type `answer`."""
    ours, theirs = pty.openpty()
    command = ("setsid", "--ctty", "--wait", "weft", *words)
    environment = {"TERM": "xterm", "COLUMNS": "200", "NO_COLOR": "", **(env or {})}
    running = desk.world.start(
        *command,
        cwd=desk.directory,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = _read(ours, asked)
    if asked:
        time.sleep(0.3)  # people type after the prompt has begun to read, where a signal is heard at once
        os.write(ours, answer.encode())
        shown += _read(ours, "")
    os.close(ours)
    return Talk(shown.replace("\r\n", "\n"), running.wait(timeout=PATIENCE_S))


def _read(terminal: int, until: str) -> str:
    """Up to a text, or to the end."""
    shown, deadline = b"", time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and not (until and until.encode() in shown):
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # EIO: the other side is gone
            break
    text = shown.decode()
    assert until in text, text
    return text


def test_without_a_terminal_the_answer_is_no(desk: Desk) -> None:
    desk.weft("init")
    refused = desk.weft("apply", code=4, input="y\n")
    assert "+ tenants.demo.ports.web" in refused.stdout
    assert refused.stderr.endswith("There is nobody to ask: --yes says so; nothing was changed\n")
    assert desk.world.names() == []
    desk.weft("apply", "--yes")
    desk.weft("destroy", "first", code=4)
    assert "web" in desk.world.names()


def test_yes_on_a_terminal(desk: Desk) -> None:
    desk.weft("init")
    done = talk(desk, "apply", asked=QUESTION, answer="y\n")
    assert done.code == 0 and "Applied and verified: 110 kernel objects" in done.shown
    assert desk.world.ping("10.20.0.11", netns="web")
    gone = talk(desk, "destroy", "first", asked="Destroy first? [y/N]: ", answer="y\n")
    assert gone.code == 0 and desk.world.names() == []


def test_no_and_ctrl_c_on_a_terminal(desk: Desk) -> None:
    desk.weft("init")
    for answer in ("n\n", "\n", CTRL_C):
        done = talk(desk, "apply", asked=QUESTION, answer=answer, env={"NO_COLOR": "1"})
        assert done.code == 4 and done.shown.rstrip().endswith("nothing was changed"), done
    assert desk.world.names() == []


def test_json_asks_on_stderr_with_the_plan_beside(desk: Desk) -> None:
    desk.weft("init")
    done = talk(desk, "apply", "-o", "json", asked=QUESTION, answer="y\n")
    assert done.code == 0 and "+ tenants.demo.ports.web" in done.shown.replace("\x1b[32m", "")
    assert '"done": true' in done.shown


def test_colours_on_a_terminal_only(desk: Desk) -> None:
    desk.weft("init")
    green = "\x1b[32m+ tenants.demo.ports.web"
    assert green in talk(desk, "plan").shown
    assert "\x1b[" not in talk(desk, "plan", env={"NO_COLOR": "1"}).shown
    assert "\x1b[" not in talk(desk, "plan", env={"TERM": "dumb"}).shown
    assert "\x1b[" not in desk.weft("plan", code=3).stdout


def test_tables_on_a_terminal(first: Desk) -> None:
    first.world.run("ip", "link", "set", "db", "mtu", "1400", netns="db")
    coloured = talk(first, "status").shown
    assert "\x1b[1mDRIFT" in coloured and "\x1b[33mchanged\x1b[0m" in coloured
    plain = talk(first, "status", env={"NO_COLOR": "1"})
    assert plain.code == 3 and "veth db@db: mtu 1400 -> 1500" in plain.shown
    assert "\x1b[33m" not in plain.shown


def test_warnings_go_to_stderr_with_their_line(desk: Desk) -> None:
    desk.write("weft: 1\nname: w\ntenants:\n  t:\n    networks:\n      lan: {subnets: [100.64.1.0/24]}\n")
    plan = desk.weft("plan", code=3)
    assert "weft.yaml:6:" in plan.stderr and ": warning: " in plan.stderr
    assert "warning" not in plan.stdout
    (warning,) = desk.json("plan", code=3)["warnings"]
    assert warning["where"].startswith("weft.yaml:6:") and "100.64" in warning["what"]
