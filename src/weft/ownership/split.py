"""Sorts what was observed into what a scope may change and what stands in its way.

Rules: what is neither the scope's nor wanted is in neither half.
"""

from __future__ import annotations

from dataclasses import replace

from weft.diff import differing_fields
from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.kinds.link.bridge_port import BridgePort, is_as_born
from weft.kinds.link.bridge_vlan import BridgeVlans
from weft.kinds.link.common import Link
from weft.kinds.link.fdb import Fdb
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.kinds.setting.link import LinkSetting, cannot_give_way
from weft.kinds.setting.sysctl import Sysctl
from weft.kinds.tc.qdisc import InTree, root_of
from weft.ownership.adoption import as_marked, links_bared, must_be_made_anew, to_take_over
from weft.ownership.proofs import STANDING, Claims, ground_scope, is_newborn, lost_its_mark, scope_of, scope_of_mark
from weft.ownership.trees import gives_way, our_trees
from weft.records import dataclass
from weft.state import PROTOCOL, KernelObject, Key, State, netns_key

FALLBACK_TUNNELS = frozenset("tunl0 gre0 gretap0 erspan0 ip_vti0 ip6_vti0 sit0 ip6tnl0 ip6gre0".split())
"""Links that the kernel puts into every namespace. Source: sysctl net.core.fb_tunnels_only_for_init_net."""


_MAY_BE_LEFT_OUT = (Route, BridgePort, Fdb, InTree)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """`ours`: what diff may change. `foreign`: what stands at a wanted key and is not ours to touch. `adopted`: which
    of ours bore no proof but that they are just what is wanted: nobody has claimed them yet."""

    ours: State
    foreign: State
    adopted: frozenset[Key] = frozenset()


def split(observed: State, wanted: State, claims: Claims) -> Split:
    """Sort what was observed.

    An unmarked address or route on a link of ours that matches what is wanted is adopted, and so is a wanted link that
    somebody took the mark from. A setting that is wanted is ours to change, whatever its value, unless another scope
    holds it at a different one. On foreign ground what has our protocol and is just what is wanted is adopted too: it
    can only have come by a script of ours, or before the ledger was lost.
    """
    return _Splitting(observed, wanted, claims).split()


