"""A group's chain of one way, family and level: a lookup for each shape of rule, never one for each rule.

Rules: a shape is a protocol with or without ports, and one kind of other end: anybody, prefixes, the members of one
group. So the number of lookups is bounded by the protocols and groups that are named. A level is a priority and an
action; its chain ends each packet that one of its rules fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from weft.compiler.groups.checks import Groups
from weft.compiler.groups.layout import FilterTable, group_chain, member_set, of_visitor
from weft.compiler.groups.logs import denied_chain, rule_chain
from weft.compiler.groups.matches import Match, apart, matches
from weft.kinds.nft.chain import IP, NftChain
from weft.kinds.nft.nftset import ADDRESS_TYPE, NftSet
from weft.model.intent import Path
from weft.model.security import (
    DEFAULT_PRIORITY,
    ICMP,
    ICMP_TYPE_NAMES,
    ICMPV6,
    PROTOCOL_NAMES,
    WITH_PORTS,
    Action,
    SecurityRule,
)
from weft.records import dataclass

IN, OUT = "in", "out"
OTHER_END = {IN: "saddr", OUT: "daddr"}
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
    """One priority and action: `order` 0 for deny, which comes first; `plain` 0 for rules of which each has a chain of
    its own to end in, 1 for the others."""

    priority: int
    order: int
    plain: int = 1

    @classmethod
    def of(cls, rule: SecurityRule, *, audit: bool) -> Level:
        denies = rule.action is Action.DENY
        return cls(rule.priority, 0 if denies else 1, 0 if rule.log is not None or (audit and denies) else 1)

    @property
    def action(self) -> Action:
        return Action.ALLOW if self.order else Action.DENY

    @property
    def suffix(self) -> str:
        """Nothing for the usual one."""
        number = "" if self.priority == DEFAULT_PRIORITY else f".{self.priority}"
        return number + ("" if self.order else ".deny") + ("" if self.plain else ".logged")


USUAL = Level(DEFAULT_PRIORITY, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """The rules of one group in one way. `group`: as chains are named after it; `tenant`: whose it is, as a visitor, ""
    for the owner of the namespace; its rules name groups of that tenant. `own`: the group as a visitor calls it.
    `path`: of all of them; `audit`: none of them denies anything, it only tells; `left_out`: those that are thought
    away."""

    group: str
    way: str
    tenant: str = ""
    own: str = ""
    rules: Sequence[SecurityRule]
    path: Path
    audit: bool = False
    left_out: frozenset[Path] = frozenset()
    _by_level: dict[Level, list[tuple[SecurityRule, Path]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for at, rule in enumerate(self.rules):
            self._by_level.setdefault(self._level(rule), []).append((rule, (*self.path, str(at))))

    @property
    def own_name(self) -> str:
        """The group as its tenant calls it."""
        return self.own or self.group

    def of_visitor(self, tenant: str) -> Direction:
        """The same in the filter of a network's owner, by the name of its tenant that its chains bear."""
        return replace(self, group=of_visitor(tenant, self.group), tenant=tenant, own=self.group)

    def levels(self) -> list[Level]:
        return sorted(self._by_level)

    def at(self, level: Level) -> Iterator[tuple[SecurityRule, Path]]:
        return ((rule, path) for rule, path in self._by_level.get(level, ()) if path not in self.left_out)

    def logged(self) -> Iterator[SecurityRule]:
        """The rules that end in a chain of their own."""
        return (rule for rule in self.rules if not self._level(rule).plain)

    def _level(self, rule: SecurityRule) -> Level:
        return Level.of(rule, audit=self.audit)


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
    table: FilterTable,
    direction: Direction,
    level: Level,
    family: int,
    domain: str,
    groups: Groups,
) -> tuple[NftChain, list[NftSet], list[Counted]]:
    """The chain of one level and the sets that it looks into; and what counts for which rule."""
    name = level_chain(direction.way, family, direction.group, level, domain)
    rules = {path: rule for rule, path in direction.at(level)}
    ends = {} if level.plain else {path: _end_of(direction, rule) for path, rule in rules.items()}
    shaper = _Shaper(name, direction, _verdict(direction, level), ends, family, domain)
    found = (match for path, rule in rules.items() for match in matches(rule, path, family, groups.addresses))
    shapes = shaper.shapes(found)
    sets, counts = [], []
    for shape in shapes:
        elements = {shape.text(match): match.path for match in apart(shape.found)}
        counts += [Counted(name, shape.name, text or shape.line, path) for text, path in elements.items()]
        if shape.name:
            texts = (f"{text} : {ends[path]}" for text, path in elements.items()) if ends else elements
            data = "verdict" if ends else ""
            sets.append(table.counted(shape.name, shape.type, texts, interval=shape.interval, data=data))
    return table.chain(name, (shape.line for shape in shapes)), sets, counts


def _verdict(direction: Direction, level: Level) -> str:
    """Of what a rule without a chain of its own fits."""
    return "accept" if level.action is Action.ALLOW else f"goto {denied_chain(direction.way, direction.group)}"


def _end_of(direction: Direction, rule: SecurityRule) -> str:
    return f"goto {rule_chain(direction.way, direction.group, rule)}"


class _Shaper:
    """Sorts the matches of one chain by their shapes. `ends`: the verdict of each rule, if each has its own."""

    def __init__(
        self, chain: str, direction: Direction, verdict: str, ends: Mapping[Path, str], family: int, domain: str
    ) -> None:
        end = OTHER_END[direction.way]
        self._chain, self._family, self._domain, self._tenant = chain, family, domain, direction.tenant
        self._verdict, self._ends = verdict, ends
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
            return end, PROTOCOL_NAMES[match.protocol], match.group
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
            line = f"{protocol}{self._look_up(self._address, name)}"
            return _Shape(line, name, ADDRESS_TYPE[self._family], True, _net_text)
        if match.protocol is not None:
            line = f"{of_group}{self._look_up('meta l4proto', name)}"
            return _Shape(line, name, "inet_proto", False, lambda found: str(found.protocol))
        return _Shape(f"{of_group}counter {self._ends.get(match.path, self._verdict)}")

    def _look_up(self, fields: str, name: str) -> str:
        return f"{fields} vmap @{name}" if self._ends else f"{fields} @{name} {self._verdict}"

    def _members(self, group: str) -> str:
        return member_set(self._family, of_visitor(self._tenant, group) if self._tenant else group, self._domain)

    def _spanned(self, match: Match, name: str, of_group: str) -> _Shape:
        assert match.protocol is not None
        word = PROTOCOL_NAMES[match.protocol]
        if match.protocol in WITH_PORTS:
            field, kind, text = f"{word} dport", "inet_service", _port_text
        else:
            field, kind, text = f"{word} type . {word} code", f"{word}_type . {word}_code", _icmp_text
        if match.net is None:
            return _Shape(f"{of_group}{self._look_up(field, name)}", name, kind, True, text)
        line = self._look_up(f"{self._address} . {field}", name)
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
    kind = ICMP_TYPE_NAMES[match.protocol].get(low >> 8, str(low >> 8))
    first, last = low & 0xFF, high & 0xFF
    return f"{kind} . {names.get(first, str(first)) if first == last else f'{first}-{last}'}"
