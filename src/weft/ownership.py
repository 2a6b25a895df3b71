"""Whose is what: which observed objects are a scope's own, may be adopted, or stand in its way.

Rules: pure. A mark in a link's alias, a table's name and a rule's comment are proofs. A protocol number is one only on
a link or in a namespace that is ours; on foreign ground the ledger must agree. A link that the file adopts is ours from
the first look on, and so is all that is said of what stands on it; what else stands there stays whose it is. The tree
at a root is whose the ledger says; where it says nothing, the link's owner's, unless the link was adopted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from weft.diff import differing_fields, fixed_fields
from weft.kinds import KINDS
from weft.kinds.base import Owner
from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.kinds.link import bridge_port, bridge_vlan
from weft.kinds.link.bridge_port import BridgePort, is_as_born
from weft.kinds.link.bridge_vlan import BridgeVlans
from weft.kinds.link.common import Link, OtherLink
from weft.kinds.link.fdb import Fdb
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.kinds.nft.table import TABLE_PREFIX
from weft.kinds.setting.belongings import ADDRESSES
from weft.kinds.setting.link import ROOT_QDISC, LinkSetting, cannot_give_way
from weft.kinds.setting.port import PORT, parsed
from weft.kinds.setting.sysctl import Sysctl
from weft.kinds.tc.other import OtherQdisc
from weft.kinds.tc.qdisc import ROOT, Qdisc, root_of
from weft.records import dataclass
from weft.state import HOST, PROTOCOL, KernelObject, Key, Mark, State, link_key, netns_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """`ours`: what diff may change. `foreign`: what stands at a wanted key and is not ours to touch. `adopted`: which
    of ours bore no proof but that they are just what is wanted: nobody has claimed them yet."""

    ours: State
    foreign: State
    adopted: frozenset[Key] = frozenset()


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


def split(observed: State, wanted: State, claims: Claims) -> Split:
    """Sort what was observed. Objects that are neither ours nor wanted are in neither half.

    An unmarked address or route on a link of ours that matches what is wanted is adopted, and so is a wanted link that
    somebody took the mark from. A setting that is wanted is ours to change, whatever its value, unless another scope
    holds it at a different one. On foreign ground what has our protocol and is just what is wanted is adopted too: it
    can only have come by a script of ours, or before the ledger was lost.
    """
    ours, foreign = State(), State()
    adopted: set[Key] = set()
    taken_over = {key: taken for key, want in wanted.items() if (taken := _taken_over(observed.get(key), want))}
    observed = _as_marked(observed, taken_over, wanted, claims)
    claims = replace(claims, ledger={**claims.ledger, **dict.fromkeys(taken_over, claims.scope)})
    bared, trees = _bared(wanted), _our_trees(observed, claims)
    for key, obj in observed.items():
        if key in taken_over:
            ours[key] = taken_over[key]
        elif isinstance(obj, Route) and not bared.isdisjoint(obj.lives_on):
            continue  # it goes with the link's addresses, and another of its key may come
        elif key in wanted and _is_fixed(obj, wanted[key], claims):
            foreign[key] = obj
        elif key not in wanted and _stands_by_itself(obj, claims):
            continue
        elif key in wanted and isinstance(obj, LinkSetting) and cannot_give_way(obj):
            foreign[key] = obj
        elif (root := root_of(obj)) is not None and root not in trees and _gives_way(obj, observed, wanted, claims):
            continue
        elif root in trees or (root is None and _is_ours(obj, observed, claims)):
            is_adopted = claims.ledger.get(key) == claims.scope
            ours[key] = replace(obj, adopt=True) if isinstance(obj, Link | Namespace) and is_adopted else obj
        elif key in wanted:
            if _is_unclaimed(obj, wanted[key], observed, claims):
                adopted.add(key)
            is_ours = key in adopted or _adoptable(obj, wanted[key], observed, claims)
            (ours if is_ours else foreign)[key] = obj
    return Split(ours=ours, foreign=foreign, adopted=frozenset(adopted))


def why_not(link: KernelObject, wanted: KernelObject) -> str:
    """Why a link cannot be what is wanted without being made anew, "" where it can."""
    if type(link) is not type(wanted):
        return f"it is of another kind: {_kind_word(link)}, not {_kind_word(wanted)}"
    fixed = [name for name in fixed_fields(link, wanted) if name not in ("peer_netns", "peer_ifname")]
    said = (f"{name} is {_said(getattr(link, name))}, not {_said(getattr(wanted, name))}" for name in fixed)
    return ", ".join(said) or ("its other end is another one" if fixed_fields(link, wanted) else "")


def _said(value: object) -> object:
    return "none" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _kind_word(link: KernelObject) -> str:
    return link.link_kind or "hardware" if isinstance(link, OtherLink) else KINDS.of(link).name


def _taken_over(obj: KernelObject | None, wanted: KernelObject) -> Link | Namespace | None:
    """The unmarked link or namespace that is to be adopted; None where it is not to be, or cannot be."""
    if isinstance(obj, Namespace) and isinstance(wanted, Namespace):
        is_free = wanted.adopt and not obj.newborn and not Mark.parse(obj.alias)
        return replace(obj, adopt=True) if is_free else None
    if not isinstance(obj, Link) or not isinstance(wanted, Link) or not wanted.adopt:
        return None
    if obj.newborn or Mark.parse(obj.alias) or why_not(obj, wanted):
        return None
    return replace(obj, adopt=True)


def _as_marked(observed: State, taken_over: Mapping[Key, Link | Namespace], wanted: State, claims: Claims) -> State:
    """What was observed, with a mark on what is taken over: what stands there is sorted by it, and a bridge with a mark
    is nobody else's that a port could be taken out of."""
    if not taken_over:
        return observed
    mark = str(Mark(claims.host_id, claims.scope, "adopted"))
    marked = {key: replace(link, alias=mark) for key, link in taken_over.items()}
    settings = (obj for obj in observed.values() if isinstance(obj, LinkSetting) and obj.attribute == PORT)
    stay = {obj.key: replace(obj, value="") for obj in settings if _stays(obj, taken_over, wanted)}
    return State({**observed, **marked, **stay})


