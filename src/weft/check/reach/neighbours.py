"""Neighbour entries that a run brings about: kept within what the machine has room for, and taken away again.

Rules: the tables are one for all namespaces, so a run that asks everybody at once would have the kernel refuse others
theirs. What was there before stays; of what is new only entries of addresses that were asked go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress

from weft.check.reach.rooms import Rooms
from weft.check.usage import CONNTRACK, usage
from weft.errors import WeftError
from weft.wire.address_text import ip_bytes
from weft.wire.codec import attribute, message
from weft.wire.neighbour import (
    NDA_DST,
    NUD_PERMANENT,
    RTM_DELNEIGH,
    NeighbourMessage,
    get_neighbours,
    neighbour_header,
    read_neighbour,
)

SHARE = 0.7
"""Of the room in a table that a run takes."""

ENTRIES = 2
"""Of one neighbour table that a conversation takes: each end learns the other."""

CONNECTIONS = 64
"""Tracked connections that a conversation takes at most: four protocols both ways in two families, on four machines."""


def room() -> int | None:
    """So many pairs may talk at once, at least one; None where the machine does not tell."""
    rooms = [
        SHARE * (limit - used) / (CONNECTIONS if name in CONNTRACK else ENTRIES)
        for name, (used, limit) in usage().items()
    ]
    return max(1, int(min(rooms))) if rooms else None


class Neighbours:
    """The entries of some namespaces, as they were when this was made."""

    def __init__(self, rooms: Rooms, places: Iterable[str]) -> None:
        self._rooms = rooms
        self._before = {netns: set(map(_identity, self._learned(netns))) for netns in places}

    def forget(self, asked: Collection[str]) -> None:
        """Delete what is new, of the addresses `asked`."""
        for netns, before in self._before.items():
            new = (seen for seen in self._learned(netns) if _identity(seen) not in before)
            requests = [_delete(seen) for seen in new if seen.attributes[NDA_DST] in asked]
            with suppress(WeftError, OSError):  # gone meanwhile, and its entries with it
                self._rooms.at(netns).rtnl.change(requests)

    def _learned(self, netns: str) -> list[NeighbourMessage]:
        with suppress(WeftError, OSError):
            found = self._rooms.at(netns).rtnl.dump(get_neighbours(), read_neighbour)
            return [seen for seen in found if NDA_DST in seen.attributes and not seen.state & NUD_PERMANENT]
        return []


def _identity(seen: NeighbourMessage) -> tuple[int, str]:
    return seen.ifindex, seen.attributes[NDA_DST]


def _delete(seen: NeighbourMessage) -> bytes:
    address = attribute(NDA_DST, ip_bytes(seen.attributes[NDA_DST]))
    return message(RTM_DELNEIGH, 0, neighbour_header(seen.family, seen.ifindex), address)
