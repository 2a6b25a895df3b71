"""nftables: weft's own tables, and its marked rules in other's chains.

Rules: one transaction a namespace and commit, so a namespace's rules are the old or the new, never between; counters
of unchanged rules live on. A namespace without nf_tables costs one small dump and loads no library. Tables of others
are not reported. A context is used only while its label names the namespace it was made in. Every write goes through
`Context.run` and `Context.run_located` of libnftables.py. Source: nft(8), libnftables(3).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from errno import EINTR, ENOENT, EPERM
from functools import partial

from weft.backends import nft_dump, nft_elements
from weft.backends.base import Selection
from weft.backends.libnftables import Complaint, Context
from weft.backends.nft_elements import NOTHING
from weft.backends.nft_transaction import (
    Transaction,
    assemble,
    needs_listing,
    steps,
    table_name,
    tolerant,
    without_the_dropped,
)
from weft.backends.visit import visiting
from weft.errors import DumpInterrupted, KernelRefused, NotPermitted
from weft.kinds.nft import foreign_rule
from weft.kinds.nft.listing import Listing, read
from weft.kinds.nft.table import TABLE_PREFIX, NftTable
from weft.netlink.connection import Connection
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.state import MARK, Change, KernelObject, Key, Op, State
from weft.wire.netfilter import NETLINK_NETFILTER

FEW_KEYS = 4
"""Up to so many keys of a namespace are read one by one, above it all of their tables: nft lists a chain at a third of
the cost of a table with 2,000."""

MANY_ELEMENTS = 500
"""From so many new elements on the kernel may still be resizing a set's hash table, and a listing then leaves some out:
seen on 7.2, 2,400 of 10,000. Source: include/linux/rhashtable.h rhashtable_walk_next."""

KEEP = 128
"""Contexts kept; libnftables cannot work with file descriptors from 1024 on (see netlink.descriptors)."""

ELEMENT, CHAIN = "nft-element", "nft-chain"

_WITH_ELEMENTS = "list sets\n"
"""A command that has nft read the elements of sets first. For a rule that goes before another, nft 1.0.6 reads all
rules without these, and ends with SIGSEGV at one, anybody's, that looks up part of a field in a set without a name."""

_MAX_TRIES = 5
_RESIZE_S = 0.01


class _Room:
    """What is kept of one namespace, each made when it is first used, by a thread that is in it."""

    def __init__(self, identity: tuple[int, int] | None) -> None:
        self.identity = identity
        self._context: Context | None = None
        self._connection: Connection | None = None

    @property
    def context(self) -> Context:
        if self._context is None:
            self._context = Context()
        return self._context

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(NETLINK_NETFILTER)
        return self._connection

    def close(self) -> None:
        if self._context is not None:
            self._context.close()
        if self._connection is not None:
            self._connection.close()


