"""What a backend must be able to remember of settings and of objects that bear no mark: the ledger as it sees it.

Rules: data and a protocol; `weft.store.ledger` is the real one. A former value is noted before the first change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from weft.records import dataclass
from weft.state import Change, Key, Op


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`scopes`: who holds it, first who changed it; several may want one value (ip_forward). `former`: what was there,
    None for nothing. `ours`: what weft has put there, the newest last; two values while one is being changed to the
    other. `cookie`: of the namespace (SO_NETNS_COOKIE)."""

    key: Key
    scopes: tuple[str, ...]
    former: str | None
    ours: tuple[str, ...]
    cookie: int


class FormerValues(Protocol):
    """Durable when a call returns."""

    def entries(self) -> Mapping[Key, Entry]:
        """All entries, of all scopes."""

    def note(self, entries: Iterable[Entry]) -> None:
        """Before a change: note the former values, or beside one that is there the value to come.

        Raises: ForeignObject where another scope holds the key with another value, DiskFull, NotPermitted.
        """

    def settle(self, keys: Collection[Key]) -> None:
        """After a change: only the newest value is ours."""

    def drop(self, keys: Iterable[Key], scope: str) -> None:
        """The scope lets go of entries; unknown ones are fine."""

    def prune(self, cookie_of: Callable[[str], int | None]) -> None:
        """Forget the entries of namespaces that are gone. `cookie_of`: the cookie that a label has now, None where
        it names nothing."""


def to_put_back(entry: Entry | None, *, now: str | None, cookie: int, scope: str) -> str | None:
    """The value that ending a setting puts back, None for nothing: somebody has changed it since, another scope still
    holds it, or the entry is of a namespace that is gone. `now`: what stands there; `cookie`: of the namespace."""
    if entry is None or entry.cookie != cookie or entry.scopes != (scope,):
        return None
    return entry.former if now in entry.ours else None


def settle_after(ledger: FormerValues, changes: Sequence[Change], scope: str) -> None:
    """After the changes are in the kernel: a value that is again what it was before weft needs no entry."""
    entries = ledger.entries()
    restored = {c.key for c in changes if c.op is Op.DELETE or _is_former(entries.get(c.key))}
    ledger.drop(restored, scope)
    ledger.settle([change.key for change in changes if change.key not in restored])


def _is_former(entry: Entry | None) -> bool:
    return entry is not None and entry.former == entry.ours[-1]
