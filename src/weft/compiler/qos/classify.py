"""Which packet goes to which class: nft rules that set the priority, and maps that many classes share.

Rules: the default is set first, so that nothing inherited or forged chooses a class, and what no rule knows (ARP,
frames with a tag within, whatever is not IP) stays with it. The first class that matches has a packet: rules stand in
reverse order, and the last one that matches decides. Matches of neighbours that say one thing of the same sort (an
address, a port, a MAC) are elements of one map, or of one for each family or protocol, so a packet's cost does not grow
with the classes; what overlaps without being the same begins new maps. An address map has intervals from the first, so
that a prefix is one element more and no new map.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import compress
from operator import attrgetter
from typing import NamedTuple

from weft.compiler.qos import nft_text
from weft.kinds.nft.element import NftElement, new_element
from weft.kinds.nft.nftset import NftSet
from weft.model.qos import QosMatch
from weft.model.qos_words import PORT_PROTOCOLS, PROTOCOLS
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Classed:
    """What belongs to a class. `classid` as tc writes it."""

    classid: str
    matches: tuple[QosMatch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The table that rules and maps are in, and how the names of its maps begin."""

    netns: str
    family: str
    table: str
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """`rules` are to follow the one that sets the default."""

    rules: tuple[str, ...]
    sets: tuple[NftSet, ...]
    elements: tuple[NftElement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """A sort of thing that a map looks up. `word`: in its name; `group`: shared with sorts of which a packet has one
    at most, so that the order of their maps does not matter."""

    word: str
    group: str
    selector: str
    type: str
    interval: bool = False


class Keyed(NamedTuple):
    """A match that says one thing: `text` as nft prints it, `low` and `high` as numbers."""

    sort: Sort
    text: str
    low: int
    high: int


def _of_addresses(side: str) -> dict[int, Sort]:
    return {
        family: Sort(word=f"{ip}-{side}", group=side, selector=f"{ip} {side}", type=f"{kind}_addr", interval=True)
        for family, ip, kind in ((4, "ip", "ipv4"), (6, "ip6", "ipv6"))
    }


def _of_ports(side: str) -> Mapping[str | None, Sort]:
    """One for each protocol: of a protocol and port together nft 1.0.6 makes what kernel 7.2 does not take."""
    return {
        name: Sort(word=f"{name}-{side}", group=side, selector=f"{name} {side}", type="inet_service", interval=True)
        for name in sorted(PORT_PROTOCOLS)
    }


_SOURCE, _DESTINATION = _of_addresses("saddr"), _of_addresses("daddr")
_PORTS, _SOURCE_PORTS = _of_ports("dport"), _of_ports("sport")
_MAC_SOURCE = Sort(word="ether-saddr", group="ether-saddr", selector="ether saddr", type="ether_addr")
_MAC_DESTINATION = Sort(word="ether-daddr", group="ether-daddr", selector="ether daddr", type="ether_addr")
_PROTOCOL = Sort(word="l4proto", group="l4proto", selector="meta l4proto", type="inet_proto")


@dataclass(slots=True)
class _Map:
    """One map in the making: its elements, each with the class. `spans`: what they are of, sorted and apart."""

    sort: Sort
    held: dict[str, str] = field(default_factory=dict)
    spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, keyed: Keyed, classid: str) -> bool:
        """Whether it was taken: what overlaps with others here, and is not the same as one, is not."""
        if keyed.text not in self.held:
            spans, low, high = self.spans, keyed.low, keyed.high
            at = bisect_left(spans, (low, high))
            if (at < len(spans) and spans[at][0] <= high) or (at and low <= spans[at - 1][1]):
                return False
            spans.insert(at, (low, high))
        self.held[keyed.text] = classid
        return True


class _Open:
    """The maps of one group that still take elements."""

    def __init__(self) -> None:
        self.group = ""
        self._maps: dict[str, _Map] = {}

    def add(self, keyed: Keyed, classid: str) -> bool:
        """Whether it was taken. What is empty takes everything."""
        sort = keyed.sort
        if not self._maps:
            self.group = sort.group
        elif sort.group != self.group:
            return False
        held = self._maps.get(sort.word)
        if held is None:
            held = self._maps[sort.word] = _Map(sort)
        return held.add(keyed, classid)

    def close(self) -> list[_Map]:
        closed = list(self._maps.values())
        self._maps, self.group = {}, ""
        return closed


def classify(classes: Sequence[Classed], where: Where) -> Classifier:
    """Rules and maps for classes in the order in which they are asked."""
    rules: list[str] = []
    sets: list[NftSet] = []
    elements: list[NftElement] = []
    counted: dict[str, int] = {}
    netns, family, table = where.netns, where.family, where.table
    for step in _steps(classes):
        if isinstance(step, str):
            rules.append(step)
            continue
        sort, number = step.sort, counted.get(step.sort.word, 0)
        counted[sort.word] = number + 1
        name = f"{where.prefix}-{sort.word}" + (f"-{number}" if number else "")
        flags = ("interval",) if sort.interval else ()
        sets.append(
            NftSet(netns=netns, family=family, table=table, name=name, type=sort.type, data="classid", flags=flags)
        )
        elements += [
            new_element(netns=netns, family=family, table=table, set=name, element=of, value=to)
            for of, to in step.held.items()
        ]
        rules.append(f"meta priority set {sort.selector} map @{name}")
    return Classifier(rules=tuple(rules), sets=tuple(sets), elements=tuple(elements))


