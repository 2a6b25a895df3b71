"""Users and groups that may open a device."""

from __future__ import annotations

from collections.abc import Mapping

from weft.compiler.draft import Draft
from weft.model.intent import Path
from weft.state import HOST, Key

ROOT = 0
"""User and group."""


def openers(
    draft: Draft, path: Path, owner: str | None, group: str | None, *, adopt: bool = False
) -> tuple[int | None, int | None]:
    """The numbers of the user and the group that may open a tap. `path`: of what has the keys `owner` and `group`.

    Where nobody is named it is root: the kernel lets everybody open one that has neither (drivers/net/tun.c
    tun_not_capable). An adopted one keeps what it has.
    """
    if owner is None and group is None:
        return (None if adopt else ROOT), None
    users, groups = draft.facts.users, draft.facts.groups
    return account(draft, (*path, "owner"), owner, users), account(draft, (*path, "group"), group, groups)


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