class Nft:
    """The backend of the nft kinds."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._rooms: dict[str, _Room] = {}
        self._fresh: dict[str, frozenset[Key]] = {}

    def close(self) -> None:
        for room in self._rooms.values():
            room.close()
        self._rooms.clear()

    def observe(self, selection: Selection) -> State:
        """As the contract has it. Raises: DumpInterrupted, NotPermitted, FeatureMissing."""
        self._forget_the_gone()
        state = State()
        for netns in selection.namespaces:
            state.update(State.of(self._within(netns, self._whole)))
        for netns, keys in _by_netns(selection).items():
            found = State.of(self._within(netns, partial(self._named, keys=keys)))
            state.update((key, held) for key, held in found.items() if key in keys)
        return state

    def commit(self, changes: Sequence[Change]) -> None:
        """As the contract has it; atomic in each namespace. Raises: KernelRefused, NotPermitted, FeatureMissing."""
        self._forget_the_gone()
        batches: dict[str, list[Change]] = {}
        for change in changes:
            batches.setdefault(change.key.netns, []).append(change)
        for netns, batch in batches.items():
            self._transaction(netns, without_the_dropped(batch))

    def chains(self, netns: str) -> list[nft_dump.Chain]:
        """Every chain of the namespace, whoever made it. Raises: DumpInterrupted, NotPermitted, NamespaceGone."""
        with visiting(self._namespaces, netns):
            return nft_dump.chains()

    def _within(self, netns: str, look: Callable[[str], Iterable[KernelObject]]) -> list[KernelObject]:
        """What `look` sees from inside the namespace; nothing where there is none."""
        for _ in range(_MAX_TRIES):
            try:
                with visiting(self._namespaces, netns):
                    return list(look(netns))
            except NamespaceGone:
                return []
            except Complaint as complaint:
                # Between the dump and the listing something went; look again.
                if complaint.errno_ not in (ENOENT, EINTR):
                    what = f"listing nftables in {netns or 'the host'}"
                    raise KernelRefused(what, complaint.errno_, complaint.text) from complaint
        raise DumpInterrupted("nf_tables changed during every try to list it")

    def _whole(self, netns: str) -> Iterable[KernelObject]:
        tables = nft_dump.tables()
        ours = [f"table {family} {name}" for family, name in tables if name.startswith(TABLE_PREFIX)]
        found = self._list_settled(netns, ours)
        return [*found, *self._foreign_rules(netns)] if len(tables) > len(ours) else found

    def _foreign_rules(self, netns: str) -> Iterable[KernelObject]:
        places = nft_dump.chains_with_rules_holding(f"{MARK}/".encode())
        foreign = [place for place in sorted(places) if not place[1].startswith(TABLE_PREFIX)]
        listing = self._list(netns, [f"chain {' '.join(place)}" for place in foreign])
        return _marked(listing)

    def _named(self, netns: str, keys: frozenset[Key]) -> Iterable[KernelObject]:
        """Only what is asked for: elements of the kernel, all else of nft, with one command a key, for a missing one
        fails its whole buffer."""
        present = nft_dump.tables()
        yield from (NftTable(netns=netns, family=family, name=name) for family, name in present)
        asked = [key for key in keys if tuple(key.name.split(" ")[:2]) in present]
        elements = [key for key in asked if key.table == ELEMENT]
        found = nft_elements.ask(self._room(netns).connection, netns, elements) if elements else NOTHING
        yield from found.objects
        wanted = [*found.left, *(key for key in _without_missing_chains(asked) if key.table != ELEMENT)]
        targets = dict.fromkeys(target for key in wanted for target in _targets(key))
        if len(targets) > FEW_KEYS:
            targets = dict.fromkeys(f"table {' '.join(key.name.split(' ')[:2])}" for key in wanted)
        for target in targets:
            listing = self._list_if_there(netns, target)
            yield from listing.objects
            yield from _marked(listing)

    def _list(self, netns: str, targets: Sequence[str]) -> Listing:
        """One command each: of several tables in one buffer, nft 1.0.6 knows the first only."""
        context = self._context(netns) if targets else None
        return read(netns, "\n".join(context.ask(f"list {t}") for t in targets) if context else "")

    def _list_settled(self, netns: str, targets: Sequence[str]) -> Sequence[KernelObject]:
        """The listing, taken again while elements that were just added are left out."""
        fresh = self._fresh.pop(netns, frozenset())
        for _ in range(_MAX_TRIES):
            objects = self._list(netns, targets).objects
            if not fresh or fresh.issubset(held.key for held in objects):
                break
            time.sleep(_RESIZE_S)
        return objects

    def _list_if_there(self, netns: str, target: str) -> Listing:
        try:
            return self._list(netns, [target])
        except Complaint as complaint:
            if complaint.errno_ != ENOENT:
                raise
            return Listing()

    def _context(self, netns: str) -> Context:
        return self._room(netns).context

    def _room(self, netns: str) -> _Room:
        """What is kept of the namespace; the thread must be in it."""
        if netns not in self._rooms:
            while len(self._rooms) >= KEEP:
                self._rooms.pop(next(iter(self._rooms))).close()
            self._rooms[netns] = _Room(self._namespaces.identity(netns))
        return self._rooms[netns]

    def _forget_the_gone(self) -> None:
        """What is kept would pin a dead namespace and go on answering for it."""
        for netns in [n for n, room in self._rooms.items() if self._namespaces.identity(n) != room.identity]:
            self._rooms.pop(netns).close()

    def _transaction(self, netns: str, changes: Sequence[Change]) -> None:
        try:
            with visiting(self._namespaces, netns):
                self._apply(netns, changes)
        except NamespaceGone as error:
            left = [change for change in changes if change.op is not Op.DELETE]
            if left:
                raise KernelRefused(str(left[0]), ENOENT, "there is no such namespace") from error

    def _apply(self, netns: str, changes: Sequence[Change]) -> None:
        try:
            self._run(netns, changes)
        except Complaint as complaint:
            if complaint.errno_ != ENOENT or not any(change.before for change in changes):
                self._explain(netns, changes)
                return
            self._explain(netns, tolerant(changes, self._present(netns, changes)))

    def _run(self, netns: str, changes: Sequence[Change]) -> None:
        found = steps(changes, self._rules_there(netns, changes))
        if found:
            self._context(netns).run(_readable(assemble(found)))
            self._note_fresh(netns, changes)

    def _note_fresh(self, netns: str, changes: Sequence[Change]) -> None:
        """What goes may take elements with it, on the way back all that were added: then none are waited for."""
        if any(change.after is None for change in changes):
            self._fresh.pop(netns, None)
        added = [change.key for change in changes if change.key.table == "nft-element" and change.after is not None]
        if len(added) >= MANY_ELEMENTS:
            self._fresh[netns] = frozenset(added)

    def _explain(self, netns: str, changes: Sequence[Change]) -> None:
        """Once more, each element apart and from a file, so that nft names the line. It may go well this time."""
        transaction = assemble(steps(changes, self._rules_there(netns, changes)), joined=False)
        if not transaction.lines:
            return
        try:
            self._context(netns).run_located(_readable(transaction))
        except Complaint as complaint:
            raise _refused(transaction, complaint) from complaint

    def _rules_there(self, netns: str, changes: Sequence[Change]) -> Listing:
        merged = Listing()
        for target in needs_listing(changes):
            listing = self._list_if_there(netns, target)
            merged.objects.extend(listing.objects)
            merged.rules.update(listing.rules)
        return merged

    def _present(self, netns: str, changes: Sequence[Change]) -> frozenset[Key]:
        wanted = {table_name(change.object) for change in changes if change.before is not None}
        there = [f"{family} {name}" for family, name in nft_dump.tables()]
        listing = self._list(netns, [f"table {name}" for name in there if name in wanted])
        return frozenset(held.key for held in listing.objects)


def _readable(transaction: Transaction) -> str:
    """Its text, such that nft can read the namespace that the thread is in."""
    needs_elements = transaction.has_placed_rules and nft_dump.has_masked_lookups()
    return transaction.text + _WITH_ELEMENTS * needs_elements


def _refused(transaction: Transaction, complaint: Complaint) -> Exception:
    change = transaction.change_at(complaint.line)
    if complaint.errno_ == EPERM:
        return NotPermitted(f"{change}: nftables needs CAP_NET_ADMIN in the namespace")
    command = transaction.lines[complaint.line - 1] if complaint.line else transaction.lines[0]
    return KernelRefused(str(change), complaint.errno_, f"{complaint.text} in `{command}`")


def _by_netns(selection: Selection) -> dict[str, frozenset[Key]]:
    """nft's own keys of the selection outside its whole namespaces."""
    found: dict[str, set[Key]] = {}
    for key in selection.keys:
        if key.table.startswith("nft-") and key.netns not in selection.namespaces:
            found.setdefault(key.netns, set()).add(key)
    return {netns: frozenset(keys) for netns, keys in found.items()}


