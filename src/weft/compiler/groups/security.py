"""What a tenant's groups become, whatever ports there are.

Rules: a chain for each level of a group, a set for the members of each group that a rule names. Networks of one tenant
that have the same addresses are domains of their own, with chains, members and connections of their own: an address
says who speaks within a domain alone. Of tenants that a network is shared with, the owner's filter has all groups, by
TENANT/GROUP, in the domains of these networks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from weft.compiler.draft import Draft
from weft.compiler.findings import Cause
from weft.compiler.groups import layout
from weft.compiler.groups.checks import Groups
from weft.compiler.groups.guard import TRUSTED, entrance, guards, prefix_elements
from weft.compiler.groups.layout import FilterTable, member_set, of_visitor, quoted
from weft.compiler.groups.logs import AUDITED, DENIED, DROPPED, Logs, denied_chain, rule_chain
from weft.compiler.groups.rules import IN, OUT, Direction, Level, compile_level
from weft.compiler.groups.tracking import ZONING, Tracking, filters, following, marking, overlapping, zone_map, zones_of
from weft.compiler.network import NetworkPlace
from weft.compiler.place import PortPlace
from weft.kinds.link.common import Link
from weft.kinds.nft.chain import IP
from weft.kinds.nft.nftset import ADDRESS_TYPE
from weft.model.intent import Path, Tenant
from weft.model.security import Action
from weft.records import dataclass
from weft.state import Key, link_key

_UNFILTERED = (
    "udp sport 67 udp dport 68 accept",
    "ether type ip igmp type membership-query accept",
)
BASICS: Mapping[str, tuple[str, ...]] = {
    "basic.in4": _UNFILTERED,
    "basic.in6": (
        "icmpv6 type { mld-listener-query, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept",
        "udp sport 547 udp dport 546 accept",
    ),
    "basic.out4": (
        "udp sport 68 udp dport 67 accept",
        "meta l4proto 2 accept",
    ),
    "basic.out6": (
        "icmpv6 type { mld-listener-report, mld-listener-done, nd-router-solicit, nd-neighbor-solicit, "
        "nd-neighbor-advert, mld2-listener-report } accept",
        "udp sport 546 udp dport 547 accept",
    ),
}
"""What no network lives without, whatever a group says: addresses by DHCP, neighbours, who listens to multicast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """A tenant's filter as ports see it: its own, or those of one of its `visitors`, whose name `visitor` is then.
    `groups` and `path` are of whose ports see it. `domains`: by network, the suffix of its chains and sets; `zones`: by
    bridge, of connections."""

    table: FilterTable
    logs: Logs
    groups: Groups
    tracking: Tracking
    domains: Mapping[str, str]
    zones: Mapping[str, int]
    path: Path
    visitor: str = ""
    visitors: Mapping[str, Security] = field(default_factory=dict)
    _directions: dict[tuple[str, str], Direction] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, place: PortPlace) -> Security:
        """As the port sees it."""
        return self.visitors[place.tenant.name] if place.is_visitor else self

    def domain(self, network: NetworkPlace) -> str:
        return self.domains.get(network.name, "")

    def named(self, group: str) -> str:
        """A group, or several with dots between, as chains are named after it."""
        return of_visitor(self.visitor, group) if self.visitor and group else group

    def direction(self, group: str, way: str) -> Direction:
        """Sorted once, for every port asks for it."""
        found = self._directions.get((group, way))
        if found is None:
            found = direction_of(self.groups, self.path, group, way)
            found = self._directions[group, way] = found.of_visitor(self.visitor) if self.visitor else found
        return found


