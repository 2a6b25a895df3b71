"""The rules of a group as elements of sets: what each rule matches, and no element that meets another of its set.

Rules: pure. A rule is taken apart into matches: one protocol (or all), one range of ports or of ICMP codes (or all),
one kind of other end. What a wider prefix, or an earlier rule, matches already is left out of a later one: both say the
same, and the kernel refuses overlaps. So a packet that several rules fit is counted for the widest, else the first.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import islice

from weft.model.intent import Path
from weft.model.security import FAMILIES, ICMP_FAMILIES, ICMP_TYPES, WITH_PORTS, SecurityRule
from weft.records import dataclass

IpNetwork = IPv4Network | IPv6Network
Range = tuple[int, int]
"""Ports; or of ICMP type * 256 + code, within one type. Both ends included."""


@dataclass(frozen=True, slots=True)
class Match:
    """What one element matches. `protocol`, `span` and `net` None: all; `group`: the other end is a member, "" where
    that is not asked. `path`: the rule's."""

    protocol: int | None
    span: Range | None
    net: IpNetwork | None
    group: str
    path: Path


def family_of(rule: SecurityRule) -> int:
    """4, 6, or 0 for both."""
    given = FAMILIES[rule.family] if rule.family else 0
    remote = rule.remote
    by_remote = ip_network(remote.cidr).version if remote is not None and remote.cidr else 0
    return given or by_remote or ICMP_FAMILIES.get(rule.protocol or 0, 0)


def icmp_type(rule: SecurityRule) -> int | None:
    """The number of a rule's ICMP type; None where it names none, or its protocol has no such type."""
    if rule.type is None or rule.protocol is None:
        return None
    return int(rule.type) if rule.type.isdecimal() else ICMP_TYPES.get(rule.protocol, {}).get(rule.type)


def matches(
    rule: SecurityRule, path: Path, family: int, address_groups: Mapping[str, Sequence[str]]
) -> Iterator[Match]:
    """What a rule matches in one family. `address_groups`: prefixes by name."""
    if family_of(rule) not in (0, family):
        return
    for net, group in _ends(rule, family, address_groups):
        for span in _spans(rule):
            yield Match(rule.protocol, span, net, group, path)


def _ends(
    rule: SecurityRule, family: int, address_groups: Mapping[str, Sequence[str]]
) -> Iterator[tuple[IpNetwork | None, str]]:
    remote = rule.remote
    if remote is None:
        yield None, ""
    elif remote.group is not None:
        yield None, remote.group
    else:
        cidrs = [remote.cidr] if remote.cidr else address_groups.get(remote.address_group or "", ())
        nets = (ip_network(cidr) for cidr in cidrs)
        # all of a family is any: one lookup less
        yield from ((net if net.prefixlen else None, "") for net in nets if net.version == family)


def _spans(rule: SecurityRule) -> Iterable[Range | None]:
    if rule.protocol in WITH_PORTS and rule.ports:
        return rule.ports
    number = icmp_type(rule)
    if number is None:
        return (None,)
    first, last = (rule.code, rule.code) if rule.code is not None else (0, 255)
    return ((number << 8 | first, number << 8 | last),)


def apart(found: Iterable[Match]) -> Iterator[Match]:
    """Matches of one set, cut so that none meets another: wider prefixes first, then in their order."""
    taken: dict[tuple[int | None, int, int], _Ranges] = {}
    lengths: list[int] = []
    for match in sorted(found, key=lambda m: m.net.prefixlen if m.net else 0):
        length, width, number = _numbers(match.net)
        if length not in lengths:
            lengths.append(length)
        left = [match.span or _ALL]
        for wider in lengths:
            known = taken.get((match.protocol, wider, number >> (width - wider)))
            if known is not None:
                left = [part for span in left for part in known.without(span)]
        for span in left:
            taken.setdefault((match.protocol, length, number >> (width - length)), _Ranges()).add(span)
            yield match if span in (match.span, _ALL) else replace(match, span=span)


_ALL: Range = (0, 0xFFFF)


def _numbers(net: IpNetwork | None) -> tuple[int, int, int]:
    """Prefix length, width and number of the address, in bits."""
    return (0, 0, 0) if net is None else (net.prefixlen, net.max_prefixlen, int(net.network_address))


class _Ranges:
    """Ranges that do not meet, in order."""

    __slots__ = ("_ranges",)

    def __init__(self) -> None:
        self._ranges: list[Range] = []

    def add(self, span: Range) -> None:
        """Add one that meets none."""
        insort(self._ranges, span)

    def without(self, span: Range) -> Iterator[Range]:
        """What of `span` is in none of them."""
        at, last = span
        first = max(bisect_right(self._ranges, (at, _ALL[1])) - 1, 0)
        for low, high in islice(self._ranges, first, None):
            if low > last:
                break
            if high < at:
                continue
            if low > at:
                yield at, low - 1
            at = high + 1
        if at <= last:
            yield at, last
