"""What filters have counted, by the rules and ports of the file: what `weft groups` shows.

Rules: which element counts for which rule is compiled, what it has counted is read from the kernel. A name means a
group or a port; one that is neither is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

from weft.backends.filter_counts import FilterGlance, FilterReader
from weft.compiler.groups.layout import BRIDGE, PAIRS4, PAIRS6, member_set
from weft.compiler.groups.logs import AUDITED, DENIED, DROPPED, GUARD, STRANGER, WAYS
from weft.compiler.groups.parties import parties
from weft.compiler.groups.tallies import Tally, tallies
from weft.errors import IntentInvalid, Problem
from weft.files import Loaded
from weft.kinds.nft.chain import IP
from weft.kinds.nft.counts import NONE, Count, Counts
from weft.kinds.nft.element import NftElement
from weft.model.intent import Intent, Path
from weft.model.security import SecurityGroup
from weft.model.words import closest
from weft.picture.filters import FiltersView, GroupView, PortLosses, RuleView, Sum
from weft.picture.rules import rule_words
from weft.records import dataclass
from weft.service.prepared import Prepared
from weft.service.service import Service
from weft.state import link_key

IN, OUT = "in", "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantFilter:
    """A tenant's filter as it is to be. `table`: family and name; `ports`: by link, their places in the file: also
    those of other tenants on its networks; `addresses`: the link that each is of, "" where it is of several; `members`:
    the addresses of a group, by family and name in the filter; `tallies`: other tenants' rules that hold here too."""

    netns: str
    table: str
    tenant: str
    ports: Mapping[str, Path]
    addresses: Mapping[str, str]
    members: Mapping[tuple[int, str], Set[str]]
    tallies: Sequence[Tally]

    def port_name(self, link: str) -> str:
        """TENANT/PORT of a link, "" where it is no port's."""
        return port_name(self.ports[link]) if link in self.ports else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeFilters:
    """One scope's filters. `groups`: those that are in any, by tenant and name; `where`: makes file:line:column of a
    path."""

    prepared: Prepared
    by_netns: Mapping[str, TenantFilter]
    groups: Mapping[tuple[str, str], SecurityGroup]
    where: Callable[[Path], str]

    def is_strange(self, netns: str, link: str) -> bool:
        """Whether a link on a bridge is nobody's of the file. What is weft's may have lost a frame when it came."""
        return link_key(netns, link) not in self.prepared.desired

    @property
    def tables(self) -> dict[str, str]:
        return {netns: tenant_filter.table for netns, tenant_filter in self.by_netns.items()}

    def missing(self, now: FilterGlance) -> tuple[str, ...]:
        """The tenants whose filter is not there, or has lost its rules: every one has some that count."""
        seen = (
            (tenant_filter.tenant, now.filters.get(netns, Counts())) for netns, tenant_filter in self.by_netns.items()
        )
        return tuple(tenant for tenant, counts in seen if not counts.rules)


def filters_of(service: Service, loaded: Loaded) -> ScopeFilters:
    """Raises: as Service.prepare."""
    prepared = service.prepare(loaded, lenient=True)
    by_netns = {}
    ports, elements = _ports(prepared), _elements(prepared)
    for key in prepared.desired:
        path = prepared.paths.get(key, ())
        if key.table == "nft-table" and key.name.startswith(f"{BRIDGE} ") and len(path) == 2:
            by_netns[key.netns] = TenantFilter(
                netns=key.netns,
                table=key.name,
                tenant=path[1],
                ports=ports.get(key.netns, {}),
                addresses=_addresses(elements.get(key.netns, ())),
                members=_members(elements.get(key.netns, ())),
                tallies=tuple(tallies(loaded.intent, path[1])),
            )
    return ScopeFilters(
        prepared=prepared, by_netns=by_netns, groups=_groups(loaded.intent, by_netns), where=loaded.origins.at
    )


def _groups(intent: Intent, by_netns: Mapping[str, TenantFilter]) -> dict[tuple[str, str], SecurityGroup]:
    """The groups that are in any of the filters, in the order of the file."""
    there = {party.name for tenant_filter in by_netns.values() for party in parties(intent, tenant_filter.tenant)}
    tenants = ((name, tenant) for name, tenant in intent.tenants.items() if name in there)
    return {(name, group): held for name, tenant in tenants for group, held in tenant.security_groups.items()}


