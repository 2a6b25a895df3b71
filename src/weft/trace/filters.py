"""What a tenant's filter says of a packet: of which port, by which rule of which group.

Rules: a ruling is about the port that sends into the bridge, or the one that is sent to. What is a router's or a
segment's is trusted, and nobody needs to be told.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.groups.layout import BRIDGE
from weft.compiler.groups.parties import parties
from weft.compiler.groups.whose import Whose
from weft.kinds.nft.table import TABLE_PREFIX
from weft.model.intent import Intent, Path, Port
from weft.model.security import SecurityRule
from weft.model.sharing import network_key
from weft.reach import Talk
from weft.reach.bridge_filter import Found, Ruling
from weft.reach.crossing import Crossing
from weft.records import dataclass
from weft.state import Key, link_key
from weft.trace.names import Names

SPEAKING, RECEIVING = "prerouting", "receiving"
"""Base chains of a tenant's filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A ruling with all that it was made from. `port`: the path of whom it is about, () for a link that is no port's;
    `group`: whose level decided, "" for none; `rule`: the path of the rule that did, () where the file has none."""

    crossing: Crossing
    ruling: Ruling
    talk: Talk
    answer: bool
    port: Path
    group: str = ""
    rule: Path = ()

    @property
    def is_incoming(self) -> bool:
        return self.ruling.base == RECEIVING

    @property
    def answers(self) -> bool:
        """Whether it passes for being part of what was let through before."""
        return self.answer and ("ct state" in self.ruling.rule or "meta mark" in self.ruling.rule)


class Filters:
    """The filters of one intent's tenants."""

    def __init__(self, intent: Intent, names: Names) -> None:
        self._intent, self._names = intent, names
        self._table = f"{TABLE_PREFIX}{intent.name}"
        self._whose: dict[tuple[str, str], Whose] = {}

    def judged(self, crossing: Crossing, talk: Talk, *, answer: bool) -> Iterator[Judged]:
        """What each base chain says."""
        for ruling in crossing.rulings(talk, answer=answer):
            link = crossing.oifname if ruling.base == RECEIVING else crossing.iifname
            port = self._names.port_of(link_key(crossing.netns, link))
            group, rule = self._decided(port, ruling)
            yield Judged(crossing=crossing, ruling=ruling, talk=talk, answer=answer, port=port, group=group, rule=rule)

    def whose(self, port: Path) -> Whose:
        """The rules of the groups that a port may be in, in the filter of its network's owner."""
        tenant, owner = port[1], self.owner(port)
        if (tenant, owner) not in self._whose:
            party = next(one for one in parties(self._intent, owner) if one.name == tenant)
            self._whose[tenant, owner] = Whose(party=party, scope=self._intent.name)
        return self._whose[tenant, owner]

    def rule(self, path: Path) -> SecurityRule:
        """The rule at a path. Raises: KeyError, IndexError where there is none."""
        _, tenant, _, group, way, at = path
        held = self._intent.tenants[tenant].security_groups[group]
        return ((held.egress or ()) if way == "egress" else held.ingress)[int(at)]

    def owner(self, port: Path) -> str:
        """The tenant whose network a port is on."""
        return network_key(port[1], self.port(port))[0]

    def port(self, path: Path) -> Port:
        return self._intent.tenants[path[1]].ports[path[3]]

    def groups(self, path: Path) -> tuple[str, ...] | None:
        """Of a port, sorted; None where it is not filtered."""
        given = self.port(path).security_groups
        return None if given is None else tuple(sorted(set(given)))

    def keys(self, judged: Judged) -> Iterator[Key]:
        """The kernel objects that decided: chains and sets, from the base chain on."""
        ruling, netns = judged.ruling, judged.crossing.netns
        yield self._key("nft-chain", netns, ruling.base)
        for _, found in ruling.way:
            yield from self._elements(netns, found)
        if ruling.chain != ruling.base:
            yield self._key("nft-chain", netns, ruling.chain)
        yield from self._elements(netns, ruling.found)

    def _elements(self, netns: str, found: tuple[Found, ...]) -> Iterator[Key]:
        """Elements are objects of their own, or part of their set; which of the two, the State knows."""
        for one in found:
            if one.set:
                yield self._key("nft-element", netns, f"{one.set} {one.element}")
                yield self._key("nft-set", netns, one.set)

    def _key(self, table: str, netns: str, name: str) -> Key:
        return Key(table, netns, f"{BRIDGE} {self._table} {name}")

    def _decided(self, port: Path, ruling: Ruling) -> tuple[str, Path]:
        """The group whose level ended it, and its rule."""
        if not port:
            return "", ()
        whose = self.whose(port)
        group = whose.group(ruling.chain)
        if not group:
            return "", ()
        counts = (*reversed(ruling.found), Found("", ruling.rule))
        found = (whose.rule(ruling.chain, of.set, of.element) for of in counts)
        return group, next((path for path in found if path is not None), ())
