"""What a bridge's filter does with a frame: the rules that weft itself writes, read back from text.

Rules: base chains of one hook by priority, each until a verdict; a field that the frame has not fits nothing. A rule of
another form is somebody's own and fits nothing. Source: nft(8), net/netfilter/nf_tables_core.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple, TypeAlias

from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.nftset import NftSet
from weft.model.security import ICMP, ICMP_TYPES, ICMPV6
from weft.records import dataclass
from weft.state import KernelObject

Value: TypeAlias = str | int | IPv4Address | IPv6Address
Frame: TypeAlias = Mapping[str, Value]
"""A frame by nft's names of its fields: `iifname`, `ether saddr`, `ether type`, `ip saddr`, `tcp dport`, `ct state`."""

HOOKS = ("prerouting", "forward")
_ENDS = ("accept", "drop")
_ENDING = re.compile(r"(?:in|out)\.[\w/-]+\.(?:denied|log\.[0-9a-f]{8})")
"""Chains where packets end that a rule fits: it is the rule's chain that decides."""

_FIELDS = (
    "iifname", "oifname", "ether saddr", "ether type", "arp saddr ether", "arp saddr ip", "ip saddr", "ip daddr",
    "ip6 saddr", "ip6 daddr", "meta l4proto", "meta mark", "ct state", "icmp type", "icmp code", "icmpv6 type",
    "icmpv6 code", "igmp type", "@th,64,128",
    *(f"{protocol} {end}" for protocol in ("tcp", "udp", "dccp", "sctp", "udplite") for end in ("sport", "dport")),
)  # fmt: skip
_FIELD = "|".join(map(re.escape, sorted(_FIELDS, key=len, reverse=True)))
_MATCH = re.compile(
    rf"(?P<fields>(?:{_FIELD})(?: \. (?:{_FIELD}))*) (?P<word>vmap |!= )?(?P<operand>\{{[^}}]*\}}|@?\S+) ?"
)
_VERDICT = re.compile(r"(?:counter ?)?(?P<verdict>(?:accept|drop|goto \S+|jump \S+)?)")
_NAMES: Mapping[str, Mapping[str, int]] = {
    "icmp type": ICMP_TYPES[ICMP],
    "icmpv6 type": ICMP_TYPES[ICMPV6],
    "icmp code": {"net-unreachable": 0, "host-unreachable": 1, "prot-unreachable": 2, "port-unreachable": 3,
                  "frag-needed": 4, "net-prohibited": 9, "host-prohibited": 10, "admin-prohibited": 13},
    "icmpv6 code": {"no-route": 0, "admin-prohibited": 1, "addr-unreachable": 3, "port-unreachable": 4,
                    "policy-fail": 5, "reject-route": 6},
    "igmp type": {"membership-query": 0x11},
}  # fmt: skip


class Found(NamedTuple):
    """Where a rule found a frame: an element of a set or map, as it is listed; `set` "" for values in the rule."""

    set: str
    element: str


class Ruling(NamedTuple):
    """What one base chain said of a frame. `verdict`: accept or drop; `chain`: that gave it; `rule`: its text, "" for
    the base chain's policy; `found`: what its sets hold of the frame; `way`: the chains that led there, the base
    first, with what each found."""

    base: str
    verdict: str
    chain: str
    rule: str = ""
    found: tuple[Found, ...] = ()
    way: tuple[tuple[str, tuple[Found, ...]], ...] = ()

    @property
    def drops(self) -> bool:
        return self.verdict == "drop"


class _Said(NamedTuple):
    """A rule's verdict for a frame, and by what."""

    verdict: str
    found: tuple[Found, ...]


_NOTHING = _Said("", ())


@dataclass(frozen=True, slots=True)
class _Term:
    """One comparison: `fields` with a set by name, or with `values` written out; `verdicts` of a vmap."""

    fields: tuple[str, ...]
    differs: bool
    set_name: str
    values: Mapping[tuple[str, ...], str]
    is_map: bool


