"""The demo is the promise of the front page: it runs, in time, and would say so if something did not hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.guest import MAC, answer, checksum
from demo.narrator import Narrator
from tests.spent import spent_s

ROOT = Path(__file__).parents[2]
BUDGET_S = 20


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_the_demo_holds_and_takes_less_than_twenty_seconds_of_the_processor() -> None:
    before_s = spent_s()
    done = subprocess.run([sys.executable, "-m", "demo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "25 claims tested" in done.stdout and ", 0 did not hold." in done.stdout
    assert spent_s() - before_s < BUDGET_S


def test_a_claim_that_does_not_hold_is_told_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator()
    narrator.claim("water is wet", True)
    assert narrator.end() == 0
    narrator.claim("the moon is cheese", False)
    assert narrator.end() == 1
    assert "NOT TRUE: the moon is cheese" in capsys.readouterr().out


def test_the_guest_answers_what_it_is_asked() -> None:
    asker = bytes.fromhex("020000000001")
    request = bytes.fromhex("0001080006040001") + asker + bytes([10, 0, 0, 11]) + bytes(6) + bytes([10, 0, 0, 20])
    reply = answer(b"\xff" * 6 + asker + b"\x08\x06" + request)
    assert reply is not None and reply[:12] == asker + MAC and reply[20:22] == b"\x00\x02"
    assert answer(b"\xff" * 6 + asker + b"\x08\x06" + request[:-1] + b"\x63") is None  # somebody else's address
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == bytes.fromhex("220d")  # RFC 1071, section 3