def looks(service: Service, intents: Sequence[Loaded], name: str | None) -> Iterator[list[FiltersView]]:
    """What was counted, again and again, at the pace of whoever asks; from the second on with rates. Raises:
    IntentInvalid where the name is nobody's."""
    scopes = [filters_of(service, loaded) for loaded in intents]
    if name is not None:
        _demand_known(name, scopes)
    reader = FilterReader(service.namespaces)
    before: FilterGlance | None = None
    try:
        while True:
            now = reader.read({netns: table for one in scopes for netns, table in one.tables.items()})
            yield [view_of(one, name, now, before) for one in scopes]
            before = now
    finally:
        reader.close()


def view_of(one: ScopeFilters, name: str | None, now: FilterGlance, before: FilterGlance | None) -> FiltersView:
    seen = _Seen(one, now, before)
    tenant_filters = one.by_netns.values()
    groups = (seen.group(*of) for of in one.groups if _is(name, *of))
    ports = (
        seen.port(tenant_filter, link)
        for tenant_filter in tenant_filters
        for link, path in tenant_filter.ports.items()
        if name == tenant_filter.tenant or _is(name, *path[1::2])
    )
    strangers = (
        (row for tenant_filter in tenant_filters for row in seen.strangers(tenant_filter)) if name is None else ()
    )
    return FiltersView(
        scope=one.prepared.scope,
        groups=tuple(groups),
        ports=tuple(ports),
        strangers=tuple(strangers),
        missing=one.missing(now),
    )


class Difference:
    """What was counted by a glance, and since the one before. `only_since`: sums, too, are of the time between."""

    def __init__(self, now: FilterGlance, before: FilterGlance | None, *, only_since: bool = False) -> None:
        self._now, self._before, self._only_since = now, before, only_since
        self._elapsed_s = now.at_s - before.at_s if before else 0.0

    def element(self, netns: str, set_name: str, element: str) -> Sum:
        return self._sum(lambda seen: seen.filters.get(netns, Counts()).elements.get((set_name, element), NONE))

    def tallies(self, found: Sequence[tuple[str, Tally]]) -> Sum:
        """Of a rule in all of these filters together, each by its namespace."""

        def count(glance: FilterGlance) -> Count:
            total = NONE
            for netns, tally in found:
                counts = glance.filters.get(netns, Counts())
                for one in tally.counted:
                    held = counts.elements if one.set else counts.rules
                    total += held.get((one.set or one.chain, one.element), NONE)
            return total

        return self._sum(count)

    def _sum(self, count: Callable[[FilterGlance], Count]) -> Sum:
        """With rates where it has only counted on since."""
        now = count(self._now)
        was = count(self._before) if self._before else NONE
        if self._elapsed_s <= 0 or was.packets > now.packets or was.bytes > now.bytes:
            return Sum(packets=now.packets, bytes=now.bytes)
        packets, size = now.packets - was.packets, now.bytes - was.bytes
        return Sum(
            packets=packets if self._only_since else now.packets,
            bytes=size if self._only_since else now.bytes,
            rate_pps=packets / self._elapsed_s,
            rate_bps=8 * size / self._elapsed_s,
        )


