"""Sets of packets, to tell whether what a match takes is all taken before. Pure.

Rules: what a match takes is a product: of each thing that it speaks of, some spans of numbers, and of all else
everything. What others take is cut off piece by piece; nothing left means that nothing comes. A packet of what is left
is asked for first, so that where nothing takes that one (nearly always) there is nothing to cut.
Source: net/netfilter/nft_payload.c (a later fragment has no ports), RFC 6335 (nor has anybody port 0).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from itertools import product

from weft.compiler.qos.classify import families_of
from weft.compiler.qos.nft_text import reach, span
from weft.model.qos import QosMatch
from weft.model.qos_words import PROTOCOLS

Span = tuple[int, int]
Spans = tuple[Span, ...]
"""Sorted and apart, with both ends."""


class Side(IntEnum):
    """What a packet shows, as a number. Those that tell packets apart best come first. FAMILY: 0 is no IP. PORTS: 0 is
    what has none, as later fragments. Addresses of IPv4 stand in the uppermost bits."""

    PORTS, SOURCE_PORTS, DESTINATION, SOURCE, DESTINATION_MAC, SOURCE_MAC = range(6)
    MARK, CGROUP, DSCP, PROTOCOL, FAMILY = range(6, 11)


Box = Mapping[Side, Spans]
"""Packets: what is not said of a side is everything."""

_BITS = {
    Side.PORTS: 16, Side.SOURCE_PORTS: 16, Side.DESTINATION: 128, Side.SOURCE: 128, Side.DESTINATION_MAC: 48,
    Side.SOURCE_MAC: 48, Side.MARK: 32, Side.CGROUP: 32, Side.DSCP: 6, Side.PROTOCOL: 8, Side.FAMILY: 2,
}  # fmt: skip
_WHOLE: Mapping[Side, Spans] = {side: ((0, (1 << bits) - 1),) for side, bits in _BITS.items()} | {
    Side.FAMILY: ((0, 2),)
}
_FAMILY: Mapping[int, Spans] = {4: ((1, 1),), 6: ((2, 2),)}
_IS_IP: Spans = ((1, 2),)
_PROTOCOLS: Mapping[str, Spans] = {name: ((number, number),) for name, number in PROTOCOLS.items()}
_HAS_PORTS: Spans = ((1, 65535),)
_MOST_SPANS = 4096
"""A mark that comes to more of them is left out of it."""
_MOST_CUTS = 5_000
"""In one policy: beyond that it is not told what nothing comes to. A cut takes some 10 us."""


class Space:
    """Matches of one policy as boxes: which numbers its marks and cgroups are is a matter of all of them."""

    def __init__(self, matches: Collection[QosMatch]) -> None:
        self._bits = _bit_order({bits(match.mark)[1] for match in matches if match.mark})
        self._cgroups = _numbered({match.cgroup for match in matches if match.cgroup})

    def boxes(self, match: QosMatch) -> Sequence[Box] | None:
        """None where it is too much to say."""
        held = self._of_all(match)
        if not held.get(Side.MARK, True):
            return None
        if match.source or match.destination:
            return [{**_addresses(match, family), **held} for family in families_of(match) or ()]
        if match.protocol or match.dscp:
            held[Side.FAMILY] = _IS_IP
        return [held or {Side.FAMILY: _WHOLE[Side.FAMILY]}]

    def _of_all(self, match: QosMatch) -> dict[Side, Spans]:
        """What is the same for each family."""
        held: dict[Side, Spans] = {}
        if match.ports or match.source_ports:
            held[Side.PORTS] = _joined([span(text) for text in match.ports]) or _HAS_PORTS
            held[Side.SOURCE_PORTS] = _joined([span(text) for text in match.source_ports]) or _HAS_PORTS
        if match.destination_mac:
            held[Side.DESTINATION_MAC] = _singles(_mac(text) for text in match.destination_mac)
        if match.source_mac:
            held[Side.SOURCE_MAC] = _singles(_mac(text) for text in match.source_mac)
        if match.mark:
            held[Side.MARK] = _marked(*bits(match.mark), self._bits)
        if match.cgroup:
            held[Side.CGROUP] = (self._cgroups[match.cgroup],)
        if match.dscp:
            held[Side.DSCP] = _singles(match.dscp)
        if match.protocol:
            held[Side.PROTOCOL] = _PROTOCOLS[match.protocol]
        return held


class Taken:
    """What matches take, by whom. Found again by the side that tells it best from the others there, in aligned blocks,
    so that a thousand of them take no million looks."""

    def __init__(self) -> None:
        self._listed: dict[tuple[Side, int, int], list[tuple[int, str, Box]]] = {}
        self._sizes: dict[tuple[Side, int], None] = {}
        self._count = 0
        self._cuts = 0

    def add(self, name: str, boxes: Iterable[Box]) -> None:
        for box in boxes:
            entry = (self._count, name, box)
            self._count += 1
            side = self._rarest(box)
            for size, number in _blocks(box[side], _BITS[side]):
                self._listed.setdefault((side, size, number), []).append(entry)
                self._sizes[side, size] = None

    def takers(self, boxes: Iterable[Box], but: Collection[str] = ()) -> list[str] | None:
        """Who takes all of it, in order; nobody where something is left, None where it is too much to tell. `but`: who
        does not count."""
        found: dict[int, str] = {}
        left = list(boxes)
        while left:
            box = left.pop()
            taker = self._first(box, but)
            if taker is None:
                return []
            if self._cuts == _MOST_CUTS:
                return None
            self._cuts += 1
            number, name, other = taker
            found[number] = name
            left += _without(box, other)
        return list(dict.fromkeys(name for _, name in sorted(found.items())))

    def _rarest(self, box: Box) -> Side:
        """The side under which fewest stand already."""
        best, fewest = Side.FAMILY, -1
        for side, spans in box.items():
            listed = self._listed.get((side, *next(_blocks(spans, _BITS[side]))))
            if listed is None:
                return side
            if not 0 <= fewest <= len(listed):
                best, fewest = side, len(listed)
        return best

    def _first(self, box: Box, but: Collection[str]) -> tuple[int, str, Box] | None:
        """The first that takes the packet of the greatest numbers: lists are mostly written from below."""
        best: tuple[int, str, Box] | None = None
        for side, size in self._sizes:
            for entry in self._listed.get((side, size, _top(box, side) >> size), ()):
                if (best is None or entry[0] < best[0]) and entry[1] not in but and _has_top(entry[2], box):
                    best = entry
        return best


def bits(mark: str) -> tuple[int, int]:
    """`0xMARK/0xMASK`."""
    value, _, mask = mark.partition("/")
    return int(value, 16), int(mask, 16)


# spans


def _top(box: Box, side: Side) -> int:
    return box.get(side, _WHOLE[side])[-1][1]


def _has_top(other: Box, box: Box) -> bool:
    for side, spans in other.items():
        top = _top(box, side)
        if not any(low <= top <= high for low, high in spans):
            return False
    return True


def _without(box: Box, other: Box) -> Iterator[Box]:
    """What is left of the one, in pieces. They have a packet in common."""
    common = dict(box)
    for side, spans in other.items():
        held = common.get(side, _WHOLE[side])
        if outside := _minus(held, spans):
            yield {**common, side: outside}
            common[side] = _minus(held, outside)


def _minus(held: Spans, gone: Spans) -> Spans:
    left: list[Span] = []
    for low, high in held:
        for first, last in gone:
            if last < low:
                continue
            if first > high:
                break
            if first > low:
                left.append((low, first - 1))
            low = last + 1
        if low <= high:
            left.append((low, high))
    return tuple(left)


def _joined(spans: Sequence[Span]) -> Spans:
    if len(spans) < 2:  # nearly always
        return tuple(spans)
    found: list[Span] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return tuple(found)


def _singles(numbers: Iterable[int]) -> Spans:
    return _joined([(number, number) for number in numbers])


def _blocks(spans: Spans, most_bits: int) -> Iterator[Span]:
    """Aligned blocks, each as its size in bits and its number among those of its size."""
    for start, last in spans:
        if start == last:
            yield 0, start
            continue
        low = start
        while low <= last:
            room = (last - low + 1).bit_length() - 1
            size = min(room, (low & -low).bit_length() - 1 if low else most_bits)
            yield size, low >> size
            low += 1 << size


# what is not a number by itself


def _mac(text: str) -> int:
    return int(text.replace(":", ""), 16)


def _addresses(match: QosMatch, family: int) -> dict[Side, Spans]:
    held: dict[Side, Spans] = {}
    shift = 96 if family == 4 else 0
    for side, cidrs in ((Side.DESTINATION, match.destination), (Side.SOURCE, match.source)):
        known = [(low, high) for version, low, high in map(reach, cidrs) if version == family]
        if cidrs:
            held[side] = _joined([(low << shift, ((high + 1) << shift) - 1) for low, high in known])
    return held | {Side.FAMILY: _FAMILY[family]}


def _bit_order(masks: Collection[int]) -> Sequence[int]:
    """The bits of a mark, first those that most of the masks have: where each mask is within the next one, a mark and
    its mask are one span then."""
    return sorted(range(32), key=lambda bit: (-sum(mask >> bit & 1 for mask in masks), -bit))


def _marked(value: int, mask: int, order: Sequence[int]) -> Spans:
    """() where there would be too many."""
    asked = [bit for bit in order if mask >> bit & 1]
    last = order.index(asked[-1]) + 1
    free = [bit for bit in order[:last] if not mask >> bit & 1]
    if 1 << len(free) > _MOST_SPANS:
        return ()
    places = {bit: 31 - at for at, bit in enumerate(order)}
    fixed = sum((value >> bit & 1) << places[bit] for bit in asked)
    rest = (1 << (32 - last)) - 1
    choices = product(*((0, 1 << places[bit]) for bit in free))
    return _joined([(fixed | sum(chosen), (fixed | sum(chosen)) + rest) for chosen in choices])


def _numbered(cgroups: Collection[str]) -> Mapping[str, Span]:
    """Each cgroup with all below it; whatever is beyond them is everybody else."""
    starts = {path: at for at, path in enumerate(sorted(cgroups, key=lambda path: path.split("/")))}
    ends = dict(starts)
    for path, at in starts.items():
        words = path.split("/")
        ends |= {above: at for depth in range(1, len(words)) if (above := "/".join(words[:depth])) in starts}
    return {path: (at, ends[path]) for path, at in starts.items()}
