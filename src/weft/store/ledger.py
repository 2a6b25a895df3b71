"""Former values of what bears no mark: settings, and weft's objects on foreign ground.

Rules: a former value is noted before the first change and never again while the entry lives; it is put back only where
what stands there is still weft's, by the last scope that holds it. `former` None means that there was nothing. An entry
speaks of one namespace by its cookie: a namespace made anew under the same name has no entries. Every change of the
file is one atomic write under a lock of its own, for tenants are applied side by side.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from weft.backends.former import Entry
from weft.errors import ForeignObject, Refused
from weft.state import Key
from weft.store import codec, durable

Entries = dict[Key, Entry]


class Ledger:
    """The ledger of one host. Reading takes no lock: the file is always whole."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "ledger"
        self._read: tuple[tuple[int, int], Entries] | None = None

    def entries(self) -> Mapping[Key, Entry]:
        """All entries. Raises: Refused for a damaged file."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return {}
        version = (status.st_ino, status.st_mtime_ns)
        if self._read is None or self._read[0] != version:
            self._read = (version, _load(self._path))
        return self._read[1]

    def scopes(self, scope: str = "") -> dict[Key, str]:
        """Whose each entry is: `scope` where it is among the holders, else the first of them."""
        return {key: scope if scope in entry.scopes else entry.scopes[0] for key, entry in self.entries().items()}

    def note(self, entries: Iterable[Entry]) -> None:
        """Before a change: note the former values, or beside one that is there the value to come.

        Raises: ForeignObject where another scope holds the key with another value, DiskFull, NotPermitted.
        """
        with self._editing() as held:
            for entry in entries:
                held[entry.key] = _merged(held.get(entry.key), entry)

    def settle(self, keys: Collection[Key]) -> None:
        """After a change: only the newest value is ours."""
        known = self.entries()
        if any(len(known[key].ours) > 1 for key in keys if key in known):
            with self._editing() as held:
                held.update({key: replace(held[key], ours=held[key].ours[-1:]) for key in keys if key in held})

    def drop(self, keys: Iterable[Key], scope: str) -> None:
        """The scope lets go of entries; unknown ones are fine."""
        entries = self.entries()
        known = [key for key in keys if key in entries]
        if known:
            with self._editing() as held:
                for key in known:
                    _let_go(held, key, scope)

    def prune(self, cookie_of: Callable[[str], int | None]) -> None:
        """Forget the entries of namespaces that are gone. `cookie_of`: the cookie that a label has now, None where
        it names nothing."""
        if not self.entries() and not durable.is_half_written(self._path):
            return
        with self._editing() as held:  # the cookies too are read under the lock: another scope may be noting a new one
            now = {netns: cookie_of(netns) for netns in {key.netns for key in held}}
            for key in [key for key, entry in held.items() if now[key.netns] != entry.cookie]:
                del held[key]

    @contextmanager
    def _editing(self) -> Iterator[Entries]:
        """The entries, to be changed and then written if they were. Raises: DiskFull, NotPermitted."""
        with _lock(self._path):
            durable.sweep(self._path)
            before = self.entries()
            held = dict(before)
            yield held
            if held != before:
                durable.write(self._path, _bytes(held))


def _merged(old: Entry | None, new: Entry) -> Entry:
    if old is None or old.cookie != new.cookie:
        return new
    others = [scope for scope in old.scopes if scope not in new.scopes]
    if others and new.ours[-1] != old.ours[-1]:
        raise ForeignObject(
            f"{new.key} is set to {old.ours[-1]} by the scope {others[0]}; it cannot be {new.ours[-1]} as well"
        )
    ours = tuple(value for value in old.ours[-1:] if value not in new.ours) + new.ours
    scopes = (*old.scopes, *(scope for scope in new.scopes if scope not in old.scopes))
    return replace(old, scopes=scopes, ours=ours)


def _let_go(held: Entries, key: Key, scope: str) -> None:
    entry = held.get(key)
    if entry is None or scope not in entry.scopes:
        return
    left = tuple(other for other in entry.scopes if other != scope)
    if left:
        held[key] = replace(entry, scopes=left)
    else:
        del held[key]


def _bytes(held: Entries) -> bytes:
    rows = [[*entry.key, entry.scopes, entry.former, entry.ours, entry.cookie] for entry in held.values()]
    return codec.dumps({"weft-ledger": 1, "entries": rows})


def _load(path: Path) -> Entries:
    try:
        rows = codec.loads(path.read_bytes())["entries"]
        entries = [
            Entry(key=Key(table, netns, name), scopes=tuple(scopes), former=former, ours=tuple(ours), cookie=cookie)
            for table, netns, name, scopes, former, ours, cookie in rows
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{path} is damaged ({error!r}): former values are lost; delete it to go on") from error
    return {entry.key: entry for entry in entries}


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    fd = durable.opened(path.with_name("ledger.lock"))
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