def _steps(classes: Sequence[Classed]) -> Iterator[str | _Map]:
    """What is done one after the other: the last class first. Within a class the order does not matter, so what the
    open maps take goes there."""
    maps = _Open()
    for classed in reversed(classes):
        keys: list[Keyed] = []
        texts: list[str] = []
        for match in classed.matches:
            keyed = keys_of(match)
            if keyed:
                keys += keyed
            else:
                texts += conditions(match)
        if len(keys) > 1:
            keys.sort(key=lambda key: (key.sort.group != maps.group, key.sort.group))
        for key in keys:
            if not maps.add(key, classed.classid):
                yield from maps.close()
                maps.add(key, classed.classid)
        if texts:
            yield from maps.close()
        yield from (f"{text} meta priority set {classed.classid}" for text in texts)
    yield from maps.close()


# a match that says one thing


_WORDS = tuple(QosMatch.__dataclass_fields__)
_said = attrgetter(*_WORDS)


def keys_of(match: QosMatch) -> list[Keyed]:
    """The elements that a match comes to; none where it says more than one thing, or what no map knows."""
    keyed = _KEYED.get(tuple(compress(_WORDS, _said(match))))
    return keyed(match) if keyed else []


def says_nothing(match: QosMatch) -> bool:
    return not any(_said(match))


def _address(sorts: dict[int, Sort], cidr: str) -> Keyed:
    family, low, high = nft_text.reach(cidr)
    return Keyed(sorts[family], nft_text.prefix(cidr), low, high)


def _mac(sort: Sort, mac: str) -> Keyed:
    number = int(mac.replace(":", ""), 16)
    return Keyed(sort, mac, number, number)


def _port(sort: Sort, ports: str) -> Keyed:
    return Keyed(sort, ports, *nft_text.span(ports))


def _protocol(match: QosMatch) -> Keyed:
    assert match.protocol is not None
    number = PROTOCOLS[match.protocol]
    return Keyed(_PROTOCOL, nft_text.protocol(match.protocol), number, number)


_KEYED: dict[tuple[str, ...], Callable[[QosMatch], list[Keyed]]] = {
    ("source",): lambda match: [_address(_SOURCE, cidr) for cidr in match.source],
    ("destination",): lambda match: [_address(_DESTINATION, cidr) for cidr in match.destination],
    ("source_mac",): lambda match: [_mac(_MAC_SOURCE, mac) for mac in match.source_mac],
    ("destination_mac",): lambda match: [_mac(_MAC_DESTINATION, mac) for mac in match.destination_mac],
    ("protocol",): lambda match: [_protocol(match)],
    ("protocol", "ports"): lambda match: [_port(_PORTS[match.protocol], span) for span in match.ports],
    ("protocol", "source_ports"): lambda match: [
        _port(_SOURCE_PORTS[match.protocol], span) for span in match.source_ports
    ],
}
"""By the words that it says, in the order of its fields."""


# a match that says several


def conditions(match: QosMatch) -> Iterator[str]:
    """The match as nft's conditions, one for each family where that matters."""
    families = families_of(match)
    before, after = list(_of_frame(match)), list(_of_transport(match))
    for family in families if families is not None else (0,):
        yield " ".join([*before, *_of_packet(match, family), *after])


def families_of(match: QosMatch) -> tuple[int, ...] | None:
    """The families that a match may be of; None where it says nothing that depends on it."""
    sides = [{6 if ":" in cidr else 4 for cidr in side} for side in (match.source, match.destination) if side]
    if not sides and not match.dscp:
        return None
    return tuple(family for family in (4, 6) if all(family in side for side in sides))


def _of_frame(match: QosMatch) -> Iterator[str]:
    if match.mark:
        yield nft_text.mark(match.mark)
    for selector, macs in (("ether daddr", match.destination_mac), ("ether saddr", match.source_mac)):
        if macs:
            yield f"{selector} {nft_text.one_of(sorted(set(macs)))}"


def _of_packet(match: QosMatch, family: int) -> Iterator[str]:
    word = "ip6" if family == 6 else "ip"
    for side, cidrs in (("saddr", match.source), ("daddr", match.destination)):
        of_family = [cidr for cidr in cidrs if nft_text.reach(cidr)[0] == family]
        if of_family:
            yield f"{word} {side} {nft_text.prefixes(of_family)}"
    if match.dscp:
        yield f"{word} dscp {nft_text.one_of([nft_text.dscp(number) for number in sorted(set(match.dscp))])}"


def _of_transport(match: QosMatch) -> Iterator[str]:
    if match.protocol is None:
        return
    if not match.ports and not match.source_ports:
        yield f"meta l4proto {nft_text.protocol(match.protocol)}"
    for side, ports in (("sport", match.source_ports), ("dport", match.ports)):
        if ports:
            yield f"{match.protocol} {side} {nft_text.ports(ports)}"


# after classification


def only(classids: Iterable[str]) -> str:
    """The condition that a packet has one of these classes."""
    ordered = sorted(set(classids), key=lambda classid: [int(part, 16) for part in classid.split(":")])
    return f"meta priority {nft_text.one_of(ordered)}"


def marking(number: int) -> tuple[str, str]:
    """The rewrite of the DSCP, for each family."""
    return tuple(f"{word} dscp set {nft_text.dscp(number)}" for word in ("ip", "ip6"))  # type: ignore[return-value]
