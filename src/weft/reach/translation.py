"""How a namespace translates the sources of what it sends on: the rules that weft itself writes, read back from text.

Rules: only chains of type nat at the postrouting hook count; the first rule that fits wins. A rule of another form is
somebody's own and fits nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field

from weft.compiler.addressing import Span, number_of
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.records import dataclass
from weft.state import KernelObject, Key

_RULE = re.compile(
    r'ip6? saddr (?P<source>\S+) oifname (?P<oif>"[^"]+"|!= @\S+) (?:snat ip6? to (?P<to>\S+)|masquerade)'
)
_RULE_BY_MAP = re.compile(r'oifname (?P<oif>"[^"]+") snat ip6? to ip6? saddr map @(?P<map>\S+)')
_RULE_FOR_ALL = re.compile(r'oifname (?P<oif>"[^"]+") snat (?P<word>ip6?) to (?P<to>[0-9a-f.:]+)')
MASQUERADE = "masquerade"


@dataclass(slots=True)
class Translator:
    """One namespace's postrouting."""

    _chains: list[NftChain] = field(default_factory=list)
    _sets: dict[str, dict[str, str]] = field(default_factory=dict)
    """By name: element to value, "" in a set."""

    @classmethod
    def of(cls, objects: Iterable[KernelObject]) -> Translator:
        made = cls()
        for obj in objects:
            match obj:
                case NftChain(type="nat", hook="postrouting"):
                    made._chains.append(obj)
                case NftElement():
                    made._sets.setdefault(obj.set, {})[obj.element] = obj.value
        return made

    def translate(self, source: str, oif: str) -> tuple[str, Key] | None:
        """The new source and the chain that gives it, or None; MASQUERADE for the first address of the link."""
        for chain in self._chains:
            for rule in chain.rules:
                to = self._by_map(rule, source, oif) or self._by_rule(rule, source, oif)
                if to is not None:
                    return to, chain.key
        return None

    def _by_rule(self, rule: str, source: str, oif: str) -> str | None:
        found = _RULE.fullmatch(rule)
        if found and self._holds(found["source"], source) and self._leaves(found["oif"], oif):
            return found["to"] or MASQUERADE
        found = _RULE_FOR_ALL.fullmatch(rule)
        if found and self._leaves(found["oif"], oif) and (found["word"] == "ip6") == (":" in source):
            return found["to"]
        return None

    def _by_map(self, rule: str, source: str, oif: str) -> str | None:
        found = _RULE_BY_MAP.fullmatch(rule)
        if found and self._leaves(found["oif"], oif):
            return self._sets.get(found["map"], {}).get(source)
        return None

    def _holds(self, wanted: str, source: str) -> bool:
        if wanted.startswith("@"):
            return source in self._sets.get(wanted[1:], ())
        return Span.of(wanted).covers(*number_of(source))

    def _leaves(self, wanted: str, oif: str) -> bool:
        if wanted.startswith("!= @"):
            return f'"{oif}"' not in self._sets.get(wanted[4:], ())
        return wanted == f'"{oif}"'