class _Splitting:
    """One look at a machine, sorted for one scope."""

    def __init__(self, observed: State, wanted: State, claims: Claims) -> None:
        self._wanted = wanted
        there = wanted.keys() & observed.keys()
        adopted = {key: link for key in there if isinstance(link := wanted[key], Link | Namespace) and link.adopt}
        self._taken_over = {key: taken for key in adopted if (taken := to_take_over(observed[key], adopted[key]))}
        self._observed = as_marked(observed, self._taken_over, wanted, claims)
        self._claims = replace(claims, ledger={**claims.ledger, **dict.fromkeys(self._taken_over, claims.scope)})
        self._bared = links_bared(wanted)
        self._trees = our_trees(self._observed, self._claims)

    def split(self) -> Split:
        ours, foreign, adopted = State(), State(), set[Key]()
        for key, obj in self._observed.items():
            root = root_of(obj) if isinstance(obj, InTree) else None
            if key in self._taken_over:
                ours[key] = self._taken_over[key]
            elif isinstance(obj, _MAY_BE_LEFT_OUT) and self._is_left_out(obj, root):
                continue
            elif isinstance(obj, Link | LinkSetting) and key in self._wanted and self._cannot_become(obj):
                foreign[key] = obj
            elif root in self._trees if root is not None else self._is_ours(obj):
                is_adopted = self._claims.ledger.get(key) == self._claims.scope
                ours[key] = replace(obj, adopt=True) if isinstance(obj, Link | Namespace) and is_adopted else obj
            elif key in self._wanted:
                if self._is_unclaimed(obj, self._wanted[key]):
                    adopted.add(key)
                is_ours = key in adopted or self._is_adoptable(obj, self._wanted[key])
                (ours if is_ours else foreign)[key] = self._as_of_others(obj) if is_ours else obj
        return Split(ours=ours, foreign=foreign, adopted=frozenset(adopted))

    def _is_left_out(self, obj: KernelObject, root: Key | None) -> bool:
        """Whether it is in neither half whatever is wanted in its place. A route goes with its link's addresses, and
        another of its key may come."""
        if isinstance(obj, Route) and not self._bared.isdisjoint(obj.lives_on):
            return True
        if obj.key not in self._wanted and self._stands_by_itself(obj):
            return True
        if not isinstance(obj, InTree) or root in self._trees:
            return False
        return gives_way(obj, self._observed, self._wanted, self._claims)

    def _stands_by_itself(self, obj: KernelObject) -> bool:
        """Whether it is a forwarding entry of an adopted link: it says of nobody's whose it is; or a bridge's port as
        every new one is."""
        if isinstance(obj, BridgePort):
            return is_as_born(obj)
        return isinstance(obj, Fdb) and self._is_on_adopted(obj)

    def _as_of_others(self, obj: KernelObject) -> KernelObject:
        """What stands on an adopted link stays its owner's, whatever the file says of it."""
        if not isinstance(obj, Route | Neighbour) or obj.protocol == PROTOCOL or not self._is_on_adopted(obj):
            return obj
        return replace(obj, others=True)

    def _is_on_adopted(self, obj: KernelObject) -> bool:
        return any(on in self._claims.ledger for on in obj.lives_on)

    def _cannot_become(self, obj: Link | LinkSetting) -> bool:
        """Whether what is there would be lost by becoming what is wanted."""
        is_fixed = must_be_made_anew(obj, self._wanted[obj.key], self._claims)
        return is_fixed or (isinstance(obj, LinkSetting) and bool(cannot_give_way(obj)))

    def _is_ours(self, obj: KernelObject) -> bool:
        """Of what is in no tree of queues."""
        claims, observed = self._claims, self._observed
        holder = claims.ledger.get(obj.key)
        is_held = holder is not None and holder == claims.scope and getattr(obj, "protocol", PROTOCOL) == PROTOCOL
        if holder is not None and isinstance(obj, STANDING):
            return is_held  # whoever the ground belongs to
        scope = scope_of(obj, observed, claims.host_id)
        if scope is not None:
            return scope == claims.scope
        if is_held and not isinstance(obj, Link):
            return True
        if isinstance(obj, (Address, Route, Neighbour, Fdb)):
            grounds = [observed.get(on) for on in obj.lives_on]
            return getattr(obj, "protocol", PROTOCOL) == PROTOCOL and any(
                is_newborn(ground, claims) or (isinstance(ground, Link) and lost_its_mark(ground, observed, claims))
                for ground in grounds
            )
        return is_newborn(obj, claims)

    def _is_unclaimed(self, obj: KernelObject, wanted: KernelObject) -> bool:
        """Whether what looks like ours to the last field is claimed by nobody, nor stands on anybody's ground."""
        claims = self._claims
        if getattr(obj, "protocol", None) != PROTOCOL or obj.key in claims.ledger or type(obj) is not type(wanted):
            return False
        return scope_of(obj, self._observed, claims.host_id) is None and not differing_fields(obj, wanted)

    def _is_adoptable(self, obj: KernelObject, wanted: KernelObject) -> bool:
        """Whether it may become ours because it stands where something of ours is wanted."""
        claims, observed = self._claims, self._observed
        if isinstance(obj, (Sysctl, LinkSetting)):
            return obj.key not in claims.ledger or obj == wanted
        if isinstance(obj, (Address, Route, Neighbour, Fdb)):
            return ground_scope(obj, observed, claims.host_id) == claims.scope
        if isinstance(obj, (BridgePort, BridgeVlans)):  # of somebody else's port in our bridge
            bridge = observed.get(obj.lives_on[-1])
            return isinstance(bridge, Link) and scope_of_mark(bridge.alias, claims.host_id) == claims.scope
        if isinstance(obj, Namespace):
            return obj == wanted
        return isinstance(obj, Link) and type(obj) is type(wanted) and lost_its_mark(obj, observed, claims)


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
