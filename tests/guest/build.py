"""Build a guest kernel from Debian's sources into the cache: python -m tests.guest.build (`make guest-kernel`).

The configuration is ARCH=um's own with kernel.config above it, and every line of that must have been taken: a kernel
that lacks something without a word would have tests skipped. Some eight minutes on two idle processors. Nothing is done
while the kernel in the cache is younger than its sources and its configuration.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from tests.guest import kernels

VERSION = "6.1"
SOURCES = Path(f"/usr/src/linux-source-{VERSION}.tar.xz")
FRAGMENT = Path(__file__).with_name("kernel.config")
_SYMBOL = re.compile(r"^(?:# )?(CONFIG_\w+)", re.M)
GOAL = f"linux-{VERSION}-uml"


def main() -> None:
    goal = kernels.cache() / GOAL
    if goal.exists() and all(goal.stat().st_mtime > of.stat().st_mtime for of in (SOURCES, FRAGMENT)):
        print(f"{goal} is there already")
        return
    goal.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="build-", dir=goal.parent) as folder:
        subprocess.run(["tar", "-C", folder, "--strip-components=1", "-xf", SOURCES], check=True)
        configure(Path(folder))
        make(Path(folder), f"-j{os.cpu_count()}", "linux")
        subprocess.run(["strip", "linux"], cwd=folder, check=True)
        (Path(folder) / "linux").rename(goal)
    print(f"built {goal}")


def configure(tree: Path) -> None:
    """Raises: SystemExit with the lines that were not taken."""
    wanted, config = FRAGMENT.read_text(), tree / ".config"
    make(tree, "defconfig")
    config.write_text(without(wanted, config.read_text()) + wanted)
    make(tree, "olddefconfig")
    if lost := not_taken(wanted, config.read_text()):
        raise SystemExit(f"{FRAGMENT}: not taken, misspelt or without what they depend on: {', '.join(lost)}")


def without(wanted: str, config: str) -> str:
    """A configuration without what a fragment decides, which would only be warned about."""
    decided = set(_SYMBOL.findall(wanted))
    return "".join(line for line in config.splitlines(keepends=True) if decided.isdisjoint(_SYMBOL.findall(line)))


def not_taken(wanted: str, got: str) -> list[str]:
    """The lines `NAME=VALUE` of a fragment that a configuration does not have. `=n` is how one asks for an absence."""
    lines = set(got.splitlines())
    names = {line.partition("=")[0] for line in lines}
    asked = [line for line in wanted.splitlines() if line.startswith("CONFIG_")]
    return [line for line in asked if (line[:-2] in names if line.endswith("=n") else line not in lines)]


def make(tree: Path, *words: str) -> None:
    """Quietly, and after everything else that wants the processors."""
    subprocess.run(["nice", "make", "--silent", "ARCH=um", *words], cwd=tree, check=True)


if __name__ == "__main__":
    main()
