"""A world with a file to apply, for tests that break something and want to hear about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.dump import Dump, differences
from tests.kernel.faults import intents
from tests.kernel.faults.command import Ran, weft_in
from tests.kernel.faults.points import Act
from tests.kernel.faults.rig import SCOPE, at_once
from tests.world import World

Drift = tuple[str, str, str, str]
"""What `status` says of one object: missing, changed, extra or foreign; table, namespace, name."""


class Lab:
    """`file`: the file that is applied, A unless written anew."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.file = world, folder / "weft.yaml"
        self.write(intents.A)

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def weft(
        self, command: str, *words: str, code: int = 0, act: Act | None = None, before: Callable[[], None] | None = None
    ) -> Ran:
        """One command on the file (but recover, which needs none). Raises: AssertionError for another exit code."""
        ran = weft_in(self.world, command, *self._argv(command), *words, act=act, before=before)
        assert ran.status == code, f"wanted {code}, but {ran}"
        return ran

    def argv(self, command: str) -> list[str]:
        return [command, *self._argv(command)]

    def _argv(self, command: str) -> list[str]:
        if command == "recover":
            return []
        if command == "destroy":
            return [SCOPE, "-y"]
        return ["-f", str(self.file), *(["-y"] if command == "apply" else [])]

    def sh(self, script: str) -> str:
        """As somebody else would."""
        return self.world.run("sh", "-ec", script).stdout

    def drift(self) -> set[Drift]:
        """What `weft status` finds."""
        found = weft_in(self.world, "status", "-f", self.file, "-o", "json")
        assert found.status in (0, 3), str(found)
        told: list[dict[str, Any]] = json.loads(found.out)["differences"]
        return {(one["drift"], one["table"], one["netns"], one["name"]) for one in told}

    def dump(self) -> Dump:
        return at_once(self.world.dump())

    def settled(self) -> Dump:
        return at_once(self.world.dump(settle_s=3))

    def assert_as(self, before: Dump, what: str) -> None:
        """The world is as in an earlier dump, perhaps after a moment."""
        left = differences(before, self.dump()) and differences(before, self.settled())
        assert not left, "\n".join([what, *left])
