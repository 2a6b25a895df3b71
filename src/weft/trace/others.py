"""What others on the machine do to a packet: their firewalls, and the kernel's reverse path filters.

Rules: what is not weft's is weft's neither to change nor to know before somebody looks: whoever asks passes an `Others`
that does. A rule that cannot be judged makes the way open, never passed. IPv6 has no reverse path filter. Source:
nft(8), ip-sysctl.rst rp_filter, net/ipv4/fib_frontend.c __fib_validate_source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from weft.kinds.nft import foreign_rule
from weft.kinds.setting.sysctl import BRIDGE_CALLS, RP_FILTER
from weft.reach import Talk, World
from weft.reach.crossing import Crossing
from weft.reach.foreign import Chain, Decision, Judgement, Packet, decide
from weft.reach.routing import hops
from weft.reach.visits import Visit
from weft.records import dataclass
from weft.state import HOST, Key
from weft.trace.names import Names
from weft.trace.records import Hop, Sort

_STRICT, _LOOSE = 1, 2
_DSTNAT, _SRCNAT = -100, 100
"""Priorities at which addresses become others. Source: linux/netfilter_ipv4.h NF_IP_PRI_NAT_DST, NF_IP_PRI_NAT_SRC."""
_NOT_IP = ("bridge", "arp", "netdev")


class Others(Protocol):
    """Whoever has looked at a machine."""

    def chains(self, netns: str) -> Sequence[Chain]:
        """Of all tables there that are not weft's."""
        ...

    def setting(self, netns: str, name: str) -> str | None:
        """The value of a sysctl there, None where there is none."""
        ...


class Nobody:
    """A machine where nobody else does anything."""

    def chains(self, netns: str) -> Sequence[Chain]:
        return ()

    def setting(self, netns: str, name: str) -> str | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """A hook, and the packet there before and after a priority at which its addresses become others."""

    hook: str
    before: Packet
    turns_at: int
    after: Packet