def _stays(setting: LinkSetting, taken_over: Mapping[Key, Link | Namespace], wanted: State) -> bool:
    """Whether a port stays in a bridge that is taken over, with all that this keeps of it."""
    tables = (bridge_port.TABLE, bridge_vlan.TABLE)
    is_said = any(Key(table, setting.netns, setting.ifname) in wanted for table in tables)
    return not is_said and link_key(setting.netns, parsed(setting.value).master) in taken_over


def _bared(wanted: State) -> frozenset[Key]:
    """The links of which all addresses and routes are to be taken."""
    settings = (obj for obj in wanted.values() if isinstance(obj, LinkSetting) and obj.attribute == ADDRESSES)
    return frozenset(link_key(obj.netns, obj.ifname) for obj in settings if not obj.value)


def _is_fixed(obj: KernelObject, wanted: KernelObject, claims: Claims) -> bool:
    """Whether it was adopted, and would have to be made anew."""
    is_adopted = isinstance(wanted, Link) and wanted.adopt and claims.ledger.get(wanted.key) == claims.scope
    return is_adopted and bool(why_not(obj, wanted))


def _stands_by_itself(obj: KernelObject, claims: Claims) -> bool:
    """Whether it is a forwarding entry of an adopted link: it says of nobody's whose it is; or a bridge's port as every
    new one is."""
    if isinstance(obj, BridgePort):
        return is_as_born(obj)
    return isinstance(obj, Fdb) and any(on in claims.ledger for on in obj.lives_on)


