"""Cgroups of version 2 for a test, where nft looks for them, and programs in them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from weft.probe.cgroups import ROOT


@contextmanager
def cgroups(paths: Iterable[str]) -> Iterator[None]:
    """They are there, with all that they are in, and gone afterwards if they were not there before."""
    made: list[Path] = []
    for path in paths:
        for folder in reversed([ROOT / path, *(ROOT / path).parents]):
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
    try:
        yield
    finally:
        for folder in reversed(made):
            subprocess.run(["rmdir", folder], check=False, capture_output=True)  # a test may have


def within(path: str, *argv: str | Path) -> tuple[str | Path, ...]:
    """A command that runs in a cgroup."""
    return ("sh", "-ec", f'echo $$ > {ROOT}/{path}/cgroup.procs; exec "$@"', "sh", *argv)
