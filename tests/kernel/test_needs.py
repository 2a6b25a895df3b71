"""The marker `needs`: what it skips here is what the witness cannot make here."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.world import World

ROOT = Path(__file__).parents[2]


@pytest.mark.needs("dummy")
def test_what_is_said_to_be_here_can_be_made(world: World) -> None:
    world.run("ip", "link", "add", "d0", "type", "dummy")


@pytest.mark.needs("netem")
def test_what_only_a_witness_knows(world: World) -> None:
    world.run("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "20ms")
    assert world.ping("127.0.0.1", wait_s=0)


def test_it_judges_as_ip_does(world: World) -> None:
    made = world.run("ip", "link", "add", "d0", "type", "dummy", check=False).returncode == 0
    assert needs.is_here("dummy") is made
    assert needs.is_here("veth")


def test_an_unknown_name_is_an_error_and_never_a_skip(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "test_x.py").write_text('import pytest\n@pytest.mark.needs("vlna")\ndef test_x(): pass\n')
    asked = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, tmp_path]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "needs 'vlna', which is none of: " in done.stderr and " vlan," in done.stderr