class _Seen:
    def __init__(self, one: ScopeFilters, now: FilterGlance, before: FilterGlance | None) -> None:
        self._filters, self._now = one, now
        self._counted = Difference(now, before)

    def group(self, tenant: str, name: str) -> GroupView:
        """With what it counted in its own tenant's filter and in those of others on whose networks it is."""
        found: dict[Path, list[tuple[str, Tally]]] = {}
        for tenant_filter in self._filters.by_netns.values():
            for tally in tenant_filter.tallies:
                if (tally.party.name, tally.group) == (tenant, name):
                    found.setdefault(tally.path, []).append((tenant_filter.netns, tally))
        return GroupView(
            name=f"{tenant}/{name}",
            audit=self._filters.groups[tenant, name].audit,
            where=self._filters.where(("tenants", tenant, "security_groups", name)),
            rules=tuple(map(self._rule, found.values())),
        )

    def _rule(self, found: Sequence[tuple[str, Tally]]) -> RuleView:
        _, tally = found[0]
        rule = tally.rule
        return RuleView(
            direction=WAYS[tally.way],
            action="audit" if tally.is_audited else rule.action.value,
            words=rule_words(rule, WAYS[tally.way]),
            priority=rule.priority,
            logs=rule.log is not None,
            where=self._filters.where(tally.path),
            counted=self._counted.tallies(found),
        )

    def port(self, tenant_filter: TenantFilter, link: str) -> PortLosses:
        def of(set_name: str) -> Sum:
            return self._counted.element(tenant_filter.netns, set_name, f'"{link}"')

        return PortLosses(
            name=tenant_filter.port_name(link),
            where=self._filters.where(tenant_filter.ports[link]),
            no_rule_in=of(DROPPED[IN]),
            no_rule_out=of(DROPPED[OUT]),
            denied_in=of(DENIED[IN]),
            denied_out=of(DENIED[OUT]),
            would_drop_in=of(AUDITED[IN]),
            would_drop_out=of(AUDITED[OUT]),
            spoofed=of(GUARD),
        )

    def strangers(self, tenant_filter: TenantFilter) -> Iterator[tuple[str, str, Sum]]:
        counts = self._now.filters.get(tenant_filter.netns, Counts())
        for link, _ in counts.of_set(STRANGER):
            if self._filters.is_strange(tenant_filter.netns, link):
                yield tenant_filter.netns, link, self._counted.element(tenant_filter.netns, STRANGER, f'"{link}"')


def port_name(path: Path) -> str:
    """TENANT/PORT."""
    return f"{path[1]}/{path[3]}"


def rule_of_group(tally: Tally) -> str:
    """`group web: deny tcp 22 from 10.0.0.0/8`; `group dev/web` of another tenant's on the network."""
    group = f"{tally.party.name}/{tally.group}" if tally.party.visitor else tally.group
    return f"group {group}: {tally.rule.action.value} {rule_words(tally.rule, WAYS[tally.way])}"


def _ports(prepared: Prepared) -> dict[str, dict[str, Path]]:
    """By namespace, the ports by their links there, in the order of their names."""
    links = ((key, path) for key, path in prepared.paths.items() if key.table == "link")
    found: dict[str, dict[str, Path]] = {}
    for key, path in sorted(links, key=lambda pair: pair[1]):
        if len(path) == 4 and path[2] == "ports":
            found.setdefault(key.netns, {})[key.name] = path
    return found


def _elements(prepared: Prepared) -> dict[str, list[NftElement]]:
    """By namespace."""
    found: dict[str, list[NftElement]] = {}
    for held in prepared.desired.values():
        if isinstance(held, NftElement):
            found.setdefault(held.netns, []).append(held)
    return found


def _addresses(elements: Iterable[NftElement]) -> dict[str, str]:
    found: dict[str, str] = {}
    for held in elements:
        if held.set in (PAIRS4, PAIRS6):
            link, _, address = held.element.replace('"', "").split(" . ")
            found[address] = link if found.get(address, link) == link else ""
    return found


def _members(elements: Iterable[NftElement]) -> dict[tuple[int, str], set[str]]:
    found: dict[tuple[int, str], set[str]] = {}
    for held in elements:
        for family in IP:
            if held.set.startswith(f"{member_set(family, '', '')}"):
                group = held.set.split(".")[1]
                found.setdefault((family, group), set()).add(held.element)
    return found


def _is(name: str | None, tenant: str, part: str) -> bool:
    return name in (None, part, f"{tenant}/{part}", tenant)


def _demand_known(name: str, scopes: Sequence[ScopeFilters]) -> None:
    tenant_filters = [tenant_filter for one in scopes for tenant_filter in one.by_netns.values()]
    known = [of for one in scopes for of in one.groups]
    known += [(path[1], path[3]) for tenant_filter in tenant_filters for path in tenant_filter.ports.values()]
    if any(_is(name, tenant, part) for tenant, part in known) or name in {
        tenant_filter.tenant for tenant_filter in tenant_filters
    }:
        return
    names = [f"{tenant}/{part}" for tenant, part in known]
    meant = closest(name, [*names, *(part for _, part in known)])
    fix = f"did you mean {meant}?" if meant else f"there are: {', '.join(names)}" if names else "nothing is filtered"
    raise IntentInvalid([Problem(where=name, what="is neither a security group nor a filtered port", fix=fix)])
