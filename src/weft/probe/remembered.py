"""What this kernel has, as it was found once and is remembered.

Rules: what was found holds until the kernel, its modules or weft itself change. Finding out is `kernel`'s, which is
imported when it must be: it knows a specimen of everything. Source: modules.dep(5).
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import weft
from weft.facts import FEATURES
from weft.store import codec, durable
from weft.store.locks import hold

MODULES = Path("/lib/modules") / os.uname().release / "modules.dep"
"""What the kernel may load, and its changes."""

SETTINGS, LINKS, QUEUES, RULES = PARTS = ("settings", "links", "queues", "rules")
"""What is tried together; commands try what their intent may need."""

_WAIT_S = 10.0


def features(run: Path, parts: Collection[str] = PARTS) -> frozenset[str]:
    """The names of what this kernel has, as in `weft.facts.FEATURES`, of some parts. `run`: where they are remembered.
    Of commands that start together one looks, and the others wait for it.

    Raises: NotPermitted, DiskFull, Locked.
    """
    path = run / "features.json"
    known = _remembered(path)
    if not known.keys() >= set(parts):
        from weft.probe import kernel

        with hold(run / "locks", ["features"], command="weft", wait_s=_WAIT_S):
            known = _remembered(path)
            if left := [part for part in parts if part not in known]:
                known |= kernel.find_parts(left)
                said = {part: sorted(names) for part, names in known.items()}
                durable.write(path, codec.dumps({"of": _signature(), "features": said}))
    return frozenset(name for part in parts for name in known[part])


def _signature() -> list[str]:
    """What must not have changed for the remembered features to hold."""
    try:
        changed = str(MODULES.stat().st_mtime_ns)
    except OSError:
        changed = ""
    return [weft.__version__, os.uname().release, changed, *FEATURES]


def _remembered(path: Path) -> dict[str, frozenset[str]]:
    """What was found of each part that was tried."""
    try:
        plain = codec.loads(path.read_bytes())
        known = {part: frozenset(names) for part, names in plain["features"].items()}
        return known if plain["of"] == _signature() else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
