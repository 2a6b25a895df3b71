"""Intent and Facts to State: the whole of it, or a few ports of it.

Rules: pure; the same input gives the same State. A Compiler keeps what one more port needs of all the others (who has
which address, MAC, name), so that a port costs the same among ten and among ten thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter

from weft.collector import uncollected
from weft.compiler.assignment import Claimant, assign
from weft.compiler.checks import check_routed
from weft.compiler.draft import Draft
from weft.compiler.findings import CompileError, Finding
from weft.compiler.firewall import compile_host_side
from weft.compiler.floating import Behind, claim_floating, compile_floating, is_floating
from weft.compiler.floating.leads import Lead
from weft.compiler.footings import Footings
from weft.compiler.groups import (
    Member,
    check_groups,
    compile_passages,
    compile_prefixes,
    compile_security,
    follows,
    is_local_change,
)
from weft.compiler.links.ahead import lower_bridges
from weft.compiler.links.declared import declare
from weft.compiler.namespaces import compile_namespaces, configs_of, spaces_of
from weft.compiler.naming import Names
from weft.compiler.network import NetworkPlace, TenantPlace, check_bridge_room
from weft.compiler.place import PortPlace
from weft.compiler.pools import PoolKey, TransitKey, assign_pools, assign_transit
from weft.compiler.port import compile_port, place_port
from weft.compiler.qos.demand import Shares, guaranteed
from weft.compiler.qos.figures import refigure
from weft.compiler.qos.leading import Leading
from weft.compiler.qos.link import compile_links_qos, warn_of_roots_that_stay
from weft.compiler.qos.planted import Planted
from weft.compiler.qos.policy import Policies
from weft.compiler.qos.shares import asks_for_share, shares_of
from weft.compiler.qos.way_out import WayOut, compile_way_out
from weft.compiler.quotas import check_port_quotas, check_quotas
from weft.compiler.recorder import compile_recorder
from weft.compiler.router.advertising import compile_advertising
from weft.compiler.router.declared import Around, compile_declared
from weft.compiler.router.external import ExternalPlace, place_externals
from weft.compiler.router.gateway import assign_outside, compile_gateways, unhidden
from weft.compiler.router.place import RouterPlace
from weft.compiler.router.ports import router_ports
from weft.compiler.router.uplink import compile_uplink
from weft.compiler.router.ways import ways_of
from weft.compiler.sharing import check_shares, find_network
from weft.compiler.tenant import Held, claimants, compile_tenant, place_tenant
from weft.compiler.transit import Outside, compile_outside, compile_transit, travelling
from weft.facts import Facts
from weft.model.intent import Intent, Path, Tenant, Uplink
from weft.model.sharing import PortKey, visitors_of
from weft.records import dataclass
from weft.state import Key, State

_APART = ("nft-element", "nft-chain")
"""Tables whose objects the kernel never drops along with another of a port's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocations:
    """What the compiler chose where the intent leaves it open, in the form in which Facts gives it back.

    `addresses`: (tenant, port) to its addresses without prefix length, the given ones too. `pool`: (tenant, router,
    family) to its address outside. `transit`: (tenant, router, a port's address) to that port's own pool address."""

    addresses: Mapping[PortKey, tuple[str, ...]]
    pool: Mapping[PoolKey, str]
    transit: Mapping[TransitKey, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The desired State, and beside it where each object comes from.

    `touched`: every key that the compiled part has or had before, but for chains and elements that are the same; one
    that is not in `state` is to go. For a whole intent it is the keys of `state`."""

    state: State
    paths: Mapping[Key, Path]
    allocations: Allocations
    warnings: tuple[Finding, ...] = ()
    touched: frozenset[Key]


class Compiler:
    """Compiles one intent whole, then ports of its successors one by one. `planted`: takes what queues where.
    `lenient`: as the Draft's."""

    def __init__(
        self, intent: Intent, facts: Facts, planted: list[Planted] | None = None, *, lenient: bool = False
    ) -> None:
        self.intent = intent
        self.facts = facts
        self._draft = Draft(facts, Names(intent.name, facts.host_id))
        self._draft.planted, self._draft.lenient = planted, lenient
        self._tenants: dict[str, TenantPlace] = {}
        self._networks: dict[str, dict[str, NetworkPlace]] = {}
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
        lower_bridges(draft, declared)
        ways = ways_of(draft, intent, declared)
        footings, policies = Footings(draft, declared, intent), Policies(draft, intent)
        check_shares(draft, intent)
        self._tenants = {name: place_tenant(draft, name, tenant, policies) for name, tenant in intent.tenants.items()}
        for name, tenant in intent.tenants.items():
            followed = follows(draft.facts, [tenant, *_visitors(intent, tenant)])
            self._networks[name] = compile_tenant(draft, self._tenants[name], tenant, ways, footings, followed=followed)
        self._securities(draft)
        check_quotas(draft, intent)
        wanted = shares_of(intent)
        externals = place_externals(draft, intent, declared)
        floating = claim_floating(draft, intent, externals)
        routers = self._routers(draft, externals)
        everyone = [(name, port) for name, tenant in intent.tenants.items() for port in tenant.ports]
        self._places = self._ports(draft, intent, everyone, self.facts.held.get)
        self._transits(draft, wanted, routers, externals)
        behind = Behind(intent=intent, externals=externals, routers=routers, places=self._places)
        leads = compile_floating(draft, behind, floating)
        for router in routers:
            router.chains.put(draft)
        for network in self._all_networks():
            check_bridge_room(draft, network)
        compile_namespaces(draft, configs, footings.declared)
        compile_links_qos(draft, footings.declared, policies)
        self._way_out(draft, wanted, behind, leads)
        warn_of_roots_that_stay(draft, footings.declared)
        self._filters(draft)
        _raise_errors(draft)
        return self._compiled(draft, draft.state, self._places)

    def figures(self, intent: Intent, changed: Iterable[PortKey]) -> Compiled | None:
        """As `ports`, but of the classes alone that have other figures; None where more than that is another."""
        known, before, after = self._draft.state, State(), State()
        places: dict[PortKey, PortPlace] = {}
        for key in changed:
            place, port = self._places.get(key), intent.tenants[key[0]].ports.get(key[1])
            made = refigure(self._draft, place, port) if place is not None and port is not None else None
            if made is None:
                return None
            places[key] = made.place
            before.update(made.before)
            after.update(made.after)
        if any(known.get(key) != obj for key, obj in before.items()):
            return None
        known.update(after)
        self._places |= places
        self.intent = intent
        return self._compiled(self._draft.branch(), tuple(after), places)

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
        return self._compiled(branch, self._touched(withdrawn.state, branch.state), made)

    # the whole

    def _routers(self, draft: Draft, externals: Mapping[str, ExternalPlace]) -> list[RouterPlace]:
        """Routers, and the host's side of them."""
        uplinks = self._uplinks(draft)
        outside = assign_outside(draft, self.intent, externals)
        around = Around(networks=self._networks, externals=externals, outside=outside)
        declared = compile_declared(draft, self.intent, around)
        compile_gateways(draft, self.intent, declared, externals)
        self._pool |= outside
        routers = [*uplinks, *declared]
        compile_advertising(draft, routers, self._all_networks())
        routed = [network for network in self._all_networks() if network.uplink is Uplink.ROUTED]
        check_routed(draft, routed, [span for router in declared for span in unhidden(self.intent, router)])
        compile_host_side(draft, self.intent, routers)
        return routers

    def _uplinks(self, draft: Draft) -> list[RouterPlace]:
        uplinked = [network for network in self._all_networks() if network.uplink]
        self._pool = assign_pools(draft, self.intent.pools, uplinked)
        compiled = [compile_uplink(draft, network, self._pool) for network in uplinked]
        return [router for router in compiled if router is not None]

    def _transits(
        self,
        draft: Draft,
        wanted: Shares,
        routers: Sequence[RouterPlace],
        externals: Mapping[str, ExternalPlace],
    ) -> None:
        """Addresses by which the host tells ports with a guarantee apart, where their router translates."""
        places = [place for key in guaranteed(wanted) if (place := self._places.get(key)) is not None]
        found = travelling(self.intent, routers, places)
        everyone = [one for router in routers for one in found.get(router.path, ())]
        self._transit = assign_transit(draft, self.intent.pools, self._pool, everyone)
        for router in routers:
            if there := found.get(router.path):
                gateway = self.intent.tenants[router.tenant].routers[router.name].gateway if router.external else None
                outside = Outside(external=externals[router.external], gateway=gateway) if gateway else None
                compile_transit(draft, router, there, self._transit, outside)
        if behind := [router for router in routers if router.external and router.path in found]:
            compile_outside(draft, behind[0].path)

    def _way_out(self, draft: Draft, wanted: Shares, behind: Behind, leads: Iterable[Lead]) -> None:
        """What is shared of the links that lead out."""
        networks = tuple(self._all_networks())
        links = {name: external.link for name, external in behind.externals.items()}
        leading = Leading(behind.routers, links, self._transit, leads, networks, wanted.capacity_bps)
        compile_way_out(draft, WayOut(shares=wanted, networks=networks, leading=leading, places=self._places))

    def _securities(self, draft: Draft) -> None:
        """The tenants' filters without their ports."""
        members = {
            name: Member(name=name, former=place.former, tenant=tenant, groups=check_groups(draft, name, tenant))
            for (name, tenant), place in zip(self.intent.tenants.items(), self._tenants.values(), strict=True)
        }
        rank = {name: at for at, name in enumerate(members)}
        for name, networks in self._networks.items():
            visitors = {visitor for network in networks.values() for visitor in network.visitors}
            theirs = [members[visitor] for visitor in sorted(visitors & rank.keys(), key=rank.__getitem__)]
            compile_security(draft, members[name], theirs, [*networks.values()])

    def _filters(self, draft: Draft) -> None:
        """What no port and no router puts into the tenants' filters by itself."""
        compile_passages(draft, self._all_networks())
        found = (network.security for network in self._all_networks() if network.security is not None)
        securities = {id(security): security for security in found}.values()
        compile_prefixes(draft, securities, self._places.values())
        compile_recorder(draft, self.intent, (security.table.netns for security in securities))

    def _all_networks(self) -> Iterator[NetworkPlace]:
        for networks in self._networks.values():
            yield from networks.values()

    # ports

    def _ports(
        self, draft: Draft, intent: Intent, ports: Iterable[PortKey], held: Callable[[PortKey], Held | None]
    ) -> dict[PortKey, PortPlace]:
        """Put these ports: addresses for all of a network first, whosever they are, then their objects."""
        by_network: dict[int, list[Claimant]] = {}
        found: dict[int, NetworkPlace] = {}
        for name, of in groupby(ports, itemgetter(0)):
            for claimant in claimants(self._tenants[name], intent.tenants[name], [port for _, port in of], held):
                if (network := find_network(draft, intent, self._networks, claimant)) is not None:
                    found[id(network)] = network
                    by_network.setdefault(id(network), []).append(claimant)
        places: dict[PortKey, PortPlace] = {}
        for at, wanting in by_network.items():
            addresses = assign(draft, found[at], wanting)
            for claimant in wanting:
                place = place_port(draft, found[at], claimant, addresses[claimant.label])
                places[claimant.tenant.name, claimant.name] = place
                compile_port(draft, place)
        return places

    def _make(
        self, branch: Draft, intent: Intent, changed: Iterable[PortKey], gone: Mapping[PortKey, PortPlace]
    ) -> dict[PortKey, PortPlace]:
        def held(key: PortKey) -> Held | None:
            return gone[key].held if key in gone else self.facts.held.get(key)

        there = [(name, port) for name, port in changed if port in intent.tenants[name].ports]
        made = self._ports(branch, intent, there, held)
        check_port_quotas(branch, intent, dict.fromkeys(map(itemgetter(0), changed)))
        for network in {id(place.network): place.network for place in made.values()}.values():
            check_bridge_room(branch, network)
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

    def _touched(self, before: State, made: State) -> frozenset[Key]:
        """The keys of what was made anew; of what stands apart only those that differ, for of most nothing changes."""
        held = self._draft.state
        same = {key for key, obj in before.items() if key.table in _APART and held.get(key) == obj}
        return (frozenset(before) | frozenset(made)) - same

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


def compile(intent: Intent, facts: Facts, *, lenient: bool = False) -> Compiled:
    """The desired State of an intent on a machine. `lenient`: links of the host's that are not there, or otherwise than
    the intent takes them to be, are warnings; all of the state is as if they were.

    Raises: CompileError with every error found.
    """
    return Compiler(intent, facts, lenient=lenient).whole()


def planted(intent: Intent, facts: Facts, *, lenient: bool = False) -> Sequence[Planted]:
    """What queues where for whom, with the reasons. `lenient`: as `compile`. Raises: as that."""
    found: list[Planted] = []
    Compiler(intent, facts, found, lenient=lenient).whole()
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
            if not is_local_change(before, tenant, differing) or any(is_floating(tenant, port) for port in differing):
                return None
            changed += ((name, port) for port in differing)
    if any(asks_for_share(of, key) or _is_router_s(of, key) for of in (former, intent) for key in changed):
        return None
    return tuple(changed)


def _is_router_s(intent: Intent, key: PortKey) -> bool:
    """Whether a port is a router's interface: what the router is depends on it."""
    port = intent.tenants[key[0]].ports.get(key[1])
    return port is not None and port.attach.router


def _visitors(intent: Intent, tenant: Tenant) -> list[Tenant]:
    names = {visitor for visitors in visitors_of(tenant).values() for visitor in visitors}
    return [intent.tenants[name] for name in names if name in intent.tenants]


def _raise_errors(draft: Draft) -> None:
    errors = [finding for finding in draft.findings if finding.severity == "error"]
    if errors:
        raise CompileError(errors)
