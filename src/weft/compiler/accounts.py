"""Users and groups that may open a device."""

from __future__ import annotations

from collections.abc import Mapping

from weft.compiler.draft import Draft
from weft.model.intent import Path
from weft.state import HOST, Key


def account(draft: Draft, path: Path, named: str | None, known: Mapping[str, int]) -> int | None:
    """The number of a user or group given by name or number; None, and a finding, where it is not known. `path`: of the
    key `owner` or `group`."""
    if named is None or named in known:
        return None if named is None else known[named]
    if named.isdecimal():
        return int(named)
    kind = "user" if path[-1] == "owner" else "group"
    what, fix = f"this machine has no {kind} {named}", f"an existing {kind}, or its number"
    draft.lack(path, Key(kind, HOST, named), what, fix)
    return None
