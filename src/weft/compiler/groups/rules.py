"""A group's chain of one way, family and level: a lookup for each shape of rule, never one for each rule.

Rules: a shape is a protocol with or without ports, and one kind of other end: anybody, prefixes, the members of one
group. So the number of lookups is bounded by the protocols and groups that are named. A level is a priority and an
action; its chain ends each packet that one of its rules fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field

from weft.compiler.groups.checks import Groups
from weft.compiler.groups.layout import ADDRESS_TYPE, IP, Room, group_chain, member_set, of_visitor
from weft.compiler.groups.matches import Match, apart, matches
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.nftset import NftSet
from weft.model.intent import Path
from weft.model.security import (
    DCCP,
    DEFAULT_PRIORITY,
    ICMP,
    ICMP_TYPES,
    ICMPV6,
    SCTP,
    TCP,
    UDP,
    UDPLITE,
    Action,
    SecurityRule,
)
from weft.records import dataclass

IN, OUT = "in", "out"
OTHER_END = {IN: "saddr", OUT: "daddr"}
VERDICT = {Action.ALLOW: "accept", Action.DENY: "drop"}

_PORTED = {TCP: "tcp", UDP: "udp", DCCP: "dccp", SCTP: "sctp", UDPLITE: "udplite"}
_ICMP = {ICMP: "icmp", ICMPV6: "icmpv6"}
_TYPE_NAMES = {protocol: {number: name for name, number in names.items()} for protocol, names in ICMP_TYPES.items()}
_CODE_NAMES = {
    ICMP: {
        0: "net-unreachable",
        1: "host-unreachable",
        2: "prot-unreachable",
        3: "port-unreachable",
        4: "frag-needed",
        9: "net-prohibited",
        10: "host-prohibited",
        13: "admin-prohibited",
    },
    ICMPV6: {
        0: "no-route",
        1: "admin-prohibited",
        3: "addr-unreachable",
        4: "port-unreachable",
        5: "policy-fail",
        6: "reject-route",
    },
}
"""What nft prints for a code, whatever the type. Source: nftables src/proto.c icmp_code_tbl, icmpv6_code_tbl."""


@dataclass(frozen=True, slots=True, order=True)
class Level:
    """One priority and action: `order` 0 for deny, which comes first."""

    priority: int
    order: int

    @classmethod
    def of(cls, rule: SecurityRule) -> Level:
        return cls(rule.priority, 0 if rule.action is Action.DENY else 1)

    @property
    def action(self) -> Action:
        return Action.ALLOW if self.order else Action.DENY

    @property
    def suffix(self) -> str:
        """Nothing for the usual one."""
        number = "" if self.priority == DEFAULT_PRIORITY else f".{self.priority}"
        return number + ("" if self.order else ".deny")


USUAL = Level(DEFAULT_PRIORITY, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """The rules of one group in one way. `group`: as chains are named after it; `tenant`: whose it is, as a visitor, ""
    for the owner of the namespace; its rules name groups of that tenant. `path`: theirs."""

    group: str
    way: str
    tenant: str = ""
    rules: Sequence[SecurityRule]
    path: Path

    def levels(self) -> list[Level]:
        return sorted({Level.of(rule) for rule in self.rules})

    def at(self, level: Level) -> Iterator[tuple[SecurityRule, Path]]:
        for at, rule in enumerate(self.rules):
            if Level.of(rule) == level:
                yield rule, (*self.path, str(at))


def level_chain(way: str, family: int, group: str, level: Level, domain: str) -> str:
    return group_chain(way, family, group, domain) + level.suffix


@dataclass(slots=True)
class _Shape:
    """One lookup: `line` names the set `name`, or has none to name. `text` writes a match as an element."""

    line: str
    name: str = ""
    type: str = ""
    interval: bool = True
    text: Callable[[Match], str] = field(default=lambda match: "")
    found: list[Match] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Counted:
    """Which rule an element counts for: `set` "" where it is the chain's own line `element`."""

    chain: str
    set: str
    element: str
    path: Path


