"""Whose the trees of queues are that links have at their roots.

Rules: the tree at a root is whose the ledger says; where it says nothing, the link's owner's, unless the link was
adopted.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.kinds import KINDS
from weft.kinds.setting.link import ROOT_QDISC
from weft.kinds.tc.other import OtherQdisc
from weft.kinds.tc.qdisc import InTree, Qdisc, root_of
from weft.ownership.proofs import Claims, ground_scope
from weft.state import KernelObject, Key, State


def claim_of(root: Qdisc) -> str:
    """What the ledger says of a root qdisc: kind and handle."""
    kind = root.qdisc_kind if isinstance(root, OtherQdisc) else KINDS.of(root).tc_kind
    return f"{kind} {root.handle or ''}".strip()


def our_trees(observed: State, claims: Claims) -> frozenset[Key]:
    """The roots of the trees that are ours, whatever of them was observed."""
    parts = {root_of(obj): obj for obj in observed.values() if isinstance(obj, InTree)}
    return frozenset(root for root, obj in parts.items() if _is_of_our_tree(obj, observed.get(root), observed, claims))


def gives_way(obj: InTree, observed: State, wanted: State, claims: Claims) -> bool:
    """Whether it is part of somebody else's tree that goes as a whole, or of which the root alone is in the way. The
    tree of another scope does not go. For what is in no tree of ours."""
    if obj.key != root_of(obj):
        return True
    link = obj.lives_on[0]
    is_rival = _is_in(claims.rival_roots, obj) or _tree_scope(obj, obj, observed, claims) is not None
    return not is_rival and Key("link-setting", link.netns, f"{link.name} {ROOT_QDISC}") in wanted


def _is_of_our_tree(obj: KernelObject, root: KernelObject | None, observed: State, claims: Claims) -> bool:
    """Whether a queue or class belongs to a root of ours."""
    return _is_in(claims.roots, root) or _tree_scope(obj, root, observed, claims) == claims.scope


def _tree_scope(obj: KernelObject, root: KernelObject | None, observed: State, claims: Claims) -> str | None:
    """The scope whose link alone proves a tree to be its own."""
    if obj.lives_on[0] in claims.ledger or _is_in(claims.rival_roots, root):
        return None
    return ground_scope(obj, observed, claims.host_id)


def _is_in(roots: Mapping[Key, tuple[str, ...]], root: KernelObject | None) -> bool:
    return isinstance(root, Qdisc) and claim_of(root) in roots.get(root.key, ())
