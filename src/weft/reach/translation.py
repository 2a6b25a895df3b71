"""How a namespace translates what it sends on: the rules that weft itself writes, read back from text.

Rules: only chains of type nat count: at prerouting they give a packet another destination, at postrouting another
source. The first rule that fits wins. A rule of another form is somebody's own and fits nothing. Maps by protocol and
port fit only a packet of which these are known. Of several addresses the first stands for all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import lru_cache

from weft.compiler.addressing import Span, number_of
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.model.security import PROTOCOLS
from weft.records import dataclass
from weft.state import KernelObject, Key

_CONDITION = re.compile(
    r'ct status (?P<status>dnat) |(?P<link>[io]ifname) (?P<not>!= )?(?P<name>"[^"]+"|@\S+) '
    r"|(?P<family>ip6?) (?P<end>[sd]addr) (?P<unlike>!= )?(?P<where>@?[\w.:/-]+) "
    r"|(?P<protocol>tcp|udp|sctp|dccp|udplite) dport (?P<ports>[\d-]+) "
)
_ACTION = re.compile(
    r"[sd]nat (?P<family>ip6?) to (?:(?:jhash ip6? saddr mod \d+ map \{ 0 : )?(?P<to>[\da-f.:]+)[^@]*"
    r"|ip6? (?P<by>[sd]addr(?: \. meta l4proto \. th dport)?) map @(?P<map>\S+))|(?P<other>masquerade|accept)"
)
MASQUERADE = "masquerade"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A packet at a hook. `oif`: "" before it is routed; `redirected`: its connection got another destination here.
    `protocol`, `port`: of its target, 0 where unknown."""

    source: str
    target: str
    iif: str = ""
    oif: str = ""
    redirected: bool = False
    protocol: int = 0
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a rule gives: `address`, or MASQUERADE for the first of the link; `port` 0: as before. `passed`: the objects
    that say so."""

    address: str
    port: int = 0
    passed: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    conditions: tuple[Mapping[str, str | None], ...]
    action: Mapping[str, str | None]


@dataclass(slots=True)
class Translator:
    """One namespace's translations."""

    _chains: dict[str, list[NftChain]] = field(default_factory=dict)
    """By hook."""
    _sets: dict[str, dict[str, NftElement]] = field(default_factory=dict)
    """By name: an element's text to it."""

    @classmethod
    def of(cls, objects: Iterable[KernelObject]) -> Translator:
        made = cls()
        for obj in objects:
            match obj:
                case NftChain(type="nat"):
                    made._chains.setdefault(obj.hook, []).append(obj)
                case NftElement():
                    made._sets.setdefault(obj.set, {})[obj.element] = obj
        for chains in made._chains.values():
            chains.sort(key=lambda chain: chain.priority)
        return made

    def destination(self, flow: Flow) -> Found | None:
        """Another destination of what has just come in."""
        return self._first("prerouting", flow)

    def source(self, flow: Flow) -> Found | None:
        """Another source of what is about to leave."""
        return self._first("postrouting", flow)

    def _first(self, hook: str, flow: Flow) -> Found | None:
        for chain in self._chains.get(hook, ()):
            for text in chain.rules:
                rule = _read(text)
                if rule is None or not all(self._fits(condition, flow) for condition in rule.conditions):
                    continue
                if rule.action["other"] == "accept":
                    return None
                found = self._given(rule.action, flow, chain.key)
                if found is not None:
                    return found
        return None

    def _given(self, action: Mapping[str, str | None], flow: Flow, chain: Key) -> Found | None:
        if action["other"]:
            return Found(address=MASQUERADE, passed=(chain,))
        if not _is_of(action, flow):
            return None
        if action["to"]:
            return Found(address=action["to"], passed=(chain,))
        element = self._element(action, flow)
        if element is None:
            return None
        address, _, port = element.value.partition(" . ")
        return Found(address=address, port=int(port or 0), passed=(chain, element.key))

    def _element(self, action: Mapping[str, str | None], flow: Flow) -> NftElement | None:
        by = action["by"] or ""
        key = flow.source if by == "saddr" else flow.target
        if "dport" in by:
            key = f"{key} . {flow.protocol} . {flow.port}"
        return self._sets.get(action["map"] or "", {}).get(key)

    def _fits(self, condition: Mapping[str, str | None], flow: Flow) -> bool:
        if condition["status"]:
            return flow.redirected
        if condition["link"]:
            link = flow.oif if condition["link"] == "oifname" else flow.iif
            return self._is_link(condition["name"] or "", link) is not bool(condition["not"])
        if condition["end"]:
            address = flow.source if condition["end"] == "saddr" else flow.target
            return _is_of(condition, flow) and self._holds(condition["where"] or "", address) is not bool(
                condition["unlike"]
            )
        low, _, high = (condition["ports"] or "").partition("-")
        return flow.protocol == PROTOCOLS[condition["protocol"] or ""] and int(low) <= flow.port <= int(high or low)

    def _is_link(self, wanted: str, link: str) -> bool:
        name = f'"{link}"'
        return name in self._sets.get(wanted[1:], ()) if wanted.startswith("@") else wanted == name

    def _holds(self, wanted: str, address: str) -> bool:
        if wanted.startswith("@"):
            return address in self._sets.get(wanted[1:], ())
        family, number = number_of(address)
        if "-" in wanted:
            low, high = (number_of(end) for end in wanted.split("-"))
            return low <= (family, number) <= high
        return Span.of(wanted).covers(family, number)


def _is_of(said: Mapping[str, str | None], flow: Flow) -> bool:
    """Whether the packet is of the family that a condition or an action is about."""
    return (said["family"] == "ip6") is (":" in flow.target)


@lru_cache(maxsize=1 << 12)
def _read(text: str) -> _Rule | None:
    """A rule's conditions and what it does; None for one of another form."""
    conditions, at = [], 0
    while found := _CONDITION.match(text, at):
        conditions.append(found.groupdict())
        at = found.end()
    action = _ACTION.fullmatch(text, at)
    return _Rule(tuple(conditions), action.groupdict()) if action else None
