"""Neighbour entries that a run brings about: kept within what the machine has room for, and taken away again.

Rules: the tables are one for all namespaces, so a run that asks everybody at once would have the kernel refuse others
theirs. What was there before stays, and so does what is not on a port's own link.
"""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from weft.check.reach.spaces import Spaces
from weft.check.usage import CONNTRACK, NEIGHBOURS, usage
from weft.errors import WeftError
from weft.reach import Endpoint
from weft.wire.fdb import NUD_NOARP
from weft.wire.neighbour import (
    NDA_DST,
    NUD_PERMANENT,
    NeighbourMessage,
    delete_neighbour,
    get_neighbours,
    read_neighbour,
)

SHARE = 0.7
"""Of the room in a table that a run takes."""

ENTRIES = 2
"""Of one neighbour table that a conversation takes: each end learns the other."""

UNTOLD = (512, 1024)
"""Used, and the limit, of a neighbour table that the machine does not tell of: the kernel's own limit, and half of it
in use. Source: net/ipv4/arp.c gc_thresh3."""

CONNECTIONS = 64
"""Tracked connections that a conversation takes at most: four protocols both ways in two families, on four machines."""


def room() -> int:
    """So many pairs may talk at once, at least one."""
    told = usage()
    tables = [told.get(name, UNTOLD) for name in NEIGHBOURS.values()]
    left = [(limit - used) / ENTRIES for used, limit in tables]
    if CONNTRACK[1] in told:
        used, limit = told[CONNTRACK[1]]
        left.append((limit - used) / CONNECTIONS)
    return max(1, int(SHARE * min(left)))


class Neighbours:
    """The entries on the links of some ports, as they were when this was made."""

    def __init__(self, spaces: Spaces, ends: Iterable[Endpoint]) -> None:
        self._spaces = spaces
        self._links = _links(spaces, ends)
        self._before = {netns: set(map(_identity, self._learned(netns))) for netns in self._links}

    def forget(self) -> None:
        """Delete what is new."""
        for netns, before in self._before.items():
            new = [seen for seen in self._learned(netns) if _identity(seen) not in before]
            with suppress(WeftError, OSError):  # gone meanwhile, and its entries with it
                self._spaces.at(netns).rtnl.change([delete_neighbour(seen) for seen in new])

    def _learned(self, netns: str) -> list[NeighbourMessage]:
        with suppress(WeftError, OSError):
            found = self._spaces.at(netns).rtnl.dump(get_neighbours(), read_neighbour)
            return [seen for seen in found if seen.ifindex in self._links[netns] and _is_learned(seen)]
        return []


def _links(spaces: Spaces, ends: Iterable[Endpoint]) -> dict[str, set[int]]:
    """The numbers of the ports' links, by namespace."""
    found: dict[str, set[int]] = defaultdict(set)
    for end in ends:
        with suppress(WeftError, OSError), spaces.inside(end.netns):
            found[end.netns].add(socket.if_nametoindex(end.ifname))
    return found


def _is_learned(seen: NeighbourMessage) -> bool:
    return NDA_DST in seen.attributes and not seen.state & (NUD_PERMANENT | NUD_NOARP)


def _identity(seen: NeighbourMessage) -> tuple[int, str]:
    return seen.ifindex, seen.attributes[NDA_DST]
