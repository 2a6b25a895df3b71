"""The first thing that would have to change for the other verdict.

Rules: of what stops, the change that lets it go on from there, as the file would say it; of what passes, the rule
without which it would stop, and those that would still let it pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from weft.model.intent import Intent, Path, Uplink
from weft.model.security import Action
from weft.reach import Talk
from weft.state import HOST
from weft.trace.alternatives import without
from weft.trace.filter_words import groups_words, rule_words
from weft.trace.filters import SPEAKING, Filters, Judged
from weft.trace.legs import Told
from weft.trace.names import port_name, spoken
from weft.trace.question import asked_words
from weft.trace.records import End, Fate, Hint, Hop, Sort
from weft.trace.ways_out import network_of, routers_of, ways_out

_LED = re.compile(
    r"^perhaps led .*\bdnat (?:ip6? )?to (?:\[(?P<six>[^]]+)\]|(?P<four>[\d.]+)|(?P<bare>[\da-f:]+))"
    r"(?::(?P<port>\d+))?`"
)
"""To where a rule of others leads. Source: nft(8) NAT STATEMENTS."""


class Hints:
    """Of one question. `source`, `target`: who asks, and who is asked."""

    def __init__(self, intent: Intent, filters: Filters, source: End, target: End, talk: Talk, family: int) -> None:
        self._intent, self._filters = intent, filters
        self._source, self._target, self._talk, self._family = source, target, talk, family

    def of(self, there: Told, back: Told | None) -> Iterator[Hint]:
        for told in (there, *([back] if back else [])):
            if told.leg.fate is Fate.STOPS:
                yield from self._to_pass(told)
                return
        if any(told.leg.fate is Fate.OPEN for told in (there, *([back] if back else []))):
            unsure = [hop for hop in there.leg.hops if hop.sort is Sort.FIREWALL and hop.passes is None]
            led = next((led for hop in unsure if (led := _LED.search(hop.said))), None)
            if led is not None:
                yield Hint(said=f"from there on it is {self._onward(led)}")
            elif unsure:
                yield Hint(said="what others' rules make of it, only a packet can tell: --live sends one")
            return
        yield from self._to_stop([*there.judged, *(back.judged if back else ())])

    def _onward(self, led: re.Match[str]) -> str:
        """The command that traces what somebody else's translation makes of it."""
        address, port = led["six"] or led["four"] or led["bare"], led["port"] or self._talk.port
        asked = f"{self._talk.protocol}/{port}" if port else self._talk.protocol
        return f"`weft trace {self._source.name} {address} {asked}`"

    # what stops

    def _to_pass(self, told: Told) -> Iterator[Hint]:
        last = told.judged[-1] if told.judged else None
        hop = told.leg.hops[-1] if told.leg.hops else None
        if last is not None and last.ruling.drops:
            yield from self._through_filter(last)
        elif hop is not None:
            yield from self._through_hop(hop)

    def _through_filter(self, judged: Judged) -> Iterator[Hint]:
        port = judged.port
        if not port:
            yield Hint(said="take the link out of the bridge: what is not weft's neither speaks nor hears there")
        elif judged.ruling.base == SPEAKING:
            yield Hint(said=self._to_speak(judged), path=port)
        elif judged.rule:
            yield from self._denied(judged)
        else:
            yield self._rule_to_add(judged)

    def _to_speak(self, judged: Judged) -> str:
        name, owner = port_name(judged.port), self._filters.owner(judged.port)
        if owner != judged.port[1]:
            return (
                f"{name} is on tenant {owner}'s network, where it speaks as itself alone: a port of {owner}'s may more"
            )
        return f"{name} speaks only as itself: add {judged.crossing.source} to its allowed_address_pairs, if it may"

    def _denied(self, judged: Judged) -> Iterator[Hint]:
        rule = self._filters.rule(judged.rule)
        found = without(judged, self._filters)
        one = f"allow it with a priority below {rule.priority}" if rule.priority > 1 else "narrow it"
        yield Hint(said=f"take out the rule that denies it, or {one}", path=judged.rule)
        for path in found.alike:
            yield Hint(said=f"then {self._rule(path, judged)} denies it too", path=path)
        then = found.then
        if then is not None and then.rule:
            yield Hint(said=f"then {self._rule(then.rule, then)} lets it pass", path=then.rule)
        elif then is not None and then.ruling.drops:
            yield self._rule_to_add(then, "then ")

    def _rule_to_add(self, judged: Judged, before: str = "") -> Hint:
        port, groups = judged.port, self._filters.groups(judged.port)
        way, whom = ("in", "from") if judged.is_incoming else ("out", "to")
        other = self._other_end(judged)
        asked = self._asked_there(judged)
        rule = self._rule_text(judged)
        if not groups:
            said = f"{port_name(port)} is in no group: add one with {rule} in ingress to its security_groups"
            return Hint(said=before + said, path=(*port, "security_groups"))
        word = "ingress" if judged.is_incoming else "egress"
        path = ("tenants", port[1], "security_groups", groups[0], word)
        if judged.answer:
            fix = f"leave out its `stateful: false`, or add {rule} to its {word}"
            said = f"group {groups[0]} lets no answer to {asked} {way}: {fix}"
        else:
            of = f"{groups_words(groups)} of {port_name(port)} let{'s' * (len(groups) == 1)}"
            whose = f"the {word} of one of them" if len(groups) > 1 else f"its {word}"
            said = f"{of} {way} no {asked} {whom} {other}: add {rule} to {whose}"
        return Hint(said=before + said, path=path)

    def _rule_text(self, judged: Judged) -> str:
        """As the file would say it."""
        asked = self._asked_there(judged)
        protocol, _, port = asked.partition("/")
        words = [f"protocol: {protocol}"]
        words += [f"ports: [{port}]"] if port and not judged.answer else []
        return "{" + ", ".join([*words, f"remote: {self._remote(judged)}"]) + "}"

    def _asked_there(self, judged: Judged) -> str:
        """What is asked, as the filter sees it: a forwarding may have given it another port."""
        port = judged.crossing.port or self._talk.port
        return asked_words(replace(self._talk, port=port), self._family)

    def _remote(self, judged: Judged) -> str:
        """A group that the other end is in, where its address says so; else that address."""
        end, address = self._end_of(judged)
        if end.is_port and end.address == address and self._are_fellows(end.path, judged.port):
            groups = self._filters.groups(end.path)
            if groups:
                return "{group: " + groups[0] + "}"
        return f'"{address}"' if ":" in address else address

    def _are_fellows(self, one: Path, other: Path) -> bool:
        """Whether a rule of the one's tenant may name the other by a group."""
        return one[1] == other[1] and self._filters.owner(one) == self._filters.owner(other)

    def _other_end(self, judged: Judged) -> str:
        end, address = self._end_of(judged)
        return end.name if end.address == address else address

    def _end_of(self, judged: Judged) -> tuple[End, str]:
        """Who is at the other end of a ruling, and as what address."""
        crossing = judged.crossing
        is_source = judged.is_incoming != judged.answer
        return self._source if is_source else self._target, crossing.source if judged.is_incoming else crossing.target

    def _through_hop(self, hop: Hop) -> Iterator[Hint]:
        match hop.sort:
            case Sort.MTU:
                yield Hint(said=f"a smaller packet, or a larger `mtu:`; {hop.said}", path=hop.path)
            case Sort.FIREWALL:
                how = "; `weft doctor` says how" if hop.netns == HOST else ""
                yield Hint(said=f"{hop.chain} must let it pass: an accept elsewhere does not undo a drop{how}")
            case Sort.REVERSE_PATH:
                said = f"{hop.keys[0].name} of {hop.place} must be 0, or 2 where any way back will do"
                yield Hint(said=said, path=hop.path)
            case Sort.ROUTE if any(key.table == "sysctl" for key in hop.keys):
                said = f"{hop.keys[0].name} of {hop.place} must be 1"
                yield Hint(said=said, path=hop.path)
            case Sort.BRIDGE if "down" in hop.said:
                yield Hint(said=f"{hop.said}: it must be up", path=hop.path)
            case _:
                yield from self._a_way()

    def _a_way(self) -> Iterator[Hint]:
        """What would join two networks, or a network and what is outside."""
        if self._target.address in self._floating and not self._target.is_port:
            yield self._forward()
            return
        source, target = self._network(self._source), self._network(self._target)
        if source and source == target:
            return
        leading = [path for path, _ in routers_of(self._intent, source)] if source else []
        if source and target and source[1] == target[1] and not self._are_joined(source, target):
            yield Hint(said=f"no router joins {spoken(source)} and {spoken(target)}", path=source)
            return
        for path, other in ((source, self._target), (target, self._source)):
            if path and not self._leads_out(path):
                joint = leading[0] if leading else path
                said = f"{spoken(path)} has no way out to {other.name}: give it an uplink, or a router with a gateway"
                yield Hint(said=said, path=joint if path == source else path)
                return
        if target and self._is_behind_nat(target) and self._target.address not in self._floating:
            said = f"nobody outside knows the way to {self._target.name}, which is behind NAT: "
            address = self._floating_ip(self._target)
            led = f"ask {address}, which leads there" if address else "a floating IP leads there"
            yield Hint(said=said + led, path=(*self._target.path[:2], "floating_ips", address) if address else target)

    def _forward(self) -> Hint:
        """A floating IP that does not lead on what is asked."""
        address, asked = self._target.address, asked_words(self._talk, self._family)
        path = next(
            ("tenants", name, "floating_ips", address)
            for name, tenant in self._intent.tenants.items()
            if address in tenant.floating_ips
        )
        protocol, _, port = asked.partition("/")
        fix = (
            "add {protocol: " + protocol + f", ports: {port}, port: ...}} to its forward" if port else "give it a port"
        )
        return Hint(said=f"floating IP {address} leads no {asked} to any port: {fix}", path=path)

    def _are_joined(self, source: Path, target: Path) -> bool:
        """By a router of the tenant's, or by the host."""
        at = {path for path, _ in routers_of(self._intent, source)}
        if any(path in at for path, _ in routers_of(self._intent, target)):
            return True
        return self._leads_out(source) and self._leads_out(target)

    def _leads_out(self, network: Path) -> bool:
        held = self._intent.tenants[network[1]].networks[network[3]]
        return held.uplink is not None or ways_out(self._intent, network) is not None

    def _is_behind_nat(self, network: Path) -> bool:
        held = self._intent.tenants[network[1]].networks[network[3]]
        gateway = ways_out(self._intent, network)
        return held.uplink is Uplink.NAT or (gateway is not None and gateway.translates)

    @property
    def _floating(self) -> set[str]:
        return {address for tenant in self._intent.tenants.values() for address in tenant.floating_ips}

    def _floating_ip(self, end: End) -> str:
        """That leads to all of a port by the question's family, "" for none."""
        held = self._intent.tenants[end.path[1]].floating_ips
        ours = (address for address, ip in held.items() if ip.port == end.path[3])
        return next((address for address in ours if (":" in address) == (self._family == 6)), "")

    def _network(self, end: End) -> Path:
        return network_of(self._intent, end.path) if end.is_port else ()

    # what passes

    def _to_stop(self, judged: Sequence[Judged]) -> Iterator[Hint]:
        letting = [one for one in judged if one.rule and not one.ruling.drops]
        seen: list[tuple[Judged, tuple[Path, ...], bool]] = []
        for one in letting:
            found = without(one, self._filters)
            seen.append((one, found.alike, found.then is not None and found.then.ruling.drops))
        for one, alike, stops in sorted(seen, key=lambda pair: (not pair[2], len(pair[1]))):
            yield from self._let(one, alike, stops)
        if not letting:
            yield self._no_rule(judged)

    def _let(self, judged: Judged, alike: Sequence[Path], stops: bool) -> Iterator[Hint]:
        said = self._rule(judged.rule, judged)
        if stops and not alike:
            yield Hint(said=f"without {said} it would stop", path=judged.rule)
            return
        others = f"{len(alike)} other rule{'s' * (len(alike) != 1)}" if alike else "what is let through anyway"
        yield Hint(said=f"without {said} it would not stop: {others} would let it pass", path=judged.rule)
        for path in alike:
            yield Hint(said=f"{self._rule(path, judged)} would still let it pass", path=path)

    def _no_rule(self, judged: Sequence[Judged]) -> Hint:
        port = next((one.port for one in reversed(judged) if one.port and one.is_incoming and not one.answer), ())
        port = port or next((one.port for one in reversed(judged) if one.port), ())
        if not port:
            return Hint(said="no rule of the file lets it pass, and none could stop it: no port's filter is on its way")
        is_target = any(one.port == port and one.is_incoming and not one.answer for one in judged)
        what = "a group without a rule for it" if is_target else "a group with `egress: []`"
        return Hint(said=f"no rule lets it pass: {what} on {port_name(port)} would stop it", path=port)

    def _rule(self, path: Path, judged: Judged) -> str:
        rule = self._filters.rule(path)
        does = "deny" if rule.action is Action.DENY else "allow"
        return f"the rule of group {path[3]} that {does}s {rule_words(rule, incoming=judged.is_incoming)}".replace(
            "denys", "denies"
        )