def scope_of(obj: KernelObject, observed: State, host_id: str) -> str | None:
    """The scope whose proof `obj` bears by itself or by its ground, None for everybody else's."""
    match KINDS.of(obj).owner:
        case Owner.ALIAS:
            return _marked(getattr(obj, "alias", None), host_id)
        case Owner.ENVIRONMENT:
            return _marked(getattr(obj, "mark", None), host_id)
        case Owner.COMMENT:
            return _marked(getattr(obj, "comment", None), host_id)
        case Owner.TABLE:
            return _named_after(getattr(obj, "table", "") or getattr(obj, "name", ""))
        case Owner.GROUND | Owner.HANDLE:
            return ground_scope(obj, observed, host_id)
        case Owner.MEMBERSHIP:
            port = observed.get(obj.lives_on[0])
            return _marked(port.alias, host_id) if isinstance(port, Link) else None
        case Owner.PROTOCOL if getattr(obj, "protocol", None) == PROTOCOL:
            return ground_scope(obj, observed, host_id)
    return None


def inhabited(observed: State, ours: State) -> dict[Key, Link]:
    """Our namespaces that somebody else's link stands in, each with one such link."""
    found: dict[Key, Link] = {}
    for key, obj in observed.items():
        if not isinstance(obj, Link) or key in ours or obj.ifname in FALLBACK_TUNNELS:
            continue
        ground = netns_key(obj.netns)
        if (
            ground in ours
            and not getattr(ours[ground], "adopt", False)
            and not (isinstance(obj, Veth) and obj.peer in ours)
        ):
            found[ground] = obj
    return found


FALLBACK_TUNNELS = frozenset("tunl0 gre0 gretap0 erspan0 ip_vti0 ip6_vti0 sit0 ip6tnl0 ip6gre0".split())
"""Links that the kernel puts into every namespace. Source: sysctl net.core.fb_tunnels_only_for_init_net."""


def ground_scope(obj: KernelObject, observed: State, host_id: str) -> str | None:
    """The scope that owns the links or, for what has none, the namespace that `obj` lives on."""
    netns = obj.key.netns
    links = [observed.get(on) for on in obj.lives_on if on.table == "link"]
    if links:  # several for a route of several next hops
        scopes = {_marked(link.alias, host_id) if isinstance(link, Link) else None for link in links}
        return scopes.pop() if len(scopes) == 1 else None
    if netns == HOST:
        return None
    namespace = observed.get(netns_key(netns))
    return _marked(namespace.alias, host_id) if isinstance(namespace, Namespace) else None


def needs_claim(obj: KernelObject, desired: State, host_id: str) -> bool:
    """Whether `obj`, about to be made, would bear no proof of its own: it stands on foreign ground."""
    if isinstance(obj, Qdisc):
        is_adopted = getattr(desired.get(obj.lives_on[0]), "adopt", False)
        return obj.parent == ROOT and (is_adopted or ground_scope(obj, desired, host_id) is None)
    return isinstance(obj, _STANDING) and ground_scope(obj, desired, host_id) is None


_STANDING = (Address, Route, Neighbour, Rule, Fdb, BridgePort, BridgeVlans)


def _marked(alias: str | None, host_id: str) -> str | None:
    mark = Mark.parse(alias)
    return mark.scope if mark and mark.host_id == host_id else None


def _named_after(table: str) -> str | None:
    return table.removeprefix(TABLE_PREFIX) if table.startswith(TABLE_PREFIX) else None


def claim_of(root: Qdisc) -> str:
    """What the ledger says of a root qdisc: kind and handle."""
    kind = root.qdisc_kind if isinstance(root, OtherQdisc) else KINDS.of(root).tc_kind
    return f"{kind} {root.handle or ''}".strip()


def _is_in(roots: Mapping[Key, tuple[str, ...]], root: KernelObject | None) -> bool:
    return isinstance(root, Qdisc) and claim_of(root) in roots.get(root.key, ())


def _our_trees(observed: State, claims: Claims) -> frozenset[Key]:
    """The roots of the trees that are ours, whatever of them was observed."""
    parts = {root: obj for obj in observed.values() if (root := root_of(obj)) is not None}
    return frozenset(root for root, obj in parts.items() if _is_of_our_tree(obj, observed.get(root), observed, claims))


