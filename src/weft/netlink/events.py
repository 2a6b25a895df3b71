"""What changes in a namespace's links, addresses, routes, rules, neighbours and namespace ids, as it happens.

Rules: an event says where to look, not what is there now: whoever hears it reads. An overrun is said, for then
everything may have changed. Source: rtnetlink(7), linux/rtnetlink.h (rtnetlink_groups).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from weft.netlink.connection import open_socket, receive
from weft.records import dataclass
from weft.wire.codec import messages
from weft.wire.ifaddr import RTM_DELADDR, RTM_NEWADDR
from weft.wire.link import RTM_DELLINK, RTM_NEWLINK
from weft.wire.neighbour import RTM_DELNEIGH, RTM_NEWNEIGH
from weft.wire.nsid import RTM_DELNSID, RTM_NEWNSID
from weft.wire.route import RTM_DELROUTE, RTM_NEWROUTE
from weft.wire.rule import RTM_DELRULE, RTM_NEWRULE

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1

GROUPS = {
    "link": (1,),
    "neighbour": (3,),
    "address": (5, 9),
    "route": (7, 11),
    "rule": (8, 19),
    "nsid": (28,),
}
"""Multicast groups by table; IPv4 and IPv6 have one each."""

_TABLES = {
    RTM_NEWLINK: ("link", False),
    RTM_DELLINK: ("link", True),
    RTM_NEWADDR: ("address", False),
    RTM_DELADDR: ("address", True),
    RTM_NEWROUTE: ("route", False),
    RTM_DELROUTE: ("route", True),
    RTM_NEWRULE: ("rule", False),
    RTM_DELRULE: ("rule", True),
    RTM_NEWNEIGH: ("neighbour", False),
    RTM_DELNEIGH: ("neighbour", True),
    RTM_NEWNSID: ("nsid", False),
    RTM_DELNSID: ("nsid", True),
}


@dataclass(frozen=True, slots=True)
class Event:
    """`table` as in a Key. `body`: the message without its header, for the reader of that table in `wire`."""

    table: str
    gone: bool
    body: bytes


class Events:
    """A subscription in the calling thread's namespace. Iterate it, or wait on `fileno` and then `read`."""

    def __init__(self, tables: Collection[str] = tuple(GROUPS)) -> None:
        self._socket = open_socket()
        for table in tables:
            for group in GROUPS[table]:
                self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, timeout_s: float | None = None) -> list[Event]:
        """What came together, waiting for it; empty after `timeout_s`.

        Raises: ReceiveOverrun: some were lost. The subscription goes on.
        """
        self._socket.settimeout(timeout_s)
        try:
            buffer = receive(self._socket)
        except (TimeoutError, BlockingIOError):
            return []
        return [Event(*_TABLES[kind], buffer[at:end]) for kind, _, _, at, end in messages(buffer) if kind in _TABLES]

    def __iter__(self) -> Iterator[Event]:
        """Without end. Raises: ReceiveOverrun; iterate again to go on."""
        while True:
            yield from self.read()