def direction_of(groups: Groups, path: Path, group: str, way: str) -> Direction:
    """`path`: of the tenant."""
    held = groups.security[group]
    rules, word = (held.ingress, "ingress") if way == IN else (held.egress or (), "egress")
    path = (*path, "security_groups", group, word)
    return Direction(group=group, way=way, rules=rules, path=path, audit=held.audit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A tenant whose ports a filter is for. `name`: the tenant's; `former`: the one that its chains are named after."""

    name: str
    former: str
    tenant: Tenant
    groups: Groups


def compile_security(draft: Draft, own: Member, visitors: Sequence[Member], networks: Sequence[NetworkPlace]) -> None:
    """Put a tenant's table with all that is not a port's, where it has a bridge, and the kernel such tables. Every
    NetworkPlace knows it afterwards. `visitors`: whom it shares networks with."""
    bridged = [network for network in networks if network.shared is None]
    filtered = any(filters(member.tenant) for member in (own, *visitors))
    if not bridged or not _is_able(draft, own.name, filtered):
        return
    security = Security(
        table=FilterTable(netns=bridged[0].netns, name=draft.names.table),
        logs=Logs(whose=f"{draft.names.scope} {own.name}", able="nft_log" in draft.facts.features),
        groups=own.groups,
        tracking=Tracking.on(draft.facts),
        domains={network: f".on.{network}" for network in overlapping(own.tenant)},
        zones=zones_of(own.tenant, {network.name: network.bridge for network in bridged}),
        path=("tenants", own.name),
    )
    seen = {
        visitor.name: replace(
            security,
            logs=replace(security.logs, whose=f"{draft.names.scope} {visitor.name}"),
            groups=visitor.groups,
            path=("tenants", visitor.name),
            visitor=visitor.former,
        )
        for visitor in visitors
    }
    security = replace(security, visitors=seen)
    _hooks(draft, security, filtered)
    _all_groups(draft, security, bridged)
    for name, as_seen in seen.items():
        _all_groups(draft, as_seen, [network for network in bridged if name in network.visitors])
    for network in bridged:
        network.security = security


def _is_able(draft: Draft, name: str, filtered: bool) -> bool:
    if "nft_bridge" in draft.facts.features:
        return True
    path = ("tenants", name)
    if filtered:
        draft.need("nft_bridge", path, "no `security_groups:`")
    else:
        what = "this kernel has no nftables in bridges: a port can speak as another"
        draft.warn(path, what, "load the kernel's nf_tables module", Cause.FEATURE)
    return False


def _hooks(draft: Draft, security: Security, filtered: bool) -> None:
    table, path = security.table, security.path
    draft.put(table.itself, path)
    in_bridge = security.tracking is Tracking.BRIDGE and security.zones
    for made in (*(zone_map(table) if in_bridge else ()), *guards(table, security.logs)):
        draft.put(made, path)
    draft.put(entrance(table, security.logs, (ZONING,) if in_bridge else ()), path)
    if not filtered:
        return
    for counting in _counting([security.groups, *(seen.groups for seen in security.visitors.values())]):
        draft.put(table.filling(counting), path)
    for name, rules in BASICS.items():
        draft.put(table.chain(name, rules), path)
    if security.tracking is Tracking.BRIDGE:
        draft.put(following(table), path)
    if security.tracking is Tracking.MARKS:
        for marked in marking(table, security.zones):
            draft.put(marked, path)


def _counting(all_groups: Sequence[Groups]) -> Iterator[str]:
    """The sets of links that count what becomes of packets by groups."""
    yield from DROPPED.values()
    if any(rule.action is Action.DENY for groups in all_groups for rule in groups.rules()):
        yield from DENIED.values()
    if any(group.audit for groups in all_groups for group in groups.security.values()):
        yield from AUDITED.values()


def _all_groups(draft: Draft, security: Security, networks: Iterable[NetworkPlace]) -> None:
    for domain in dict.fromkeys(security.domain(network) for network in networks):
        _groups(draft, security, domain)


def _groups(draft: Draft, security: Security, domain: str) -> None:
    for group in security.groups.security:
        for way in (IN, OUT):
            direction = security.direction(group, way)
            _ends(draft, security, direction)
            for level in direction.levels():
                for family in IP:
                    _level(draft, security, direction, level, family, domain)
    for group in sorted(security.groups.remotes & security.groups.security.keys()):
        path = (*security.path, "security_groups", group)
        for family, kind in ADDRESS_TYPE.items():
            draft.put(security.table.set(member_set(family, security.named(group), domain), kind), path)


def _ends(draft: Draft, security: Security, direction: Direction) -> None:
    """The chains where packets end that rules deny, or rules with a log fit."""
    way, group = direction.way, direction.group
    for rule in direction.logged():
        ended = security.logs.logged(way, direction.own_name, rule, audit=direction.audit)
        draft.share(security.table.chain(rule_chain(way, group, rule), ended), direction.path)
    if any(level.action is Action.DENY and level.plain for level in direction.levels()):
        ended = security.logs.denied(way, direction.own_name)
        draft.share(security.table.chain(denied_chain(way, group), ended), direction.path)


def _level(draft: Draft, security: Security, direction: Direction, level: Level, family: int, domain: str) -> None:
    chain, sets, _ = compile_level(security.table, direction, level, family, domain, security.groups)
    draft.put(chain, direction.path)
    for held in sets:
        draft.put(held, direction.path)


def compile_passages(draft: Draft, networks: Iterable[NetworkPlace]) -> None:
    """Put the elements of what is on a bridge and is no port: routers' legs, and what leads to segments."""
    bridges = {link_key(network.netns, network.bridge): network for network in networks if network.security}
    links = [link for link in draft.state.values() if isinstance(link, Link) and link.master]
    for link in links:
        network = bridges.get(link_key(link.netns, link.master or ""))
        if network is None or network.security is None or _is_port_end(link.key):
            continue
        path, name = draft.paths[link.key], quoted(link.ifname)
        for made in (layout.ENTRY, layout.RECEIVERS):
            draft.put(network.security.table.element(made, name, TRUSTED), path)
        put_zone(draft, network, link.ifname, path)


def _is_port_end(link: Key) -> bool:
    return link.name.startswith("wp")


def put_zone(draft: Draft, network: NetworkPlace, ifname: str, path: Path) -> None:
    """The zone of what comes in by a link, where its network has one."""
    security = network.security
    if security is not None and security.tracking is Tracking.BRIDGE and network.bridge in security.zones:
        zone = str(security.zones[network.bridge])
        draft.put(security.table.element(layout.ZONES, quoted(ifname), zone), path)


def compile_prefixes(draft: Draft, securities: Iterable[Security], places: Iterable[PortPlace]) -> None:
    """Put the sets of prefixes that ports may speak as: one object each, for prefixes may overlap what they follow."""
    found: dict[tuple[str, str], list[str]] = {}
    for place in places:
        if place.network.security:
            for name, element in prefix_elements(place):
                found.setdefault((place.network.netns, name), []).append(element)
    for security in securities:
        table = security.table
        for name, kind in layout.PREFIX_SETS.items():
            draft.put(table.counted(name, kind, found.get((table.netns, name), ())), security.path)
