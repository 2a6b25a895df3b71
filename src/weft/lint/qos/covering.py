"""Whether one match takes all that another would. Pure.

Rules: what is empty is everything. A match covers another where each thing that it asks for is asked for at least as
strictly by the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from weft.model.qos import QosMatch

Network = IPv4Network | IPv6Network


def covers(wide: QosMatch, narrow: QosMatch) -> bool:
    return (
        _prefixes(wide.source, narrow.source)
        and _prefixes(wide.destination, narrow.destination)
        and _values(wide.source_mac, narrow.source_mac)
        and _values(wide.destination_mac, narrow.destination_mac)
        and wide.protocol in (None, narrow.protocol)
        and _ports(wide.ports, narrow.ports)
        and _ports(wide.source_ports, narrow.source_ports)
        and _values(wide.dscp, narrow.dscp)
        and _mark(wide.mark, narrow.mark)
        and _cgroup(wide.cgroup, narrow.cgroup)
    )


def bits(mark: str) -> tuple[int, int]:
    """`0xMARK/0xMASK`."""
    value, _, mask = mark.partition("/")
    return int(value, 16), int(mask, 16)


def _values(wide: Iterable[object], narrow: Iterable[object]) -> bool:
    return not wide or (bool(narrow) and set(narrow) <= set(wide))


def _prefixes(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    if not wide:
        return True
    over = [*map(ip_network, wide)]
    return bool(narrow) and all(any(_within(ip_network(text), other) for other in over) for text in narrow)


def _within(network: Network, other: Network) -> bool:
    if isinstance(network, IPv4Network) and isinstance(other, IPv4Network):
        return network.subnet_of(other)
    return isinstance(network, IPv6Network) and isinstance(other, IPv6Network) and network.subnet_of(other)


def _ports(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    return not wide or (bool(narrow) and _numbers(narrow) <= _numbers(wide))


def _numbers(ranges: Iterable[str]) -> set[int]:
    found: set[int] = set()
    for text in ranges:
        low, _, high = text.partition("-")
        found.update(range(int(low), int(high or low) + 1))
    return found


def _mark(wide: str | None, narrow: str | None) -> bool:
    if wide is None or narrow is None:
        return wide is None
    (value, mask), (other, over) = bits(wide), bits(narrow)
    return mask & over == mask and other & mask == value


def _cgroup(wide: str | None, narrow: str | None) -> bool:
    return wide is None or (narrow is not None and (narrow == wide or narrow.startswith(f"{wide}/")))