class Met:
    """What one question and its answer meet of others'."""

    def __init__(self, others: Others, world: World, names: Names, talk: Talk) -> None:
        self._others, self._world, self._names, self._talk = others, world, names, talk

    def at(self, visit: Visit, *, answer: bool) -> Iterator[Hop]:
        """Where a namespace routes it or is asked."""
        if not visit.came_by and not visit.out:
            return  # its own address: it goes by lo
        place = self._names.place(visit.netns)
        before, *behind = list(self._stages(visit, answer))
        chains = [chain for chain in self._chains(visit.netns) if chain.family not in _NOT_IP]
        yield from self._judged(chains, [before], place, visit.netns, answer)
        yield from self._reverse_path(visit, place)
        yield from self._judged(chains, behind, place, visit.netns, answer)

    def over(self, crossing: Crossing, *, answer: bool) -> Iterator[Hop]:
        """Where a bridge passes it on: tables of bridges, and those of IP where bridges call them."""
        family = 6 if ":" in crossing.target else 4
        place = self._names.network(crossing.netns, crossing.bridge)
        chains = self._chains(crossing.netns)
        calls = bool(chains) and self._setting(crossing.netns, BRIDGE_CALLS[family]) == "1"
        for is_ip, iif, oif in ((False, crossing.iifname, crossing.oifname), (True, crossing.bridge, crossing.bridge)):
            if is_ip and not calls:
                continue
            packet = Packet(
                source=crossing.source,
                target=crossing.target,
                talk=replace(self._talk, port=crossing.port or self._talk.port),
                iif=iif,
                oif=oif,
                answer=answer,
            )
            stages = [
                _Stage(hook=hook, before=packet, turns_at=0, after=packet)
                for hook in ("prerouting", "forward", "postrouting")
            ]
            of = [chain for chain in chains if (chain.family not in _NOT_IP if is_ip else chain.family == "bridge")]
            for hop in self._judged(of, stages, place, crossing.netns, answer):
                yield replace(hop, over=(crossing.iifname, crossing.oifname))

    def _chains(self, netns: str) -> Sequence[Chain]:
        return self._others.chains(netns)

    def _setting(self, netns: str, name: str) -> str | None:
        """As the State has it, which may be the one that is wanted; else as it is."""
        return self._world.setting(netns, name) or self._others.setting(netns, name)

    def _stages(self, visit: Visit, answer: bool) -> Iterator[_Stage]:
        as_it_came = self._packet(visit, answer, visit.source, visit.target)
        routed = self._packet(visit, answer, visit.source, visit.given_target)
        gone = self._packet(visit, answer, visit.given_source, visit.given_target)
        if visit.came_by:
            yield _Stage(hook="prerouting", before=as_it_came, turns_at=_DSTNAT, after=routed)
            hook = "forward" if visit.out else "input"
        else:
            hook = "output"
        yield _Stage(hook=hook, before=routed, turns_at=0, after=routed)
        if visit.out:
            yield _Stage(hook="postrouting", before=routed, turns_at=_SRCNAT, after=gone)

    def _packet(self, visit: Visit, answer: bool, source: str, target: str) -> Packet:
        is_other = visit.source != visit.given_source if answer else visit.target != visit.given_target
        return Packet(
            source=source,
            target=target,
            talk=replace(self._talk, port=visit.port),
            iif=visit.came_by,
            oif=visit.out,
            answer=answer,
            redirected=is_other,
            is_local=not visit.out,
            ways_back=self._ways_back(visit),
        )

    def _judged(
        self, chains: Sequence[Chain], stages: Sequence[_Stage], place: str, netns: str, answer: bool
    ) -> Iterator[Hop]:
        by_name = {(chain.family, chain.table, chain.name): chain for chain in chains}
        for stage in stages:
            bases = [chain for chain in chains if chain.hook == stage.hook and stage.before.family in chain.families]
            for base in sorted(bases, key=lambda chain: chain.priority):
                if base.type == "nat" and answer:
                    continue  # only the first packet of a connection is asked
                packet = stage.before if base.priority <= stage.turns_at else stage.after
                said = _said(decide(base, by_name, packet), base)
                if said is not None:
                    words, passes = said
                    yield Hop(place=place, netns=netns, sort=Sort.FIREWALL, said=words, passes=passes, chain=str(base))

    def _reverse_path(self, visit: Visit, place: str) -> Iterator[Hop]:
        if not visit.came_by or ":" in visit.source:
            return
        names = [RP_FILTER.format(name) for name in ("all", visit.came_by)]
        values = [_number(self._setting(visit.netns, name)) for name in names]
        mode = max(values)
        if mode not in (_STRICT, _LOOSE):
            return
        links = self._ways_back(visit)
        if visit.came_by in links or (mode == _LOOSE and links):
            return
        back = f"its way back is by {' and '.join(links)}" if links else "there is no way back to it"
        name = names[values.index(mode)]
        said = f"{visit.source} may not come in by {visit.came_by}: {back}, and {name} is {mode}"
        key = Key("sysctl", visit.netns, name)
        yield Hop(place=place, netns=visit.netns, sort=Sort.REVERSE_PATH, said=said, passes=False, keys=(key,))

    def _ways_back(self, visit: Visit) -> list[str]:
        """The links by which who sent it would be answered."""
        route = self._world.tables(visit.netns).route(visit.source, visit.given_target)
        return [way.ifname for way in hops(route)] if route is not None and route.type == "unicast" else []


def _said(judged: Judgement, base: Chain) -> tuple[str, bool | None] | None:
    """What people need to know of it, and whether it passes."""
    what = _what(judged.by.chain, judged.by.rule)
    match judged.decision:
        case Decision.DROPS:
            return f"dropped by {what}", False
        case Decision.MAY_DROP:
            return f"perhaps dropped by {what}", None
        case Decision.TRANSLATES if judged.by.verdict == "dnat":
            return f"perhaps led elsewhere by {what}", None
        case Decision.TRANSLATES:
            return f"perhaps given another source by {what}", True
        case _ if base.drops and judged.by.rule:
            return f"let through by {what}", True
    return None


def _what(chain: Chain, rule: str) -> str:
    own = foreign_rule.parse(HOST, chain.family, chain.table, chain.name, rule)
    if own is not None:
        return f"`{own.rule}`, which weft put into {chain}"
    return f"{f'`{rule}`' if rule else 'the policy'} of {chain}, which is not weft's"


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
