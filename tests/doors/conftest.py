"""The command line is tried as people run it, in a world of its own, in a directory of its own: by the real `weft`, but
in the files of `SHOWING`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.world import BIN, World

HERE = Path(__file__).parent
NEEDS_WORLD = {"desk", "world"}
SHOWING = frozenset(
    "test_check test_drops test_qos_advise test_qos_refusals test_qos_set test_qos_show test_show test_trace".split()
)
"""What is about what commands say and do, not how they start and end: there each is a fork (tests/forks.py)."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and NEEDS_WORLD & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kernel)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="needs root"))


@dataclass
class Desk:
    """Where somebody sits: a machine of their own, and a directory with their files."""

    world: World
    directory: Path
    program: str | Path = BIN / "weft"

    def weft(
        self, *words: str | Path, code: int | None = 0, via: tuple[str, ...] = (), **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run weft and expect an exit code, None for any. `via`: a command before it, such as setpriv."""
        done = self.world.run(*via, self.program, *words, check=False, cwd=self.directory, **more)
        assert code in (None, done.returncode), f"weft {words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        """What weft says to programs."""
        return json.loads(self.weft(*words, "-o", "json", code=code).stdout)

    def write(self, text: str, name: str = "weft.yaml") -> Path:
        path = self.directory / name
        path.write_text(text)
        return path

    def state(self, pattern: str) -> list[Path]:
        """Files of the world's /run/weft/HOST/, as this process sees them."""
        return list(Path(f"/proc/{self.world.pid}/root/run/weft").glob(f"*/{pattern}"))

    def guards(self) -> list[str]:
        """The ids of the processes that guard something on trial here."""
        commands = {pid: Path(f"/proc/{pid}/cmdline") for pid in self.world.processes()}
        return [
            str(pid) for pid, path in commands.items() if path.exists() and b"weft.doors.guard" in path.read_bytes()
        ]


@pytest.fixture
def desk(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(world=world, directory=tmp_path)
    if request.path.stem in SHOWING:
        desk.program = "weft"
    yield desk


@pytest.fixture
def first(desk: Desk) -> Desk:
    """A desk with the first file, applied."""
    desk.weft("init")
    desk.weft("apply", "-y")
    return desk
