"""What filters have counted, by the rules and ports of the file: what `weft groups` shows.

Rules: which element counts for which rule is compiled, what it has counted is read from the kernel. A name means a
group or a port; one that is neither is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set

from weft.backends.filter_counts import FilterGlance, FilterReader
from weft.compiler.groups.layout import BRIDGE, IP, PAIRS4, PAIRS6, member_set
from weft.compiler.groups.logs import AUDITED, DENIED, DROPPED, GUARD, STRANGER, WAYS
from weft.compiler.groups.tallies import Tally, tallies
from weft.errors import IntentInvalid, Problem
from weft.files import Loaded
from weft.kinds.nft.counts import NONE, Count, Counts
from weft.kinds.nft.element import NftElement
from weft.model.intent import Path
from weft.model.security import Action, SecurityGroup
from weft.model.words import closest
from weft.picture.filters import FiltersView, GroupView, PortLosses, RuleView, Sum
from weft.picture.rules import rule_words
from weft.records import dataclass
from weft.service.prepared import Prepared
from weft.service.service import Service

IN, OUT = "in", "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A tenant's filter as it is to be. `table`: family and name; `ports`: by link, their places in the file: also
    those of other tenants on its networks; `addresses`: the link that each is of, "" where it is of several; `members`:
    the addresses of a group, by family and name."""

    netns: str
    table: str
    tenant: str
    ports: Mapping[str, Path]
    addresses: Mapping[str, str]
    members: Mapping[tuple[int, str], Set[str]]
    tallies: Sequence[Tally]
    groups: Mapping[str, SecurityGroup]

    def port_name(self, link: str) -> str:
        """TENANT/PORT of a link, "" where it is no port's."""
        return port_name(self.ports[link]) if link in self.ports else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One scope's filters. `where`: makes file:line:column of a path."""

    prepared: Prepared
    rooms: Mapping[str, Room]
    where: Callable[[Path], str]

    @property
    def tables(self) -> dict[str, str]:
        return {netns: room.table for netns, room in self.rooms.items()}


def plant(service: Service, loaded: Loaded) -> Plant:
    """Raises: as Service.prepare."""
    prepared = service.prepare(loaded)
    rooms = {}
    for key in prepared.desired:
        path = prepared.paths.get(key, ())
        if key.table == "nft-table" and key.name.startswith(f"{BRIDGE} ") and len(path) == 2:
            tenant = loaded.intent.tenants[path[1]]
            rooms[key.netns] = Room(
                netns=key.netns,
                table=key.name,
                tenant=path[1],
                ports=_ports(prepared, key.netns),
                addresses=_addresses(prepared, key.netns),
                members=_members(prepared, key.netns),
                tallies=tuple(tallies(path[1], tenant)),
                groups=tenant.security_groups,
            )
    return Plant(prepared=prepared, rooms=rooms, where=loaded.origins.at)


def looks(service: Service, intents: Sequence[Loaded], name: str | None) -> Iterator[list[FiltersView]]:
    """What was counted, again and again, at the pace of whoever asks; from the second on with rates. Raises:
    IntentInvalid where the name is nobody's."""
    plants = [plant(service, loaded) for loaded in intents]
    if name is not None:
        _demand_known(name, plants)
    reader = FilterReader(service.namespaces)
    before: FilterGlance | None = None
    try:
        while True:
            now = reader.read({netns: table for one in plants for netns, table in one.tables.items()})
            yield [view_of(one, name, now, before) for one in plants]
            before = now
    finally:
        reader.close()


def view_of(one: Plant, name: str | None, now: FilterGlance, before: FilterGlance | None) -> FiltersView:
    seen = _Seen(one, now, before)
    rooms = one.rooms.values()
    groups = (seen.group(room, group) for room in rooms for group in room.groups if _is(name, room.tenant, group))
    ports = (seen.port(room, link) for room in rooms for link, path in room.ports.items() if _is(name, *path[1::2]))
    strangers = (row for room in rooms for row in seen.strangers(room)) if name is None else ()
    return FiltersView(scope=one.prepared.scope, groups=tuple(groups), ports=tuple(ports), strangers=tuple(strangers))


