"""Which link is the other end of which veth, and what other links stand on.

Rules: the kernel names the other end by its index and by the number that this namespace has for the other one. Those
numbers are asked for with as few questions as possible: first where most other namespaces are spoken of, for each
answer settles both ends. Source: linux/net_namespace.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from weft.backends.rtnl_reading import Reading
from weft.kinds import KINDS
from weft.netlink.kept import Kept, NamespaceGone, Place
from weft.state import HOST, Key, link_key
from weft.wire.link import IFLA_LINK, IFLA_LINK_NETNSID, LinkMessage, get_link, get_links, read_link
from weft.wire.nsid import NSID_NOT_ASSIGNED, get_nsid, read_nsid
from weft.wire.reply import Reply

FEW = 50
"""So many links are asked for one by one; above, a dump costs less."""

VETH = "veth"
"""IFLA_INFO_KIND of the links that name each other."""

End: TypeAlias = tuple[str, int]
"""A link by its namespace and index."""


def peers(kept: Kept, readings: Sequence[Reading]) -> dict[End, Key]:
    """The other end of every veth that was read, and the parent of every link of weft's kinds; what cannot be named is
    left out."""
    ends = _pairs(kept, readings)
    names = _names(kept, readings, ends.values())
    return {end: names[peer] for end, peer in ends.items() if peer in names}


def _pairs(kept: Kept, readings: Sequence[Reading]) -> dict[End, End]:
    found: dict[End, End] = {}
    abroad: list[tuple[Reading, dict[int, list[End]]]] = []
    for reading in readings:
        spoken_of: dict[int, list[End]] = {}
        for index, seen in reading.links.items():
            other, nsid = _named(seen), seen.attributes.get(IFLA_LINK_NETNSID)
            if other is None or (nsid is None and not other):
                continue
            if nsid is None:
                found[reading.netns, index] = reading.netns, other
            else:
                spoken_of.setdefault(nsid, []).append((reading.netns, index))
        if spoken_of:
            abroad.append((reading, spoken_of))
    for reading, spoken_of in sorted(abroad, key=lambda entry: -len(entry[1])):
        _settle(kept, readings, reading, spoken_of, found)
    return found


def _named(seen: LinkMessage) -> int | None:
    """Index of the link that another names, None for none. 0: a tunnel that names its underlay's namespace alone."""
    for row in KINDS.of_links(seen.kind):
        return row.below(seen.info) if row.below else seen.attributes.get(IFLA_LINK) or None
    return None


def _settle(
    kept: Kept, readings: Sequence[Reading], reading: Reading, spoken_of: Mapping[int, list[End]], found: dict[End, End]
) -> None:
    """What the links of this namespace name, and of veths what is so named: the other way round."""
    open_ids = {nsid for nsid, ends in spoken_of.items() if any(end not in found for end in ends)}
    places = _resolve(kept, readings, reading.place, open_ids) if open_ids else {}
    for nsid, place in places.items():
        for end in spoken_of[nsid]:
            seen = reading.links[end[1]]
            found[end] = other = place.netns, _named(seen) or 0
            if seen.kind == VETH:
                found[other] = end


def _resolve(kept: Kept, readings: Sequence[Reading], here: Place, nsids: set[int]) -> dict[int, Place]:
    """The namespaces that `here` knows by these numbers: remembered ones, those read, and if need be all others."""
    known = {nsid: place for nsid, place in here.nsids.items() if nsid in nsids and _lives(kept, place)}
    asked = {place.netns for place in known.values()} | {here.netns}
    near = [reading.netns for reading in readings]
    for labels in (near, [HOST, *kept.namespaces.names()] if nsids - known.keys() else []):
        if nsids <= known.keys():
            break
        candidates = list(_places(kept, (label for label in labels if label not in asked)))
        asked.update(place.netns for place in candidates)
        answers = here.rtnl.ask([get_nsid(place.fd) for place in candidates], read_nsid)
        for place, nsid in zip(candidates, answers, strict=True):
            if isinstance(nsid, int) and nsid != NSID_NOT_ASSIGNED:
                here.nsids[nsid] = place
                if nsid in nsids:
                    known[nsid] = place
    return known


def _lives(kept: Kept, place: Place) -> bool:
    """Whether the place is still that of its label; its number could else be another's by now."""
    try:
        return kept.at(place.netns) is place
    except NamespaceGone:
        return False


def _places(kept: Kept, labels: Iterable[str]) -> Iterator[Place]:
    for label in labels:
        try:
            yield kept.at(label)
        except NamespaceGone:
            continue


def _names(kept: Kept, readings: Sequence[Reading], ends: Iterable[End]) -> dict[End, Key]:
    """The keys of the ends, from what was read or else from the kernel; of index 0 the namespace alone."""
    links = {reading.netns: reading.links for reading in readings}
    names: dict[End, Key] = {}
    unread: dict[str, list[int]] = {}
    for netns, index in ends:
        seen = links.get(netns, {}).get(index)
        if seen is not None or not index:
            names[netns, index] = link_key(netns, seen.ifname if seen else "")
        else:
            unread.setdefault(netns, []).append(index)
    for netns, indexes in unread.items():
        for seen in _ask_for(kept.at(netns), indexes):
            names[netns, seen.ifindex] = link_key(netns, seen.ifname)
    return names


def _ask_for(place: Place, indexes: Sequence[int]) -> Iterable[LinkMessage]:
    if len(indexes) > FEW:
        return place.rtnl.dump(get_links(), read_link)
    answers = place.rtnl.ask([get_link(index=index) for index in indexes], read_link)
    return (answer for answer in answers if not isinstance(answer, Reply))
