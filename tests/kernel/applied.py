"""A file applied to a host that a script has prepared."""

from __future__ import annotations

from pathlib import Path

from tests.world import World


def applied_to(world: World, folder: Path, prepare: str, file: str) -> World:
    """The world in which the script `prepare` has run and the text `file`, weft.yaml in the folder then, is applied."""
    world.run("sh", "-ec", prepare)
    (folder / "weft.yaml").write_text(file)
    world.run("weft", "apply", "--yes", cwd=folder)
    return world
