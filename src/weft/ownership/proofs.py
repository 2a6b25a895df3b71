"""What proves whose an object is: its own mark, the ground that it stands on, or the ledger.

Rules: a mark in a link's alias, a table's name and a rule's comment are proofs. A protocol number is one only on a link
or in a namespace that is ours; on foreign ground the ledger must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import lru_cache
from typing import TypeAlias

from weft.kinds import KINDS
from weft.kinds.base import Owner
from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.kinds.link.bridge_port import BridgePort
from weft.kinds.link.bridge_vlan import BridgeVlans
from weft.kinds.link.common import Link
from weft.kinds.link.fdb import Fdb
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.kinds.nft.table import TABLE_PREFIX
from weft.kinds.tc.qdisc import ROOT, Qdisc
from weft.records import dataclass
from weft.state import HOST, PROTOCOL, KernelObject, Key, Mark, State, netns_key

STANDING = (Address, Route, Neighbour, Rule, Fdb, BridgePort, BridgeVlans)
"""What lives on links and namespaces, and of which these or the ledger say whose it is."""


_Proof: TypeAlias = Callable[[KernelObject, State, str], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What beside the marks proves ownership. `ledger`: key to scope for objects that bear no proof of their own.
    `roots`: the root qdiscs on others' links that the scope has in the ledger, by kind and handle, `rival_roots`: those
    that other scopes have. `newborn`: keys that a journal says we were about to make, so that a link born without its
    mark is ours."""

    host_id: str
    scope: str
    ledger: Mapping[Key, str]
    newborn: frozenset[Key] = frozenset()
    roots: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    rival_roots: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)


def scope_of(obj: KernelObject, observed: State, host_id: str) -> str | None:
    """The scope whose proof `obj` bears by itself or by its ground, None for everybody else's."""
    return _PROOF[type(obj)](obj, observed, host_id)


def _marked(field_name: str) -> _Proof:
    return lambda obj, observed, host_id: scope_of_mark(getattr(obj, field_name, None), host_id)


def _by_table(obj: KernelObject, observed: State, host_id: str) -> str | None:
    return _named_after(getattr(obj, "table", "") or getattr(obj, "name", ""))


def _by_port(obj: KernelObject, observed: State, host_id: str) -> str | None:
    port = observed.get(obj.lives_on[0])
    return scope_of_mark(port.alias, host_id) if isinstance(port, Link) else None


def _by_protocol(obj: KernelObject, observed: State, host_id: str) -> str | None:
    return ground_scope(obj, observed, host_id) if getattr(obj, "protocol", None) == PROTOCOL else None


def ground_scope(obj: KernelObject, observed: State, host_id: str) -> str | None:
    """The scope that owns the links or, for what has none, the namespace that `obj` lives on."""
    netns = obj.key.netns
    links = [observed.get(on) for on in obj.lives_on if on.table == "link"]
    if links:  # several for a route of several next hops
        scopes = {scope_of_mark(link.alias, host_id) if isinstance(link, Link) else None for link in links}
        return scopes.pop() if len(scopes) == 1 else None
    if netns == HOST:
        return None
    namespace = observed.get(netns_key(netns))
    return scope_of_mark(namespace.alias, host_id) if isinstance(namespace, Namespace) else None


_PROOFS: dict[Owner, _Proof] = {
    Owner.ALIAS: _marked("alias"),
    Owner.ENVIRONMENT: _marked("mark"),
    Owner.COMMENT: _marked("comment"),
    Owner.TABLE: _by_table,
    Owner.GROUND: ground_scope,
    Owner.HANDLE: ground_scope,
    Owner.MEMBERSHIP: _by_port,
    Owner.PROTOCOL: _by_protocol,
    Owner.LEDGER: lambda obj, observed, host_id: None,
}
_PROOF = {kind.cls: _PROOFS[kind.owner] for kind in KINDS}
"""By class: every object of a machine is asked."""


def scope_of_mark(alias: str | None, host_id: str) -> str | None:
    """The scope that a mark of this host names, None for any other text."""
    mark = Mark.parse(alias)
    return mark.scope if mark and mark.host_id == host_id else None


@lru_cache  # of one table there are thousands of elements
def _named_after(table: str) -> str | None:
    return table.removeprefix(TABLE_PREFIX) if table.startswith(TABLE_PREFIX) else None


def needs_claim(obj: KernelObject, desired: State, host_id: str) -> bool:
    """Whether `obj`, about to be made, would bear no proof of its own: it stands on foreign ground."""
    if isinstance(obj, Qdisc):
        is_adopted = getattr(desired.get(obj.lives_on[0]), "adopt", False)
        return obj.parent == ROOT and (is_adopted or ground_scope(obj, desired, host_id) is None)
    return isinstance(obj, STANDING) and ground_scope(obj, desired, host_id) is None


def is_newborn(obj: KernelObject | None, claims: Claims) -> bool:
    """Whether it was made by us a moment ago, and not marked yet."""
    return isinstance(obj, (Link, Namespace)) and obj.newborn and obj.key in claims.newborn


def lost_its_mark(link: Link, observed: State, claims: Claims) -> bool:
    """Whether an unmarked link can only be ours: we made its namespace, or its other end bears our mark."""
    if link.alias:
        return False
    space = netns_key(link.netns)
    proofs = [observed.get(space)] if link.netns != HOST and space not in claims.ledger else []
    if isinstance(link, Veth):
        proofs.append(observed.get(link.peer))
    marks = (scope_of_mark(getattr(proof, "alias", None), claims.host_id) for proof in proofs)
    return claims.scope in marks
