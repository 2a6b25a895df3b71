"""What a link has of its namespace's own, read from a kernel: its addresses, and the routes by it."""

from __future__ import annotations

from collections.abc import Iterator

from weft.backends.rtnl_reading import Reading
from weft.kinds.ip import address
from weft.kinds.setting.belongings import Held, held
from weft.wire.address_text import AF_INET, AF_INET6
from weft.wire.belongings import Belonging, read_held_address, read_held_route
from weft.wire.ifaddr import get_addresses
from weft.wire.route import get_routes


def read_held(reading: Reading, index: int) -> Held:
    """Raises: DumpInterrupted, ReceiveOverrun."""
    return held([*_addresses(reading, index), *_routes(reading, index)])


def _addresses(reading: Reading, index: int) -> Iterator[Belonging]:
    link = reading.links[index]
    for family in (AF_INET, AF_INET6):
        for seen, one in reading.dump(get_addresses(family, index), read_held_address):
            if one.bar or address.parse(reading.netns, link.ifname, link.mac, seen):
                yield one


def _routes(reading: Reading, index: int) -> Iterator[Belonging]:
    for family in (AF_INET, AF_INET6):
        yield from reading.dump(get_routes(family, index=index), read_held_route)