def compile_level(
    room: Room,
    direction: Direction,
    level: Level,
    family: int,
    domain: str,
    groups: Groups,
) -> tuple[NftChain, list[NftSet], list[Counted]]:
    """The chain of one level and the sets that it looks into; and what counts for which rule."""
    name = level_chain(direction.way, family, direction.group, level, domain)
    shaper = _Shaper(name, OTHER_END[direction.way], VERDICT[level.action], family, domain, direction.tenant)
    found = (match for rule, path in direction.at(level) for match in matches(rule, path, family, groups.addresses))
    shapes = shaper.shapes(found)
    sets, counts = [], []
    for shape in shapes:
        elements = {shape.text(match): match.path for match in apart(shape.found)}
        counts += [Counted(name, shape.name, text or shape.line, path) for text, path in elements.items()]
        if shape.name:
            sets.append(room.counted(shape.name, shape.type, elements, interval=shape.interval))
    return room.chain(name, (shape.line for shape in shapes)), sets, counts


class _Shaper:
    """Sorts the matches of one chain by their shapes."""

    def __init__(self, chain: str, end: str, verdict: str, family: int, domain: str, tenant: str) -> None:
        self._chain, self._verdict, self._family, self._domain = chain, verdict, family, domain
        self._tenant = tenant
        self._address = f"{IP[family]} {end}"
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    def shapes(self, found: Iterable[Match]) -> list[_Shape]:
        """In an order that depends on nothing but what there is."""
        for match in found:
            key = self._key(match)
            if key not in self._shapes:
                self._shapes[key] = self._shape(match, key)
            self._shapes[key].found.append(match)
        return [self._shapes[key] for key in sorted(self._shapes)]

    def _key(self, match: Match) -> tuple[str, ...]:
        """(other end, protocol, group): one lookup each."""
        end = "2net" if match.net is not None else "1group" if match.group else "0any"
        if match.protocol is None:
            return end, "", match.group
        if match.span is not None:
            return end, {**_PORTED, **_ICMP}[match.protocol], match.group
        return end, f"protocol{match.protocol if match.net is not None else ''}", match.group

    def _shape(self, match: Match, key: tuple[str, ...]) -> _Shape:
        _, what, group = key
        of_group = f"{self._address} @{self._members(group)} " if group else ""
        suffix = f".from.{group}" if group else ".net" if match.net is not None else ""
        name = f"{self._chain}.{what or 'all'}{suffix}"
        if match.span is not None:
            return self._spanned(match, name, of_group)
        if match.net is not None:
            protocol = "" if match.protocol is None else f"meta l4proto {match.protocol} "
            line = f"{protocol}{self._address} @{name} {self._verdict}"
            return _Shape(line, name, ADDRESS_TYPE[self._family], True, _net_text)
        if match.protocol is not None:
            line = f"{of_group}meta l4proto @{name} {self._verdict}"
            return _Shape(line, name, "inet_proto", False, lambda found: str(found.protocol))
        return _Shape(f"{of_group}counter {self._verdict}")

    def _members(self, group: str) -> str:
        return member_set(self._family, of_visitor(self._tenant, group) if self._tenant else group, self._domain)

    def _spanned(self, match: Match, name: str, of_group: str) -> _Shape:
        assert match.protocol is not None
        if match.protocol in _PORTED:
            field, kind, text = f"{_PORTED[match.protocol]} dport", "inet_service", _port_text
        else:
            word = _ICMP[match.protocol]
            field, kind, text = f"{word} type . {word} code", f"{word}_type . {word}_code", _icmp_text
        if match.net is None:
            return _Shape(f"{of_group}{field} @{name} {self._verdict}", name, kind, True, text)
        line = f"{self._address} . {field} @{name} {self._verdict}"
        kind = f"{ADDRESS_TYPE[self._family]} . {kind}"
        return _Shape(line, name, kind, True, lambda found: f"{_net_text(found)} . {text(found)}")


def _net_text(match: Match) -> str:
    net = match.net
    assert net is not None
    return str(net.network_address) if net.prefixlen == net.max_prefixlen else str(net)


def _port_text(match: Match) -> str:
    low, high = match.span or (0, 0)
    return str(low) if low == high else f"{low}-{high}"


def _icmp_text(match: Match) -> str:
    assert match.protocol is not None and match.span is not None
    low, high = match.span
    names = _CODE_NAMES[match.protocol]
    kind = _TYPE_NAMES[match.protocol].get(low >> 8, str(low >> 8))
    first, last = low & 0xFF, high & 0xFF
    return f"{kind} . {names.get(first, str(first)) if first == last else f'{first}-{last}'}"