def _is_of_our_tree(obj: KernelObject, root: KernelObject | None, observed: State, claims: Claims) -> bool:
    """Whether a queue or class belongs to a root of ours."""
    return _is_in(claims.roots, root) or _tree_scope(obj, root, observed, claims) == claims.scope


def _tree_scope(obj: KernelObject, root: KernelObject | None, observed: State, claims: Claims) -> str | None:
    """The scope whose link alone proves a tree to be its own."""
    if obj.lives_on[0] in claims.ledger or _is_in(claims.rival_roots, root):
        return None
    return ground_scope(obj, observed, claims.host_id)


def _gives_way(obj: KernelObject, observed: State, wanted: State, claims: Claims) -> bool:
    """Whether it is part of somebody else's tree that goes as a whole, or of which the root alone is in the way. The
    tree of another scope does not go. For what is in no tree of ours."""
    if obj.key != root_of(obj):
        return True
    link = obj.lives_on[0]
    is_rival = _is_in(claims.rival_roots, obj) or _tree_scope(obj, obj, observed, claims) is not None
    return not is_rival and Key("link-setting", link.netns, f"{link.name} {ROOT_QDISC}") in wanted


def _is_ours(obj: KernelObject, observed: State, claims: Claims) -> bool:
    holder = claims.ledger.get(obj.key)
    is_held = holder == claims.scope and getattr(obj, "protocol", PROTOCOL) == PROTOCOL
    if holder is not None and isinstance(obj, _STANDING):
        return is_held  # whoever the ground belongs to
    scope = scope_of(obj, observed, claims.host_id)
    if scope is not None:
        return scope == claims.scope
    if is_held and not isinstance(obj, Link):
        return True
    if isinstance(obj, (Address, Route, Neighbour, Fdb)):
        grounds = [observed.get(on) for on in obj.lives_on]
        return getattr(obj, "protocol", PROTOCOL) == PROTOCOL and any(
            _is_newborn(ground, claims) or (isinstance(ground, Link) and _lost_its_mark(ground, observed, claims))
            for ground in grounds
        )
    return _is_newborn(obj, claims)


def _is_newborn(obj: KernelObject | None, claims: Claims) -> bool:
    """Whether it was made by us a moment ago, and not marked yet."""
    return isinstance(obj, (Link, Namespace)) and obj.newborn and obj.key in claims.newborn


def _adoptable(obj: KernelObject, wanted: KernelObject, observed: State, claims: Claims) -> bool:
    if isinstance(obj, (Sysctl, LinkSetting)):
        return obj.key not in claims.ledger or obj == wanted
    if isinstance(obj, (Address, Route, Neighbour, Fdb)):
        return ground_scope(obj, observed, claims.host_id) == claims.scope
    if isinstance(obj, (BridgePort, BridgeVlans)):  # of somebody else's port in our bridge
        bridge = observed.get(obj.lives_on[-1])
        return isinstance(bridge, Link) and _marked(bridge.alias, claims.host_id) == claims.scope
    if isinstance(obj, Namespace):
        return obj == wanted
    return isinstance(obj, Link) and type(obj) is type(wanted) and _lost_its_mark(obj, observed, claims)


def _is_unclaimed(obj: KernelObject, wanted: KernelObject, observed: State, claims: Claims) -> bool:
    """Whether what looks like ours to the last field is claimed by nobody, nor stands on anybody's ground."""
    if getattr(obj, "protocol", None) != PROTOCOL or obj.key in claims.ledger or type(obj) is not type(wanted):
        return False
    return scope_of(obj, observed, claims.host_id) is None and not differing_fields(obj, wanted)


def _lost_its_mark(link: Link, observed: State, claims: Claims) -> bool:
    """Whether an unmarked link can only be ours: we made its namespace, or its other end bears our mark."""
    if link.alias:
        return False
    space = netns_key(link.netns)
    proofs = [observed.get(space)] if link.netns != HOST and space not in claims.ledger else []
    if isinstance(link, Veth):
        proofs.append(observed.get(link.peer))
    marks = (_marked(getattr(proof, "alias", None), claims.host_id) for proof in proofs)
    return claims.scope in marks
