"""The links of the host's that are shared: which they are, and what keeps one from having a tree.

Rules: where several links have default routes each is one, for nobody knows which one a packet will take. What the host
routes by a bridge that networks stand on leaves by that bridge's one port of known capacity, and is shared there with
them: a tree at the bridge would be within the port's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from weft.compiler.draft import Draft
from weft.compiler.findings import Cause, dotted
from weft.compiler.naming import plain_ifname
from weft.compiler.qos.admission import capacity_path, check_line, demand_capacity
from weft.compiler.qos.demand import Demand, Shares
from weft.compiler.qos.leading import HOSTS_OWN, Leading
from weft.records import dataclass


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


def trunks(draft: Draft, shares: Shares, leading: Leading, asking: Sequence[Demand]) -> Sequence[Trunk]:
    """The links that lead out, of those that anybody asks for a part of."""
    found = [_trunk(link, names, leading, asking) for link, names in _named(draft, shares, leading, asking).items()]
    mine = {one.link: [demand for demand in asking if demand.by & one.names] for one in found}
    return [one for one in found if _fits(draft, shares, one, mine[one.link])]


def _trunk(link: str, names: frozenset[str], leading: Leading, asking: Sequence[Demand]) -> Trunk:
    return Trunk(
        link=link,
        names=names,
        front=next((joined for joined, outlet in _fronts(leading) if outlet == link), link),
        routed=any(demand.out.routed & names for demand in asking),
        bridged=any(demand.out.bridged & names for demand in asking),
    )


def _named(draft: Draft, shares: Shares, leading: Leading, asking: Sequence[Demand]) -> Mapping[str, frozenset[str]]:
    """The links, with what they are called in demands."""
    names: dict[str, set[str]] = {}
    own = [demand for demand in asking if HOSTS_OWN in demand.by]
    for link in _default_links(draft, shares, own) if own else ():
        names.setdefault(_behind(draft, shares, leading, link, own), set()).add(HOSTS_OWN)
    for link in sorted({link for demand in asking for link in demand.by} - {HOSTS_OWN}):
        routed = [demand for demand in asking if link in demand.out.routed]
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


def _fronts(leading: Leading) -> Iterator[tuple[str, str]]:
    """The bridges that networks stand on, each with its ports that lead out."""
    for segment, outlet in leading.standing():
        if segment.footing is not None and segment.footing.joined is not None and outlet.port == outlet.link:
            yield segment.footing.joined.name, outlet.link


def _behind(draft: Draft, shares: Shares, leading: Leading, link: str, asking: Sequence[Demand]) -> str:
    """The port that leads out of a bridge, where `link` is one that networks stand on; else itself."""
    ports = sorted({outlet for joined, outlet in _fronts(leading) if joined == link})
    if not asking or not ports:
        return link
    if len(ports) > 1 or link in shares.capacity_bps:
        what = f"of {', '.join([link, *ports])} several have a capacity, and {link} is a bridge above the others"
        fix = "that of the one port that leads out, and of no other of them"
        draft.error(capacity_path(link if link in shares.capacity_bps else ports[0]), what, fix)
    return ports[0]


def _fits(draft: Draft, shares: Shares, trunk: Trunk, asking: Sequence[Demand]) -> bool:
    """Find what keeps a link from having the trees."""
    link, own = trunk.link, shares.links.get(trunk.link)
    if link not in shares.capacity_bps:
        demand_capacity(draft, link, asking)
    elif own is not None and own.egress is not None and any(demand.way == "egress" for demand in asking):
        what = f"{link} has one root, and {dotted(asking[0].path[:-1])} asks for a part of what leads out by it"
        draft.error(("host", "links", link, "qos", "egress"), what, "`capacity:` limits it as a whole; leave this out")
    elif not plain_ifname(link):
        what = f"{link!r} is no name that weft writes into a chain"
        draft.error(capacity_path(link), what, "rename the link: `ip link set LINK name NAME`")
    else:
        check_line(draft, link, shares.capacity_bps[link])
        return True
    return False
