"""Whether a plan touches what a connection of somebody far away lives on: its route and links, and what these stand on.

Rules: pure; from the plan and what was observed. Policy rules are not followed: where the main table has several ways
to an address, the most specific one counts, and of equal ones the one with the least metric.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network

from weft.diff import differing_fields
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import MAIN_TABLE, Route
from weft.kinds.link.common import Link
from weft.kinds.setting.link import LinkSetting
from weft.plan.phases import Plan
from weft.state import HOST, Change, Key, Op, State, link_key

HARMLESS = frozenset({"alias", "altnames"})
"""Fields of a link that no traffic notices."""


def touched(todo: Plan, observed: State, client: str) -> Change | None:
    """The first change that may cut a connection between the host and `client`; None where there is none.

    `client`: an address, with or without a zone. Raises: ValueError where it is none.
    """
    peer = ip_address(client.partition("%")[0])
    way = _way(observed, peer)
    if way is None:
        return None
    lifeline = {way.key, *_links(observed, way)}
    return next((change for change in todo.changes.values() if _cuts(change, lifeline, way, peer)), None)


Peer = IPv4Address | IPv6Address
Way = Route | Address


def _way(observed: State, peer: Peer) -> Way | None:
    """The route by which the host reaches the peer, or the address on whose network it is."""
    ways = (held for held in observed.values() if isinstance(held, Route | Address) and _leads_to(held, peer))
    return max(ways, key=_preference, default=None)


def _leads_to(way: Way, peer: Peer) -> bool:
    if way.netns != HOST:
        return False
    if isinstance(way, Address):
        return peer in ip_interface(way.cidr).network
    return way.table == MAIN_TABLE and peer in ip_network(way.dst)


def _preference(way: Way) -> tuple[int, int]:
    if isinstance(way, Address):
        return ip_interface(way.cidr).network.prefixlen, 0
    return ip_network(way.dst).prefixlen, -way.metric


def _links(observed: State, way: Way) -> Iterator[Key]:
    """The links that the way leads by, their masters and members, and what they stand on."""
    left, seen = [on for on in way.lives_on if on.table == "link"], set[Key]()
    while left:
        key = left.pop()
        link = observed.get(key)
        if key in seen or not isinstance(link, Link):
            continue
        seen.add(key)
        yield key
        left += [on for on in link.lives_on if on.table == "link"]
        left += [link_key(link.netns, link.master)] if link.master else []
        left += [member.key for member in _members(observed, link)]


def _members(observed: State, master: Link) -> Iterator[Link]:
    for held in observed.values():
        if isinstance(held, Link) and held.netns == master.netns and held.master == master.ifname:
            yield held


def _cuts(change: Change, lifeline: set[Key], way: Way, peer: Peer) -> bool:
    old, new = change.before, change.after
    if change.op is Op.UPDATE and old is not None and new is not None and isinstance(new, Link):
        return change.key in lifeline and not HARMLESS.issuperset(differing_fields(old, new))
    if isinstance(change.object, LinkSetting):
        return change.object.lives_on[0] in lifeline and change.object.attribute not in HARMLESS
    if change.key in lifeline:
        return True
    if isinstance(change.object, Address) and change.op is not Op.CREATE:
        return any(on in lifeline for on in change.object.lives_on)
    return isinstance(new, Route | Address) and _leads_to(new, peer) and _preference(new) >= _preference(way)
