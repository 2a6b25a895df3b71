"""What a base chain of others does with a packet, for sure or perhaps.

Rules: rules in order, each until a verdict; one of which nobody can tell whether it fits is followed, and so is what
comes behind it. Source: nft(8), linux/netfilter/nf_tables.h NFT_JUMP_STACK_SIZE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from weft.reach.foreign.packet import Packet
from weft.reach.foreign.rules import Chain, Rule

_DEPTH = 16
"""As deep as jumps go."""
_MOST = 10_000
"""So many rules are looked at for one packet: jumps from many rules to long chains would take forever."""
_BOTH = ("accept", "drop")
_OUTSIDE = "queue"
"""Some program decides."""


class Decision(StrEnum):
    """TRANSLATES: gives it another source or target."""

    PASSES = "passes"
    DROPS = "drops"
    MAY_DROP = "may drop"
    TRANSLATES = "translates"


class Outcome(NamedTuple):
    """What may become of it: accept, drop, snat or dnat; "" for a chain that comes to its end. `rule`: its text, "" for
    a policy."""

    verdict: str
    chain: Chain
    rule: str = ""


class Judgement(NamedTuple):
    """`by`: what decided, or the first that may drop it."""

    decision: Decision
    by: Outcome


def decide(
    base: Chain, chains: Mapping[tuple[str, str, str], Chain], packet: Packet, *, plainly: bool = False
) -> Judgement:
    """`chains`: by family, table and name, where jumps lead. `plainly`: what nobody can judge is taken not to fit."""
    found = [
        Outcome("drop" if base.drops else "accept", base) if not one.verdict else one
        for one in _Run(chains, packet, plainly).through(base, 0)
    ]
    verdicts = {one.verdict for one in found}
    drop = next((one for one in found if one.verdict == "drop"), None)
    if drop is not None:
        return Judgement(Decision.DROPS if verdicts == {"drop"} else Decision.MAY_DROP, drop)
    translated = next((one for one in found if one.verdict in ("snat", "dnat")), None)
    if translated is not None:
        return Judgement(Decision.TRANSLATES, translated)
    return Judgement(Decision.PASSES, found[0])


class _Run:
    def __init__(self, chains: Mapping[tuple[str, str, str], Chain], packet: Packet, plainly: bool) -> None:
        self._chains, self._packet, self._left = chains, packet, _MOST
        self._unknown = False if plainly else None

    def through(self, chain: Chain, depth: int) -> list[Outcome]:
        """All that may come of a chain; the last one is for sure if no other is."""
        found: list[Outcome] = []
        for rule in chain.rules:
            self._left -= 1
            fits = self._fits(rule)
            if fits is False or not rule.verdict:
                continue
            come = self._outcomes(rule, chain, depth)
            goes_on = fits is None
            if rule.verdict.startswith("jump "):
                goes_on = goes_on or any(not one.verdict for one in come)
                come = [one for one in come if one.verdict]
            found += come
            if not goes_on:
                return _once(found)
        return _once([*found, Outcome("", chain)])

    def _fits(self, rule: Rule) -> bool | None:
        held = [self._packet.fits(term) for term in rule.terms]
        return False if False in held else self._unknown if None in held else True

    def _outcomes(self, rule: Rule, chain: Chain, depth: int) -> Sequence[Outcome]:
        word, _, target = rule.verdict.partition(" ")
        if word in ("jump", "goto"):
            to = self._chains.get((chain.family, chain.table, target))
            if to is None or depth >= _DEPTH or self._left < 0:
                return [Outcome(both, chain, rule.text) for both in (*_BOTH, "")]
            return self.through(to, depth + 1)
        if word == _OUTSIDE:
            return [Outcome(both, chain, rule.text) for both in _BOTH]
        if word == "return":
            return [Outcome("", chain)]
        return [Outcome("drop" if word == "reject" else word, chain, rule.text)]


def _once(found: Sequence[Outcome]) -> list[Outcome]:
    """The first of each verdict is enough."""
    first: dict[str, Outcome] = {}
    for one in found:
        first.setdefault(one.verdict, one)
    return list(first.values())
