"""Sysctls by /proc/sys, each read and written from inside its namespace.

Rules: a setting always exists, so to create one is to change it. Its former value is in the ledger before it is
touched, and is put back only if what stands there is still ours. Every write to the kernel goes through
`write_setting`. Source: proc(5), Documentation/admin-guide/sysctl/net.rst.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from errno import EACCES, EIO, ENOENT, EPERM

from weft.backends.base import Selection
from weft.backends.former import Entry, FormerValues, settle_after, to_put_back
from weft.backends.nameless import NO_NAMES
from weft.backends.visit import visiting
from weft.errors import KernelRefused, NotPermitted
from weft.kinds import KINDS
from weft.kinds.base import Request
from weft.kinds.setting import sysctl
from weft.kinds.setting.sysctl import ALGORITHM, ALLOWED_ALGORITHMS, folded, is_safe
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces, cookie
from weft.records import dataclass
from weft.state import Change, Key, Op, State

_ROOT = "/proc/sys/"


def write_setting(name: str, text: str) -> None:
    """One write(2) to a sysctl of the namespace the thread is in. Raises: OSError."""
    with open(_ROOT + name, "w") as file:
        file.write(text)


def read_setting(name: str) -> str | None:
    """The value, folded; None where there is no such sysctl or it cannot be read."""
    try:
        with open(_ROOT + name) as file:
            return folded(file.read())
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class _Step:
    """One write. `now`: what stands there, None for nothing; `goal` None for nothing to write."""

    change: Change
    now: str | None
    goal: str | None


@dataclass(frozen=True, slots=True)
class _Batch:
    """The writes of one namespace."""

    netns: str
    cookie: int
    steps: list[_Step]


class Settings:
    """The backend of sysctls, for one scope."""

    def __init__(self, namespaces: Namespaces, ledger: FormerValues, scope: str) -> None:
        self._namespaces = namespaces
        self._ledger = ledger
        self._scope = scope

    def observe(self, selection: Selection) -> State:
        """The sysctls that are selected, and those that the ledger has for the selected namespaces.

        Raises: NotPermitted.
        """
        state = State()
        for netns, keys in _by_netns(self._selected(selection)).items():
            try:
                with visiting(self._namespaces, netns):
                    found = [(key.name, read_setting(key.name)) for key in keys]
            except NamespaceGone:
                continue
            state.update(State.of(sysctl.parse(netns, name, text) for name, text in found if text is not None))
        return state

    def commit(self, changes: Sequence[Change]) -> None:
        """As the contract has it. Raises: KernelRefused, NotPermitted, ForeignObject, DiskFull."""
        batches = [self._batch(netns, keyed) for netns, keyed in _changes_by_netns(changes).items()]
        # All former values are noted in one write of the ledger, before anything is touched.
        self._ledger.note(entry for batch in batches for entry in self._entries(batch))
        for batch in batches:
            self._write_all(batch)
        settle_after(self._ledger, changes, self._scope)

    def prune(self) -> None:
        """Forget the entries of namespaces that are gone."""
        self._ledger.prune(self.cookie_of)

    def _selected(self, selection: Selection) -> Iterator[Key]:
        yield from (key for key in selection.keys if key.table == "sysctl" and is_safe(key.name))
        whole = frozenset(selection.namespaces)
        for key in self._ledger.entries():
            if key.table == "sysctl" and key.netns in whole and key not in selection.keys:
                yield key

    def _batch(self, netns: str, changes: Sequence[Change]) -> _Batch:
        try:
            with visiting(self._namespaces, netns):
                number, entries = cookie(), self._ledger.entries()
                steps = [self._step(change, entries.get(change.key), number) for change in changes]
                return _Batch(netns, number, steps)
        except NamespaceGone as error:
            _refuse_all_but_deletions(changes, error)
            return _Batch(netns, 0, [])

    def _step(self, change: Change, entry: Entry | None, number: int) -> _Step:
        """What to write, with the thread in the namespace."""
        ((name, wanted),) = (request.payload for request in _requests(change))
        if not is_safe(name):
            raise KernelRefused(str(change), ENOENT, "no such sysctl")
        now = read_setting(name)
        if wanted is not None:
            return _Step(change, now, wanted)
        return _Step(change, now, to_put_back(entry, now=now, cookie=number, scope=self._scope))

    def _entries(self, batch: _Batch) -> Iterator[Entry]:
        """Nothing for what cannot be read: there is nothing to put back, and nobody would ever let go of the note."""
        for step in batch.steps:
            if step.change.op is not Op.DELETE and step.goal is not None and step.now is not None:
                yield Entry(
                    key=step.change.key,
                    scopes=(self._scope,),
                    former=step.now,
                    ours=(step.goal,),
                    cookie=batch.cookie,
                )

    def _write_all(self, batch: _Batch) -> None:
        steps = [step for step in batch.steps if step.goal is not None]
        if not steps:
            return
        try:
            with visiting(self._namespaces, batch.netns):
                for step in steps:
                    _write(step)
        except NamespaceGone as error:
            _refuse_all_but_deletions([step.change for step in steps], error)

    def cookie_of(self, netns: str) -> int | None:
        """The cookie of the namespace that the label names now, None where it names none."""
        try:
            with visiting(self._namespaces, netns):
                return cookie()
        except NamespaceGone:
            return None


def _write(step: _Step) -> None:
    name = step.change.key.name
    assert step.goal is not None
    try:
        write_setting(name, step.goal)
    except OSError as error:
        if error.errno == EPERM and name == ALGORITHM:
            why = f"only the machine's first namespace may take {step.goal} before {ALLOWED_ALGORITHMS} there names it"
            raise KernelRefused(str(step.change), EPERM, why) from error
        if error.errno in (EPERM, EACCES):
            raise NotPermitted(f"{step.change}: /proc/sys/{name} is not ours to write") from error
        # tcp_congestion_control answers ENOENT for a value that it does not know.
        is_missing = error.errno == ENOENT and read_setting(name) is None
        if not (is_missing and step.change.op is Op.DELETE):
            why = "this kernel has no such sysctl here" if is_missing else f"value {step.goal!r}"
            raise KernelRefused(str(step.change), error.errno or EIO, why) from error


def _requests(change: Change) -> Iterable[Request]:
    return KINDS.of(change.object).requests(change, NO_NAMES)


def _refuse_all_but_deletions(changes: Sequence[Change], error: Exception) -> None:
    left = [change for change in changes if change.op is not Op.DELETE]
    if left:
        raise KernelRefused(str(left[0]), ENOENT, "there is no such namespace") from error


def _by_netns(keys: Iterable[Key]) -> dict[str, list[Key]]:
    found: dict[str, list[Key]] = {}
    for key in keys:
        found.setdefault(key.netns, []).append(key)
    return found


def _changes_by_netns(changes: Sequence[Change]) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for change in changes:
        found.setdefault(change.key.netns, []).append(change)
    return found
