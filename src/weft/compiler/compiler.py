"""Intent and Facts to State: the whole of it, or a few ports of it.

Rules: pure; the same input gives the same State. A Compiler keeps what one more port needs of all the others (who has
which address, MAC, name), so that a port costs the same among ten and among ten thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from weft.collector import uncollected
from weft.compiler.assignment import Claimant, assign
from weft.compiler.checks import check_routed
from weft.compiler.draft import Draft
from weft.compiler.findings import CompileError, Finding
from weft.compiler.firewall import compile_host_side
from weft.compiler.groups import compile_passages, compile_prefixes, is_local_change
from weft.compiler.links.declared import Declared, declare
from weft.compiler.namespaces import compile_namespaces, configs_of, spaces_of
from weft.compiler.naming import Names
from weft.compiler.network import Segment, check_bridge_room
from weft.compiler.place import PortPlace
from weft.compiler.pools import PoolKey, TransitKey, assign_pools, assign_transit
from weft.compiler.port import compile_port, place_port
from weft.compiler.qos.demand import Shares, guaranteed
from weft.compiler.qos.link import compile_links_qos
from weft.compiler.qos.planted import Planted
from weft.compiler.qos.policy import Policies
from weft.compiler.qos.shares import asks_for_share, shares_of
from weft.compiler.qos.way_out import WayOut, compile_way_out
from weft.compiler.recorder import compile_recorder
from weft.compiler.router.advertising import compile_advertising
from weft.compiler.router.declared import Around, compile_declared
from weft.compiler.router.external import place_externals
from weft.compiler.router.gateway import assign_outside, compile_gateways, unhidden
from weft.compiler.router.place import RouterPlace
from weft.compiler.router.ports import router_ports
from weft.compiler.router.uplink import compile_uplink
from weft.compiler.router.ways import ways_of
from weft.compiler.stands import Stands
from weft.compiler.tenant import Held, PortKey, claimants, compile_tenant
from weft.compiler.transit import compile_transit, travellers
from weft.facts import Facts
from weft.model.intent import Intent, Path, Tenant, Uplink
from weft.records import dataclass
from weft.state import Key, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocations:
    """What the compiler chose where the intent leaves it open, in the form in which Facts gives it back.

    `addresses`: (tenant, port) to its addresses without prefix length, the given ones too. `pool`: (tenant, router,
    family) to its address outside. `transit`: (tenant, network, a port's address) to that port's own pool address."""

    addresses: Mapping[PortKey, tuple[str, ...]]
    pool: Mapping[PoolKey, str]
    transit: Mapping[TransitKey, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The desired State, and beside it where each object comes from.

    `touched`: every key that the compiled part has or had before; one that is not in `state` is to go. For a whole
    intent it is the keys of `state`."""

    state: State
    paths: Mapping[Key, Path]
    allocations: Allocations
    warnings: tuple[Finding, ...] = ()
    touched: frozenset[Key]


class Compiler:
    """Compiles one intent whole, then ports of its successors one by one. `planted`: takes what queues where."""

    def __init__(self, intent: Intent, facts: Facts, planted: list[Planted] | None = None) -> None:
        self.intent = intent
        self.facts = facts
        self._draft = Draft(facts, Names(intent.name, facts.host_id))
        self._draft.planted = planted
        self._segments: dict[str, dict[str, Segment]] = {}
        self._places: dict[PortKey, PortPlace] = {}
        self._pool: dict[PoolKey, str] = {}
        self._transit: dict[TransitKey, str] = {}

    @uncollected
    def whole(self) -> Compiled:
        """Compile everything; to be called once, before `ports`.

        Raises: CompileError with every error found.
        """
        draft, intent = self._draft, self.intent
        draft.spaces, draft.router_ports = spaces_of(intent), router_ports(draft, intent)
        configs = configs_of(intent)
        declared = declare(draft, configs)
        ways = ways_of(draft, intent, declared)
        stands, policies = Stands(draft, declared, intent), Policies(draft, intent)
        for name, tenant in intent.tenants.items():
            self._segments[name] = compile_tenant(draft, name, tenant, ways, stands, policies)
        wanted = shares_of(intent)
        routers = self._routers(draft, declared)
        for name, tenant in intent.tenants.items():
            self._places |= self._ports(draft, name, tenant, tenant.ports, self.facts.held.get)
        self._transits(draft, wanted, routers)
        for router in routers:
            router.chains.put(draft)
        for segment in self._all_segments():
            check_bridge_room(draft, segment)
        compile_namespaces(draft, configs, stands.declared)
        compile_links_qos(draft, stands.declared, policies)
        segments = tuple(self._all_segments())
        compile_way_out(
            draft,
            WayOut(shares=wanted, segments=segments, routers=routers, places=self._places, transit=self._transit),
        )
        self._filters(draft)
        _raise_errors(draft)
        return self._compiled(draft, draft.state, self._places)

    def ports(self, intent: Intent, changed: Iterable[PortKey]) -> Compiled:
        """Compile the `changed` ports of `intent` (new, different or gone), which differs from the compiler's own
        intent in nothing else (`changed_ports` tells), and make it the compiler's own.

        Raises: CompileError; the compiler is then as before.
        """
        changed = dict.fromkeys(changed)
        gone = {key: self._places[key] for key in changed if key in self._places}
        withdrawn = self._withdraw(gone)
        branch = self._draft.branch()
        made = self._make(branch, intent, changed, gone)
        try:
            _raise_errors(branch)
        except CompileError:
            self._undo(withdrawn, gone, made)
            raise
        self._draft.absorb(branch)
        for key in gone:
            del self._places[key]
        self._places |= made
        self.intent = intent
        return self._compiled(branch, frozenset(withdrawn.state) | frozenset(branch.state), made)

    # the whole

    def _routers(self, draft: Draft, links: Declared) -> list[RouterPlace]:
        """Routers, and the host's side of them."""
        uplinks = self._uplinks(draft)
        externals = place_externals(draft, self.intent, links)
        outside = assign_outside(draft, self.intent, externals)
        around = Around(segments=self._segments, externals=externals, outside=outside)
        declared = compile_declared(draft, self.intent, around)
        compile_gateways(draft, self.intent, declared, externals)
        self._pool |= outside
        routers = [*uplinks, *declared]
        compile_advertising(draft, routers, self._all_segments())
        routed = [segment for segment in self._all_segments() if segment.uplink is Uplink.ROUTED]
        check_routed(draft, routed, [span for router in declared for span in unhidden(self.intent, router)])
        compile_host_side(draft, self.intent, routers)
        return routers

    def _uplinks(self, draft: Draft) -> list[RouterPlace]:
        uplinked = [segment for segment in self._all_segments() if segment.uplink]
        self._pool = assign_pools(draft, self.intent.pools, uplinked)
        compiled = [compile_uplink(draft, segment, self._pool) for segment in uplinked]
        return [router for router in compiled if router is not None]

    def _transits(self, draft: Draft, wanted: Shares, routers: Sequence[RouterPlace]) -> None:
        """Addresses by which the host tells ports with a guarantee apart, where they go by NAT."""
        by_segment: dict[int, list[PortPlace]] = {}
        for key in guaranteed(wanted):
            if (place := self._places.get(key)) is not None:
                by_segment.setdefault(id(place.segment), []).append(place)
        travelling = {
            router.path: travellers(segment, by_segment.get(id(segment), ()))
            for router in routers
            if router.uplink is Uplink.NAT
            for segment in router.segments
        }
        everyone = [one for found in travelling.values() for one in found]
        self._transit = assign_transit(draft, self.intent.pools, self._pool, everyone)
        for router in routers:
            if found := travelling.get(router.path):
                compile_transit(draft, router, found, self._transit)

    def _filters(self, draft: Draft) -> None:
        """What no port and no router puts into the tenants' filters by itself."""
        compile_passages(draft, self._all_segments())
        found = (segment.security for segment in self._all_segments() if segment.security is not None)
        securities = {id(security): security for security in found}.values()
        compile_prefixes(draft, securities, self._places.values())
        compile_recorder(draft, self.intent, (security.room.netns for security in securities))

    def _all_segments(self) -> Iterator[Segment]:
        for segments in self._segments.values():
            yield from segments.values()

    # ports

    def _ports(
        self, draft: Draft, name: str, tenant: Tenant, ports: Iterable[str], held: Callable[[PortKey], Held | None]
    ) -> dict[PortKey, PortPlace]:
        """Put the named ports of a tenant: addresses for all of a network first, then their objects."""
        by_network: dict[str, list[Claimant]] = {}
        for claimant in claimants(name, tenant, ports, held):
            by_network.setdefault(claimant.port.network, []).append(claimant)
        places: dict[PortKey, PortPlace] = {}
        for network, wanting in by_network.items():
            segment = self._segments[name].get(network)
            if segment is None:
                _report_no_network(draft, name, tenant, network, wanting)
                continue
            addresses = assign(draft, segment, wanting)
            for claimant in wanting:
                place = place_port(draft, segment, claimant, addresses[claimant.name])
                places[name, claimant.name] = place
                compile_port(draft, place)
        return places

    def _make(
        self, branch: Draft, intent: Intent, changed: Iterable[PortKey], gone: Mapping[PortKey, PortPlace]
    ) -> dict[PortKey, PortPlace]:
        def held(key: PortKey) -> Held | None:
            return gone[key].held if key in gone else self.facts.held.get(key)

        made: dict[PortKey, PortPlace] = {}
        for name in dict.fromkeys(tenant for tenant, _ in changed):
            tenant = intent.tenants[name]
            names = [port for of, port in changed if of == name and port in tenant.ports]
            made |= self._ports(branch, name, tenant, names, held)
        for segment in {id(place.segment): place.segment for place in made.values()}.values():
            check_bridge_room(branch, segment)
        return made

    def _withdraw(self, gone: Mapping[PortKey, PortPlace]) -> Draft:
        """Take the ports out, and say what went: the same objects are made again to know their keys."""
        withdrawn = Draft(self.facts, self._draft.names)
        withdrawn.spaces, withdrawn.router_ports = self._draft.spaces, self._draft.router_ports
        for place in gone.values():
            compile_port(withdrawn, place)
            place.leave()
        self._draft.expel(withdrawn)
        return withdrawn

    def _undo(self, withdrawn: Draft, gone: Mapping[PortKey, PortPlace], made: Mapping[PortKey, PortPlace]) -> None:
        for place in made.values():
            place.leave()
        for place in gone.values():
            place.join()
        self._draft.absorb(withdrawn)

    def _compiled(self, draft: Draft, keys: Iterable[Key], places: Mapping[PortKey, PortPlace]) -> Compiled:
        """What is wanted of `keys`, with what was found in `draft` and chosen for `places`."""
        held = self._draft.state
        state = held if keys is held else State((key, held[key]) for key in keys if key in held)
        paths = self._draft.paths
        return Compiled(
            state=state,
            paths=paths if state is held else {key: paths[key] for key in state},
            allocations=Allocations(
                addresses={key: place.held for key, place in places.items()}, pool=self._pool, transit=self._transit
            ),
            warnings=tuple(f for f in draft.findings if f.severity == "warning"),
            touched=frozenset(keys),
        )


def compile(intent: Intent, facts: Facts) -> Compiled:
    """The desired State of an intent on a machine.

    Raises: CompileError with every error found.
    """
    return Compiler(intent, facts).whole()


def planted(intent: Intent, facts: Facts) -> Sequence[Planted]:
    """What queues where for whom, with the reasons. Raises: as `compile`."""
    found: list[Planted] = []
    Compiler(intent, facts, found).whole()
    return found


def changed_ports(former: Intent, intent: Intent) -> tuple[PortKey, ...] | None:
    """The ports in which two intents differ, new and gone ones too; None where anything else differs: a port with a
    guarantee is part of a whole that is counted together, and a router's interface part of the router."""
    if replace(former, tenants={}) != replace(intent, tenants={}) or former.tenants.keys() != intent.tenants.keys():
        return None
    changed: list[PortKey] = []
    for name, tenant in intent.tenants.items():
        before = former.tenants[name]
        if replace(before, ports={}) != replace(tenant, ports={}):
            return None
        if before.ports is not tenant.ports:
            pairs = {port: (before.ports.get(port), tenant.ports.get(port)) for port in (*before.ports, *tenant.ports)}
            differing = {port: pair for port, pair in pairs.items() if pair[0] != pair[1]}
            if not is_local_change(before, tenant, differing):
                return None
            changed += ((name, port) for port in differing)
    if any(asks_for_share(of, key) or _is_router_s(of, key) for of in (former, intent) for key in changed):
        return None
    return tuple(changed)


def _is_router_s(intent: Intent, key: PortKey) -> bool:
    """Whether a port is a router's interface: what the router is depends on it."""
    port = intent.tenants[key[0]].ports.get(key[1])
    return port is not None and port.attach.router


def _report_no_network(draft: Draft, name: str, tenant: Tenant, network: str, wanting: Sequence[Claimant]) -> None:
    if network in tenant.networks:
        return  # its own error is found already
    there = ", ".join(tenant.networks) or "none"
    for claimant in wanting:
        path = ("tenants", name, "ports", claimant.name, "network")
        draft.error(path, f"tenant {name} has no network {network}", f"its networks: {there}")


def _raise_errors(draft: Draft) -> None:
    errors = [finding for finding in draft.findings if finding.severity == "error"]
    if errors:
        raise CompileError(errors)
