"""Which part of the user's intent a changed object belongs to.

Rules: what is wanted is found in the compiler's paths; what goes is found by the mark of the link or namespace that it
is or lives on, for the file no longer speaks of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.diff import Changes
from weft.kinds.link.common import Link
from weft.kinds.netns import Namespace
from weft.model.intent import Path
from weft.state import Change, KernelObject, Key, Mark

NOBODY: Path = ("host",)


class Subjects:
    """Paths of the intent by key, for one plan."""

    def __init__(self, changes: Changes, paths: Mapping[Key, Path]) -> None:
        self._changes = changes
        self._paths = paths

    def of(self, change: Change) -> Path:
        path = self._paths.get(change.key)
        if path is not None:
            return path
        return self._marked(change.before) or NOBODY

    def _marked(self, obj: KernelObject | None) -> Path | None:
        if obj is None:
            return None
        if isinstance(obj, (Link, Namespace)):
            mark = Mark.parse(obj.alias)
            return tuple(mark.object.split("/")) if mark else None
        for ground in obj.lives_on:
            change = self._changes.get(ground)
            path = self._paths.get(ground) or (self._marked(change.before) if change else None)
            if path is not None:
                return path
        return None
