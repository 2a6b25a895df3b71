"""Whether one match takes all that another would. Pure.

Rules: what is empty is everything. A match covers another where each thing that it asks for is asked for at least as
strictly by the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from operator import attrgetter

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


class Covering:
    """Matches by name, in order, found again by what they cover: one that lists ports, MACs, DSCPs or hosts is looked
    at only for what has one of those, so a thousand of them take no million looks."""

    def __init__(self) -> None:
        self._listed: dict[tuple[str, object], list[tuple[int, str, QosMatch]]] = {}
        self._others: list[tuple[int, str, QosMatch]] = []
        self._count = 0

    def add(self, name: str, match: QosMatch) -> None:
        entry = (self._count, name, match)
        self._count += 1
        keys = _listing(match)
        for key in keys:
            self._listed.setdefault(key, []).append(entry)
        if not keys:
            self._others.append(entry)

    def over(self, match: QosMatch) -> str | None:
        """The name of the first that covers it."""
        listed = (entry for key in _firsts(match) for entry in self._listed.get(key, ()))
        found = sorted([*listed, *self._others], key=lambda entry: entry[0])
        return next((name for _, name, other in found if covers(other, match)), None)


_LISTS = ("ports", "source_ports", "destination", "source", "destination_mac", "source_mac", "dscp")
_lists_of = attrgetter(*_LISTS)


def _listing(match: QosMatch) -> list[tuple[str, object]]:
    """All values of a field of which what is covered must have one; [] where no field is so plain."""
    for name, values in zip(_LISTS, _lists_of(match), strict=True):
        if values and all(map(_is_single, values)):
            return [(name, value) for value in values]
    return []


def _firsts(match: QosMatch) -> Iterator[tuple[str, object]]:
    """Where what covers it is listed."""
    for name, values in zip(_LISTS, _lists_of(match), strict=True):
        for value in values[:1]:
            yield name, str(value).partition("-")[0] if "ports" in name else value


def _is_single(value: object) -> bool:
    """No range of ports, and no prefix but a host's."""
    text = str(value)
    _, slash, length = text.partition("/")
    return "-" not in text and (not slash or length == ("128" if ":" in text else "32"))


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