class Difference:
    """What was counted by a glance, and since the one before. `only_since`: sums, too, are of the time between."""

    def __init__(self, now: FilterGlance, before: FilterGlance | None, *, only_since: bool = False) -> None:
        self._now, self._before, self._only_since = now, before, only_since
        self._elapsed_s = now.at_s - before.at_s if before else 0.0

    def element(self, netns: str, set_name: str, element: str) -> Sum:
        return self._sum(lambda counts: counts.elements.get((set_name, element), NONE), netns)

    def tally(self, netns: str, tally: Tally) -> Sum:
        def count(counts: Counts) -> Count:
            total = NONE
            for one in tally.counted:
                held = counts.elements if one.set else counts.rules
                total += held.get((one.set or one.chain, one.element), NONE)
            return total

        return self._sum(count, netns)

    def _sum(self, count: Callable[[Counts], Count], netns: str) -> Sum:
        """With rates where it has only counted on since."""
        now = count(self._now.filters.get(netns, Counts()))
        was = count(self._before.filters.get(netns, Counts())) if self._before else NONE
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
    def __init__(self, one: Plant, now: FilterGlance, before: FilterGlance | None) -> None:
        self._plant, self._now = one, now
        self._counted = Difference(now, before)

    def group(self, room: Room, name: str) -> GroupView:
        held = room.groups[name]
        return GroupView(
            name=f"{room.tenant}/{name}",
            audit=held.audit,
            where=self._plant.where(("tenants", room.tenant, "security_groups", name)),
            rules=tuple(self._rule(room, tally) for tally in room.tallies if tally.group == name),
        )

    def _rule(self, room: Room, tally: Tally) -> RuleView:
        rule = tally.rule
        return RuleView(
            direction=WAYS[tally.way],
            action=action_of(room, tally),
            words=rule_words(rule, WAYS[tally.way]),
            priority=rule.priority,
            logs=rule.log is not None,
            where=self._plant.where(tally.path),
            counted=self._counted.tally(room.netns, tally),
        )

    def port(self, room: Room, link: str) -> PortLosses:
        def of(set_name: str) -> Sum:
            return self._counted.element(room.netns, set_name, f'"{link}"')

        return PortLosses(
            name=room.port_name(link),
            where=self._plant.where(room.ports[link]),
            no_rule_in=of(DROPPED[IN]),
            no_rule_out=of(DROPPED[OUT]),
            denied_in=of(DENIED[IN]),
            denied_out=of(DENIED[OUT]),
            would_drop_in=of(AUDITED[IN]),
            would_drop_out=of(AUDITED[OUT]),
            spoofed=of(GUARD),
        )

    def strangers(self, room: Room) -> Iterator[tuple[str, str, Sum]]:
        counts = self._now.filters.get(room.netns, Counts())
        for link, _ in counts.of_set(STRANGER):
            yield room.netns, link, self._counted.element(room.netns, STRANGER, f'"{link}"')


def action_of(room: Room, tally: Tally) -> str:
    """What becomes of what a rule fits, in a word."""
    is_audited = room.groups[tally.group].audit and tally.rule.action is Action.DENY
    return "audit" if is_audited else tally.rule.action.value


def port_name(path: Path) -> str:
    """TENANT/PORT."""
    return f"{path[1]}/{path[3]}"


def rule_of_group(tally: Tally) -> str:
    """`group web: deny tcp 22 from 10.0.0.0/8`."""
    return f"group {tally.group}: {tally.rule.action.value} {rule_words(tally.rule, WAYS[tally.way])}"


def _ports(prepared: Prepared, netns: str) -> dict[str, Path]:
    """The ports of a tenant's namespace by their links there, in the order of their names."""
    found = {
        key.name: path
        for key, path in prepared.paths.items()
        if key.table == "link" and key.netns == netns and len(path) == 4 and path[2] == "ports"
    }
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def _addresses(prepared: Prepared, netns: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for held in _elements(prepared, netns):
        if held.set in (PAIRS4, PAIRS6):
            link, _, address = held.element.replace('"', "").split(" . ")
            found[address] = link if found.get(address, link) == link else ""
    return found


def _members(prepared: Prepared, netns: str) -> dict[tuple[int, str], set[str]]:
    found: dict[tuple[int, str], set[str]] = {}
    for held in _elements(prepared, netns):
        for family in IP:
            if held.set.startswith(f"{member_set(family, '', '')}"):
                group = held.set.split(".")[1]
                found.setdefault((family, group), set()).add(held.element)
    return found


def _elements(prepared: Prepared, netns: str) -> Iterator[NftElement]:
    return (held for held in prepared.desired.values() if isinstance(held, NftElement) and held.netns == netns)


def _is(name: str | None, tenant: str, part: str) -> bool:
    return name in (None, part, f"{tenant}/{part}", tenant)


def _demand_known(name: str, plants: Sequence[Plant]) -> None:
    rooms = [room for one in plants for room in one.rooms.values()]
    known = [(room.tenant, group) for room in rooms for group in room.groups]
    known += [(path[1], path[3]) for room in rooms for path in room.ports.values()]
    if any(_is(name, tenant, part) for tenant, part in known):
        return
    names = [f"{tenant}/{part}" for tenant, part in known]
    meant = closest(name, [*names, *(part for _, part in known)])
    fix = f"did you mean {meant}?" if meant else f"there are: {', '.join(names)}" if names else "nothing is filtered"
    raise IntentInvalid([Problem(where=name, what="is neither a security group nor a filtered port", fix=fix)])
