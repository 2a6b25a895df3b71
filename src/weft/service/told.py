"""What a rule told of a packet, in the words of the file: which rule or guard it was, at which port, who spoke to whom.

Rules: a line says what the place is that told, and the namespace and links where; names come from what is applied now,
so of a rule that has gone since only what the line says is left.
"""

from __future__ import annotations

from ipaddress import ip_address

from weft.compiler.groups.logs import ALLOW, DROP, WOULD_DROP, digest
from weft.compiler.groups.matches import Match
from weft.compiler.groups.rules import IN, OUT
from weft.compiler.groups.tallies import Tally
from weft.model.intent import Path
from weft.model.security import ICMP, ICMPV6, Action
from weft.picture.filters import Reason
from weft.picture.rules import packet_words
from weft.records import dataclass
from weft.service.filters import ScopeFilters, TenantFilter, rule_of_group
from weft.store.ring import Entry
from weft.wire.nflog import ARP, IPV6

SPOOFING = {
    "guard": "frames of another kind than IP and ARP",
    "guard.gateway": "frames of another kind than IP and ARP",
    "guard.unaddressed": "frames of another kind than IP and ARP",
    "guard.mac": "a MAC that is not its own",
    "guard.ip": "an IPv4 address that is not its own",
    "guard.arp": "ARP for an address that is not its own",
    "guard.probe": "an ARP probe for an address that is not its own",
    "guard.mute.arp": "ARP for a MAC that is not its own",
    "guard.ip6": "IPv6 headers that nobody can follow",
    "guard.mute6": "IPv6 headers that nobody can follow",
    "guard.source6": "an IPv6 address that is not its own",
    "guard.announcement": "neighbour discovery for an address that is not its own",
    "guard.detection": "duplicate address detection for an address that is not its own",
    "guard.card.router": "neighbour discovery with a MAC that is not its own",
    "guard.card.source": "neighbour discovery with a MAC that is not its own",
    "guard.card.target": "neighbour discovery with a MAC that is not its own",
    "guard.server": "answers of a DHCP server",
    "guard.router": "router advertisements or redirects",
}
"""By the chain that drops, as what a port spoke."""
SPOOFED = "spoofed"
NO_RULE = {IN: "no rule lets it in", OUT: "no rule lets it out"}
_WAY = {"ingress": IN, "egress": OUT}
_FATES = (DROP, WOULD_DROP, ALLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One line. `about`: what it is counted with: the reason, the way, and a port's path, a rule's by the filter it
    is in, or a link."""

    entry: Entry
    reason: Reason
    fate: str
    about: tuple[str, ...]
    what: str
    port: str
    path: Path
    source: str
    target: str
    words: str


def told_of(filters: ScopeFilters, entry: Entry) -> Told | None:
    """None of what is not of this scope's filters, or whose line is not weft's."""
    tenant_filter = filters.by_netns.get(entry.netns)
    words = entry.prefix.split(" ")
    if tenant_filter is None or len(words) < 4 or words[0] != "weft" or words[2] not in _FATES:
        return None
    link = entry.goes or entry.came
    if words[1] == "stranger" and link and not filters.is_strange(entry.netns, link):
        return None  # as of counters: one of weft's own, a moment before it was let in
    return _Telling(tenant_filter, entry, words[1], words[2]).tell()


class _Telling:
    def __init__(self, tenant_filter: TenantFilter, entry: Entry, place: str, fate: str) -> None:
        self._filter, self._entry, self._place, self._fate = tenant_filter, entry, place, fate

    def tell(self) -> Told | None:
        tenant_filter, entry = self._filter, self._entry
        if self._place == "stranger":
            link = entry.goes or entry.came
            what = f"{link or 'a link'} is on the bridge and is not weft's"
            return self._told(Reason.STRANGER, (tenant_filter.netns, link), what, "", ())
        if self._place in SPOOFING:
            path = tenant_filter.ports.get(entry.came, ())
            what = f"{SPOOFED}: {SPOOFING[self._place]}"
            return self._told(Reason.SPOOFED, path, what, tenant_filter.port_name(entry.came), path)
        direction = self._place.partition("#")[0].partition(".")[0]
        if direction not in _WAY:
            return None
        way = _WAY[direction]
        link = entry.goes if way == IN else entry.came
        port, path = tenant_filter.port_name(link), tenant_filter.ports.get(link, ())
        if self._place == direction:
            at = (*path, "security_groups") if path else ()
            return self._told(Reason.NO_RULE, (way, *path), NO_RULE[way], port, at)
        tally = self._rule(way, path[1] if path else "")
        if tally is None:
            what = f"a rule of {direction} that is no longer in the file"
            return self._told(Reason.RULE, (self._place,), what, port, ())
        what = rule_of_group(tally)
        return self._told(Reason.RULE, (tenant_filter.netns, *tally.path), what, port, tally.path)

    def _told(self, reason: Reason, about: tuple[str, ...], what: str, port: str, path: Path) -> Told:
        entry = self._entry
        return Told(
            entry=entry,
            reason=reason,
            fate=self._fate,
            about=(reason.value, self._fate, *about),
            what=what,
            port=port,
            path=path,
            source=self._source(reason),
            target=self._filter.port_name(entry.goes) or self._by_address(entry.target) or _mac(entry.target_mac),
            words=packet_words(entry.ethertype, entry.protocol, entry.sport, entry.dport),
        )

    def _source(self, reason: Reason) -> str:
        entry = self._entry
        name, said = self._filter.port_name(entry.came), _text(entry.source)
        if reason is Reason.SPOOFED:
            seen = _mac(entry.source_mac) if self._place == "guard.mac" else said
            return f"{name} as {seen}" if name and seen else name or seen
        return name or self._by_address(entry.source) or _mac(entry.source_mac)

    def _by_address(self, packed: bytes) -> str:
        said = _text(packed)
        return self._filter.port_name(self._filter.addresses.get(said, "")) or said

    def _rule(self, way: str, tenant: str) -> Tally | None:
        """The rule that told: by its name, else the one that denies without a log and fits. `tenant`: the port's, whose
        groups alone are asked for it; "" where the port has gone, and the line says whose."""
        named = self._place.partition("#")[2]
        whose = tenant or self._entry.prefix.split(" ")[-1].partition("/")[0]
        for tally in self._filter.tallies:
            if tally.way != way or tally.party.name != whose:
                continue
            if named and digest(tally.group, tally.rule) == named:
                return tally
            if not named and tally.rule.action is Action.DENY and tally.rule.log is None and self._fits(tally):
                return tally
        return None

    def _fits(self, tally: Tally) -> bool:
        family = 6 if self._entry.ethertype == IPV6 else 4
        return any(self._is_match(match, tally, family) for match in tally.matches[family])

    def _is_match(self, match: Match, tally: Tally, family: int) -> bool:
        entry = self._entry
        other = entry.source if tally.way == IN else entry.target
        if entry.ethertype == ARP or not other or match.protocol not in (None, entry.protocol):
            return False
        if match.span is not None:
            number = entry.sport << 8 | entry.dport if entry.protocol in (ICMP, ICMPV6) else entry.dport
            if not match.span[0] <= number <= match.span[1]:
                return False
        if match.group and _text(other) not in self._filter.members.get((family, tally.party.named(match.group)), ()):
            return False
        return match.net is None or ip_address(other) in match.net


def _text(packed: bytes) -> str:
    return str(ip_address(packed)) if packed else ""


def _mac(packed: bytes) -> str:
    return packed.hex(":") if any(packed) else ""
