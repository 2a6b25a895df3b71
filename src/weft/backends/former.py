"""What a backend must be able to remember of settings and of objects that bear no mark: the ledger as it sees it.

Rules: data and a protocol; `weft.store.ledger` is the real one. A former value is noted before the first change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from weft.state import Key


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
