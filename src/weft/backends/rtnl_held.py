"""What a link has that is not weft's, read from a kernel: addresses, routes by it, its lasting
neighbours, what a bridge keeps of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from weft.backends.rtnl_reading import Reading
from weft.kinds.ip import address
from weft.kinds.link import bridge_vlan
from weft.kinds.setting.belongings import Held, held
from weft.kinds.setting.port import Kept, value_of
from weft.state import PROTOCOL, Mark
from weft.wire.address_text import AF_INET, AF_INET6
from weft.wire.belongings import Belonging, read_held_address, read_held_neighbour, read_held_route
from weft.wire.bridge import BRIDGE_KIND, PORT_OPTIONS
from weft.wire.bridge_vlan import get_bridge_vlans, read_bridge_vlans
from weft.wire.fdb import get_entries, read_static_entry
from weft.wire.ifaddr import get_addresses
from weft.wire.link import IFLA_IFALIAS, IFLA_MASTER
from weft.wire.neighbour import NDA_PROTOCOL, get_neighbours
from weft.wire.route import get_routes


def read_held(reading: Reading, index: int) -> Held:
    """Raises: DumpInterrupted, ReceiveOverrun."""
    return held([*_addresses(reading, index), *_routes(reading, index), *_neighbours(reading, index)])


def _addresses(reading: Reading, index: int) -> Iterator[Belonging]:
    link = reading.links[index]
    for family in (AF_INET, AF_INET6):
        for seen, one in reading.dump(get_addresses(family, index), read_held_address):
            if one.bar or address.parse(reading.netns, link.ifname, link.mac, seen):
                yield one


def _routes(reading: Reading, index: int) -> Iterator[Belonging]:
    for family in (AF_INET, AF_INET6):
        yield from reading.dump(get_routes(family, index=index), read_held_route)


def _neighbours(reading: Reading, index: int) -> Iterator[Belonging]:
    for family, proxy in product((AF_INET, AF_INET6), (False, True)):
        for seen, one in reading.dump(get_neighbours(family, index=index, proxy=proxy), read_held_neighbour):
            if seen.ifindex == index and seen.attributes.get(NDA_PROTOCOL) != PROTOCOL:
                yield one


def read_port(reading: Reading, index: int) -> str:
    """What a bridge that bears no mark keeps of the link, "" where none has it. Raises: DumpInterrupted."""
    link = reading.links[index]
    bridge = reading.links.get(link.attributes.get(IFLA_MASTER, 0))
    if bridge is None or bridge.kind != BRIDGE_KIND or Mark.parse(bridge.attributes.get(IFLA_IFALIAS)):
        return ""
    macs = (link.mac, bridge.mac)
    entries = [
        seen
        for seen in reading.dump(get_entries(index), read_static_entry)
        if (seen.ifindex, seen.master) == (index, bridge.ifindex) and not (seen.local and seen.mac in macs)
    ]
    kept = Kept(
        master=bridge.ifname,
        options=link.info.read_port(PORT_OPTIONS),
        vlans=_vlans(reading, index),
        entries=tuple((seen.mac, seen.vid, seen.local) for seen in entries),
    )
    return value_of(kept)


def _vlans(reading: Reading, index: int) -> tuple[str, ...]:
    for seen in reading.dump(get_bridge_vlans(), read_bridge_vlans):
        if seen.ifindex == index:
            return bridge_vlan.parse(reading.netns, "", "", seen.ranges).vlans
    return ()