def _without_missing_chains(keys: Sequence[Key]) -> Iterable[Key]:
    """A chain that is not there is known by a dump of names: to be told so by nft costs reading all elements."""
    if not any(key.table == CHAIN for key in keys):
        return keys
    there = {f"{chain.family} {chain.table} {chain.name}" for chain in nft_dump.chains()}
    return (key for key in keys if key.table != CHAIN or key.name in there)


def _targets(key: Key) -> tuple[str, ...]:
    """What to list for one key: a table is known without; a set's key does not tell whether it is a map. Elements that
    cannot be asked of the kernel come with their set: to `nft get element` an interval is never there (6.18), and a
    single value is wherever it is within one."""
    words = key.name.split(" ")
    match key.table:
        case "nft-table":
            return ()
        case "nft-chain" | "nft-foreign-rule":
            return (f"chain {' '.join(words[:3])}",)
        case _:
            return (f"set {' '.join(words[:3])}", f"map {' '.join(words[:3])}")


def _marked(listing: Listing) -> Iterable[KernelObject]:
    """weft's rules in the listed chains of others."""
    for chain, rules in listing.rules.items():
        family, table, name = chain.name.split(" ", 2)
        if table.startswith(TABLE_PREFIX):
            continue
        for rule in rules:
            held = foreign_rule.parse(chain.netns, family, table, name, rule.text)
            if held is not None:
                yield held