class _Held:
    """What a set or map holds: elements as they are listed, and their verdicts. Taken apart when it is first asked."""

    def __init__(self) -> None:
        self._listed: list[tuple[str, str]] = []
        self._exact: dict[tuple[str, ...], tuple[str, str]] = {}
        self._wide: dict[tuple[str, ...], tuple[str, str]] = {}

    def add(self, element: str, verdict: str) -> None:
        self._listed.append((element, verdict))

    @property
    def exact(self) -> Mapping[tuple[str, ...], tuple[str, str]]:
        """What is one value in every field."""
        self._read()
        return self._exact

    @property
    def wide(self) -> Mapping[tuple[str, ...], tuple[str, str]]:
        """The rest, which is tried in turn."""
        self._read()
        return self._wide

    def _read(self) -> None:
        for element, verdict in self._listed:
            parts = tuple(element.replace('"', "").split(" . "))
            is_wide = "/" in element or any("-" in part for part in parts)
            (self._wide if is_wide else self._exact)[parts] = element, verdict
        self._listed.clear()


class Filter:
    """One namespace's tables of the bridge family."""

    def __init__(self) -> None:
        self._chains: dict[str, NftChain] = {}
        self._sets: dict[str, _Held] = {}

    @classmethod
    def of(cls, objects: Iterable[KernelObject]) -> Filter:
        made = cls()
        for obj in objects:
            if isinstance(obj, NftChain) and obj.family == "bridge":
                made._chains[obj.name] = obj
            elif isinstance(obj, NftElement) and obj.family == "bridge":
                made._sets.setdefault(obj.set, _Held()).add(obj.element, obj.value)
            elif isinstance(obj, NftSet) and obj.family == "bridge":
                held = made._sets.setdefault(obj.name, _Held())
                for element in obj.elements:
                    key, _, verdict = element.partition(" : ")
                    held.add(key, verdict)
        return made

    def replacing(self, objects: Iterable[KernelObject]) -> Filter:
        """The same with some chains and sets instead of those of their names."""
        held, made = Filter.of(objects), Filter()
        made._chains = self._chains | held._chains
        made._sets = self._sets | held._sets
        return made

    def stops(self, frame: Frame) -> str:
        """The chain that drops the frame, "" where it passes."""
        return next((ruling.chain for ruling in self.rulings(frame) if ruling.drops), "")

    def rulings(self, frame: Frame) -> Iterator[Ruling]:
        """What each base chain says, hook by hook, until one drops it."""
        for hook in HOOKS:
            for ruling in self.at(hook, frame):
                yield ruling
                if ruling.drops:
                    return

    def drops_at(self, hook: str, frame: Frame, base_chain: str = "") -> str:
        """The chain of one hook that drops the frame; of one of its base chains alone, if named."""
        return next((ruling.chain for ruling in self.at(hook, frame, base_chain) if ruling.drops), "")

    def at(self, hook: str, frame: Frame, base_chain: str = "") -> Iterator[Ruling]:
        """What the base chains of a hook say, by priority."""
        bases = (chain for chain in self._chains.values() if chain.hook == hook and base_chain in ("", chain.name))
        for base in sorted(bases, key=lambda chain: chain.priority):
            ruling = self._run(base.name, frame, base.name, ())
            yield ruling or Ruling(base.name, base.policy or "accept", base.name)

    def _run(self, name: str, frame: Frame, base: str, way: tuple[tuple[str, tuple[Found, ...]], ...]) -> Ruling | None:
        """What ends a chain; None where it comes to its end."""
        chain = self._chains.get(name)
        for text in chain.rules if chain is not None else ():
            said = self._judge(text, frame)
            if not said.verdict:
                continue
            word, _, target = said.verdict.partition(" ")
            if word in _ENDS:
                return Ruling(base, word, name, text, said.found, way)
            ended = self._run(target, frame, base, (*way, (name, said.found)))
            if ended is not None and _ENDING.fullmatch(target):
                return ended._replace(chain=name, rule=text, found=said.found, way=way)
            if ended is not None or word == "goto":
                return ended
        return None

    def _judge(self, text: str, frame: Frame) -> _Said:
        """The verdict of a rule for the frame, "" where it has none."""
        parsed = _parsed(text)
        if parsed is None:
            return _NOTHING
        terms, verdict = parsed
        seen: list[Found] = []
        for term in terms:
            found = self._find(term, frame)
            if (found is None) != term.differs:
                return _NOTHING
            if found is not None:
                element, said = found
                seen.append(Found(term.set_name, element))
                verdict = said if term.is_map and said else verdict
        return _Said(verdict, tuple(seen))

    def _find(self, term: _Term, frame: Frame) -> tuple[str, str] | None:
        """The element of the term's set that the frame is, and what it says. None where it is not in it, or lacks a
        field."""
        if not all(name in frame for name in term.fields):
            return ("", "") if term.differs else None
        values = tuple(frame[name] for name in term.fields)
        if not term.set_name:
            said = term.values.items()
            return next(((parts[0], verdict) for parts, verdict in said if _fit(term.fields, values, parts)), None)
        held = self._sets.get(term.set_name, _Held())
        exact = held.exact.get(tuple(map(_plain, values)))
        if exact is not None:
            return exact
        named = held.exact if any(name in _NAMES or name.startswith("@") for name in term.fields) else {}
        both = (*named.items(), *held.wide.items())
        return next((entry for parts, entry in both if _fit(term.fields, values, parts)), None)


