"""Reads what a kernel holds through all backends, and says whose it is.

Rules: only reads. Every namespace under /run/netns is asked for its mark; read whole are only those that matter: the
host's, the scope's own, those the intent or the ledger names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from weft.backends.base import Backend, Selection
from weft.backends.link_settings import LinkSettings
from weft.backends.nft import Nft
from weft.backends.process import Processes
from weft.backends.rtnl import Rtnl
from weft.backends.settings import Settings
from weft.kinds.netns import Namespace
from weft.kinds.tc.qdisc import QDISC, ROOT
from weft.ownership import Claims, Split, split
from weft.records import dataclass
from weft.state import HOST, Key, Mark, State, link_key, netns_key
from weft.store.ledger import Ledger

FEW_KEYS = 64
"""Up to so many objects are read one by one; above, their namespaces are read whole."""

READ_BY_KEY = frozenset({"netns", "sysctl", "link-setting", "nft-foreign-rule"})
"""Tables that reading a namespace whole leaves out: most of what is in them is nobody's concern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One host's kernel, seen for one scope."""

    host_id: str
    scope: str
    rtnl: Rtnl
    nft: Nft
    settings: Settings
    link_settings: LinkSettings
    processes: Processes
    ledger: Ledger

    @property
    def backends(self) -> Mapping[str, Backend]:
        return {
            "rtnl": self.rtnl,
            "nft": self.nft,
            "setting": self.settings,
            "link-setting": self.link_settings,
            "process": self.processes,
        }

    def marks(self) -> dict[str, Mark | None]:
        """The mark of each namespace under /run/netns, None where it is not weft's."""
        names = self.rtnl.namespaces()
        found = self.rtnl.observe(Selection(keys=frozenset(map(netns_key, names))))
        spaces = (obj for obj in found.values() if isinstance(obj, Namespace))
        return {space.name: Mark.parse(space.alias) for space in spaces}

    def own_namespaces(self) -> set[str]:
        """The names of the scope's namespaces."""
        return {name for name, mark in self.marks().items() if mark and mark[:2] == (self.host_id, self.scope)}

    def has(self, netns: str) -> bool:
        """Whether the label names a namespace now."""
        return self.settings.cookie_of(netns) is not None

    def noted(self) -> list[Key]:
        """What the ledger has of this scope."""
        return [key for key, scope in self.ledger.scopes(self.scope).items() if scope == self.scope]

    def observe(self, netns: Iterable[str], keys: Iterable[Key] = (), *, bridging: bool = False) -> State:
        """The host, the scope's own and the given namespaces whole, and the given objects; and the scope's programs,
        which go on in namespaces that have lost their names. `bridging`: the tables of others' bridges too."""
        noted = {key.netns for key in self.noted()}
        programs = self.processes.of_scope(self.host_id, self.scope)
        whole = {HOST, *self.own_namespaces(), *noted, *netns}
        selected = Selection(namespaces=tuple(sorted(whole)), keys=frozenset({*keys, *programs}), bridging=bridging)
        return self.read(selected)

    def read(self, selection: Selection) -> State:
        """What all backends see in the selection."""
        found = State()
        for backend in self.backends.values():
            found.update(backend.observe(selection))
        return found

    def read_singly(self, wanted: State, observed: State) -> State:
        """Of what is wanted, that which reading a namespace whole leaves out: also roots that look like the kernel's
        own and may be somebody's."""
        keys = (
            key
            for key in wanted
            if key.table in READ_BY_KEY or (key.table == QDISC and _may_be_somebodys(key, observed))
        )
        return self.read(Selection(keys=frozenset(keys), further=True))

    def split(self, observed: State, wanted: State, newborn: frozenset[Key] = frozenset()) -> Split:
        """Whose is what among the observed."""
        ledger = self.ledger.scopes(self.scope)
        roots = {key: entry for key, entry in self.ledger.entries().items() if key.table == QDISC}
        claims = Claims(
            host_id=self.host_id,
            scope=self.scope,
            ledger=ledger,
            newborn=newborn,
            roots={key: entry.ours for key, entry in roots.items() if self.scope in entry.scopes},
            rival_roots={key: entry.ours for key, entry in roots.items() if self.scope not in entry.scopes},
        )
        return split(observed, wanted, claims)

    def look_around(self, keys: frozenset[Key], wanted: State) -> Split:
        """Of some keys, what is ours and what stands in the way of `wanted`, with no more read than that takes."""
        parts = self.split(self.read(_selection(keys, _grounds(wanted))), wanted)
        return Split(
            ours=State((key, obj) for key, obj in parts.ours.items() if key in keys),
            foreign=parts.foreign,
            adopted=parts.adopted,
        )

    def looker(self, former: State, wanted: State) -> Callable[[frozenset[Key], State], State]:
        """What `apply` and `verify` look with: ours among some keys, for a transaction from `former` to `wanted`.

        What the objects stand on is read along, for it proves whose they are; a link that bears no mark yet is ours if
        the transaction, or the way back from it, may have been making it.
        """

        def look(keys: frozenset[Key], goal: State) -> State:
            observed = self.read(_selection(keys, _grounds(former) | _grounds(wanted)))
            ours = self.split(observed, goal, frozenset(wanted.keys() | former.keys())).ours
            return State((key, obj) for key, obj in ours.items() if key in keys)

        return look


def _grounds(state: State) -> frozenset[Key]:
    """What proves whose the objects are: what they stand on, but for sets, whose table's name says it."""
    return frozenset(on for obj in state.values() for on in obj.lives_on if on.table != "nft-set")


def _may_be_somebodys(key: Key, observed: State) -> bool:
    """Whether a root qdisc is wanted where only the kernel's own was seen: a noqueue put by hand looks alike."""
    ifname, parent = key.name.split(" ", 1)
    return parent == ROOT and key not in observed and link_key(key.netns, ifname) in observed


def _selection(keys: frozenset[Key], grounds: frozenset[Key]) -> Selection:
    if len(keys) <= FEW_KEYS:
        return Selection(keys=keys | grounds)
    whole = {key.netns for key in keys if key.table != "netns"}
    named = {key for key in keys | grounds if key.table in READ_BY_KEY}
    return Selection(namespaces=tuple(sorted(whole)), keys=frozenset(named))
