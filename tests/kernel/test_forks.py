"""A fork is as the program itself: what it says and how it ends, where it is and what it is given."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.patience import until
from tests.world import BIN, World

ROOT = Path(__file__).parents[2]
FILE = "weft: 1\nname: lab\nnamespaces: {a: {}}\n"
WHERE = "readlink /proc/self/ns/net /proc/self/ns/mnt; pwd; cat; echo $TOLD"


@pytest.mark.parametrize(
    "words",
    [["version"], ["--help"], ["apply", "--help"], ["frob"], ["plan", "-f", "none.yaml"], ["list"], ["plan", "-f-"]],
    ids=" ".join,
)
def test_it_says_and_ends_as_the_program(shared_world: World, words: list[str], tmp_path: Path) -> None:
    forked, real = (
        shared_world.run(weft, *words, check=False, cwd=tmp_path, input=FILE) for weft in ("weft", BIN / "weft")
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)


@pytest.mark.parametrize("netns", [None, "a"])
def test_it_is_where_it_should_be_and_has_what_it_is_given(world: World, netns: str | None, tmp_path: Path) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text(FILE)
    world.run("weft", "apply", "-y", "-f", file)
    asked = ("exec", "-f", file, "a", "--", "sh", "-c", WHERE)
    forked, real = (
        world.run(weft, *asked, netns=netns, cwd=tmp_path, input="given\n", env={"TOLD": "told"}, check=False)
        for weft in ("weft", BIN / "weft")
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)
    assert forked.stdout.split()[-2:] == ["given", "told"]


def test_one_that_takes_too_long_is_killed(world: World, tmp_path: Path) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text(FILE)
    world.run("weft", "apply", "-y", "-f", file)
    before = set(world.processes())
    with pytest.raises(subprocess.TimeoutExpired):
        world.run("weft", "exec", "-f", file, "a", "--", "sleep", "100", timeout_s=1)

    def sleep() -> list[int]:
        left = set(world.processes()) - before
        return [pid for pid in left if b"sleep" in words_of(pid)]

    until(lambda: sleep() == [], "what it was is gone")


def words_of(pid: int) -> bytes:
    """Nothing of one that has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


INSIDE = """
from tests.world import World
with World() as world, world.inside():
    world.run("weft", "version")
with World() as world:
    print(world.run("weft", "version").stdout)
"""


def test_it_outlives_the_world_it_was_first_asked_for_in() -> None:
    done = subprocess.run([sys.executable, "-c", INSIDE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("weft "), done.stderr


IMPORTED = """
import sys
from tests.forks import preload
preload()
from weft.doors.cli.main import main
before = set(sys.modules)
try:
    main(["plan", "-f", "weft.yaml"])
except SystemExit as ended:
    assert ended.code == 3, ended
assert set(sys.modules) == before, set(sys.modules) - before
"""


def test_it_has_imported_what_a_command_needs(world: World, tmp_path: Path) -> None:
    (tmp_path / "weft.yaml").write_text(FILE)
    world.run(sys.executable, "-c", IMPORTED, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)})