@cache
def _parsed(text: str) -> tuple[tuple[_Term, ...], str] | None:
    """The comparisons of a rule, and its verdict; None for a rule of another form."""
    terms, at = [], 0
    while (found := _MATCH.match(text, at)) is not None:
        terms.append(_term(found["fields"], found["word"] or "", found["operand"]))
        at = found.end()
    end = _VERDICT.fullmatch(text, at)
    return (tuple(terms), end["verdict"]) if end is not None else None


def _term(fields: str, word: str, operand: str) -> _Term:
    names = tuple(fields.split(" . "))
    values: dict[tuple[str, ...], str] = {}
    if not operand.startswith("@"):
        for one in operand.strip("{} ").split(","):
            value, _, verdict = one.strip().partition(" : ")
            values[(value,)] = verdict
    return _Term(names, word == "!= ", operand[1:] if operand.startswith("@") else "", values, word == "vmap ")


def _fit(fields: tuple[str, ...], values: Iterable[Value], parts: tuple[str, ...]) -> bool:
    return all(
        _is_in(value, part, _NAMES.get(name, {})) for name, value, part in zip(fields, values, parts, strict=True)
    )


def _is_in(value: Value, text: str, names: Mapping[str, int]) -> bool:
    if isinstance(value, str):
        return value == text
    if isinstance(value, int):
        low, high = _range(text, names)
        return low <= value <= high
    if "/" in text:
        net = ip_network(text)
        return value.version == net.version and value in net
    return _plain(value) == text


def _range(text: str, names: Mapping[str, int]) -> tuple[int, int]:
    if text in names:
        return names[text], names[text]
    first, dash, last = text.partition("-")
    number = int(first, 0) if first[:1].isdecimal() else -1
    return number, int(last, 0) if dash and last.isdecimal() else number


def _plain(value: Value) -> str:
    return str(value)


def frame(
    iifname: str, oifname: str, mac: str, source: str, target: str, protocol: int, more: Mapping[str, Value]
) -> dict[str, Value]:
    """A packet of IP as a bridge sees it. `more`: the fields of its own protocol."""
    word = "ip6" if ":" in source else "ip"
    return {
        "iifname": iifname,
        "oifname": oifname,
        "ether saddr": mac,
        "ether type": word,
        f"{word} saddr": ip_address(source),
        f"{word} daddr": ip_address(target),
        "meta l4proto": protocol,
        **more,
    }
