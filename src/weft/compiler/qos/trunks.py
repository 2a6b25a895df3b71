"""The links of the host's that are shared: which they are, and what keeps one from having a tree.

Rules: where several links have default routes each is one, for nobody knows which one a packet will take. What the host
routes by a bridge that networks stand on leaves by that bridge's one port of known capacity, and is shared there with
them: a tree at the bridge would be within the port's. Nor may one of a VLAN's link be within that of what it is upon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from weft.compiler.draft import Draft
from weft.compiler.findings import Cause, dotted
from weft.compiler.naming import plain_ifname
from weft.compiler.qos.admission import capacity_path, check_line, demand_capacity
from weft.compiler.qos.demand import Asking, Demand, Shares
from weft.compiler.qos.leading import HOSTS_OWN, Leading
from weft.kinds.link.common import ChildLink
from weft.records import dataclass
from weft.state import HOST, link_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A link, with what it is called in demands. `routed`: whether anybody's packets are routed to it, `bridged`:
    whether frames of anybody's come to it. `front`: the link that the host's routes name: itself, or the bridge that it
    is a port of."""

    link: str
    names: frozenset[str]
    front: str
    routed: bool
    bridged: bool


def trunks(draft: Draft, shares: Shares, leading: Leading, asking: Asking) -> Sequence[Trunk]:
    """The links that lead out, of those that anybody asks for a part of."""
    named = _named(draft, shares, leading, asking)
    mine = {link: asking.by(names) for link, names in named.items()}
    found = [_trunk(link, names, leading, mine[link]) for link, names in named.items()]
    _check_apart(draft, leading, found)
    return [one for one in found if _fits(draft, shares, one, mine[one.link])]


def _trunk(link: str, names: frozenset[str], leading: Leading, asking: Sequence[Demand]) -> Trunk:
    return Trunk(
        link=link,
        names=names,
        front=leading.front(link),
        routed=any(demand.out.routed & names for demand in asking),
        bridged=any(demand.out.bridged & names for demand in asking),
    )


def _named(draft: Draft, shares: Shares, leading: Leading, asking: Asking) -> Mapping[str, frozenset[str]]:
    """The links, with what they are called in demands."""
    names: dict[str, set[str]] = {}
    own = asking.by([HOSTS_OWN])
    for link in _default_links(draft, shares, own) if own else ():
        names.setdefault(_behind(draft, shares, leading, link, own), set()).add(HOSTS_OWN)
    for link in sorted(asking.names - {HOSTS_OWN}):
        routed = [demand for demand in asking.by([link]) if link in demand.out.routed]
        names.setdefault(_behind(draft, shares, leading, link, routed), set()).add(link)
    return {link: frozenset(of) for link, of in names.items()}


def _default_links(draft: Draft, shares: Shares, asking: Sequence[Demand]) -> Sequence[str]:
    """Those of the default routes, else those whose capacity the file says."""
    found = draft.facts.egress_links or tuple(shares.capacity_bps)
    if not found:
        what = "the host has no default route, so nobody knows which of its links this is a part of"
        fix = "`host: links: LINK: {existing: true, capacity: 1gbit}` for the one that leads out"
        for demand in asking:
            draft.error(demand.path, what, fix, Cause.MACHINE)
    return found


def _behind(draft: Draft, shares: Shares, leading: Leading, link: str, asking: Sequence[Demand]) -> str:
    """The port that leads out of a bridge, where `link` is one that networks stand on; else itself."""
    ports = leading.behind(link) if asking else ()
    if not ports:
        return link
    if len(ports) > 1 or link in shares.capacity_bps:
        what = f"of {', '.join([link, *ports])} several have a capacity, and {link} is a bridge above the others"
        fix = "that of the one port that leads out, and of no other of them"
        draft.error(capacity_path(link if link in shares.capacity_bps else ports[0]), what, fix)
    return ports[0]


def _check_apart(draft: Draft, leading: Leading, found: Sequence[Trunk]) -> None:
    """Find a link that is above another one: a tree within a tree would lose its guarantees."""
    links = {trunk.link for trunk in found}
    for trunk in found:
        for below in links.intersection(_below(draft, leading, trunk.link)):
            what = f"what leaves by {trunk.link} leaves by {below} too, of which others have guarantees already"
            fix = f"`segment: {{link: {below}}}` instead of {trunk.link}, with the `vlan:` where it is one"
            draft.error(capacity_path(trunk.link), what, fix)


def _below(draft: Draft, leading: Leading, link: str) -> Iterator[str]:
    """The ports of a bridge, and what a link stands on."""
    yield from leading.behind(link)
    found = draft.state.get(link_key(HOST, link))
    while isinstance(found, ChildLink) and found.parent.netns == HOST:
        yield from (found.parent.name, *leading.behind(found.parent.name))
        found = draft.state.get(found.parent)


def _fits(draft: Draft, shares: Shares, trunk: Trunk, asking: Sequence[Demand]) -> bool:
    """Find what keeps a link from having the trees."""
    link, own = trunk.link, shares.links.get(trunk.link)
    if link not in shares.capacity_bps:
        demand_capacity(draft, link, asking)
    elif own is not None and own.egress is not None and any(demand.way == "egress" for demand in asking):
        what = f"{link} has one root, and {dotted(asking[0].path[:-1])} asks for a part of what leads out by it"
        draft.error(("host", "links", link, "qos", "egress"), what, "`capacity:` limits it as a whole; leave this out")
    elif odd := next((name for name in (link, trunk.front) if not plain_ifname(name)), ""):
        what = f"{odd!r} is no name that weft writes into a chain"
        draft.error(capacity_path(link), what, "rename the link: `ip link set LINK name NAME`")
    else:
        check_line(draft, link, shares.capacity_bps[link])
        return True
    return False
