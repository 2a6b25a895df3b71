"""Which of the host's links a port, a network, a tenant leads out by, and what the host knows a port by. Pure.

Rules: what goes by `uplink:` goes by the links of the host's default routes, which are found out later: HOSTS_OWN
stands for them. What a declared router leads out goes by its external network's link, whatever the host's own is. A
network with `segment:` leaves by the link that it stands on, too. Where a router leads out as well, that link counts
if the file says what it carries: else the router's way is the one that is meant.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from weft.compiler.floating.leads import Lead, Way
from weft.compiler.footing import Outlet
from weft.compiler.network import NetworkPlace
from weft.compiler.place import PortPlace
from weft.compiler.pools import TransitKey
from weft.compiler.router.leaving import Leaving
from weft.compiler.router.place import RouterPlace
from weft.model.intent import Path
from weft.model.security import PortRange
from weft.records import dataclass

HOSTS_OWN = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the host knows a port by behind a router: an address, or where ports of a floating IP lead to it, a range
    of them and the protocol, which is 0 for all."""

    router: RouterPlace
    address: str
    word: str = ""
    protocol: int = 0
    ports: PortRange = (0, 0)

    def __str__(self) -> str:
        low, high = self.ports
        there = f" {self.word} {low if low == high else f'{low}-{high}'}" if self.protocol else ""
        return f"{self.address}{there} of router {self.router.tenant}/{self.router.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Out:
    """Links that somebody leads out by: through routers, and as frames, by what a network stands on."""

    routed: frozenset[str] = frozenset()
    bridged: frozenset[str] = frozenset()

    @property
    def links(self) -> frozenset[str]:
        return self.routed | self.bridged


class Leading:
    """All that leads out."""

    __slots__ = (
        "_behind",
        "_fronts",
        "_known",
        "_leaving",
        "_links",
        "_of_tenants",
        "_standing",
        "_transit",
        "_ways",
        "routers",
    )

    def __init__(
        self,
        routers: Sequence[RouterPlace],
        links: Mapping[str, str],
        transit: Mapping[TransitKey, str],
        leads: Iterable[Lead],
        networks: Sequence[NetworkPlace] = (),
        known: Container[str] = (),
    ) -> None:
        """`links`: by external network; `transit`: pool addresses of ports, by their own; `leads`: of floating IPs;
        `networks`: all networks; `known`: the links of which the file says what they carry."""
        self.routers = routers
        self._known = known
        self._links, self._transit, self._leaving = links, transit, Leaving(routers)
        self._ways: dict[tuple[Path, str], list[tuple[str, Way]]] = {}
        for lead in leads:
            for way in lead.ways:
                self._ways.setdefault((lead.router.path, way.fixed), []).append((lead.address, way))
        self._of_tenants: dict[str, tuple[list[RouterPlace], list[NetworkPlace]]] = {}
        self._standing: dict[str, list[tuple[NetworkPlace, Outlet]]] = {}
        self._fronts: dict[str, str] = {}
        self._behind: dict[str, list[str]] = {}
        self._sort(networks)

    def of_port(self, place: PortPlace) -> Out:
        if place.network.uplink is not None:
            return self._out(frozenset({HOSTS_OWN}), [place.network])
        return self._out(self._by(router for router, _ in self._leaving.ways(place)), [place.network])

    def of_network(self, network: NetworkPlace) -> Out:
        by = frozenset({HOSTS_OWN}) if network.uplink is not None else self._by(self._leaving.declared(network))
        return self._out(by, [network])

    def of_tenant(self, tenant: str) -> Out:
        routers, networks = self._of_tenants.get(tenant, ((), ()))
        return self._out(self._by(routers), networks)

    def standing(self, link: str) -> Sequence[tuple[NetworkPlace, Outlet]]:
        """The networks whose frames leave by a link, each with how."""
        return self._standing.get(link, ())

    def front(self, link: str) -> str:
        """The bridge that networks stand on and that the link leads out of; the link itself where there is none."""
        return self._fronts.get(link, link)

    def behind(self, bridge: str) -> Sequence[str]:
        """The links that lead out of a bridge that networks stand on, sorted."""
        return self._behind.get(bridge, ())

    def crowded(self, network: NetworkPlace) -> RouterPlace | None:
        """A router that leads the network out along with others, so that the host cannot tell it from these."""
        return next((one for one in self._leaving.declared(network) if len(one.legs) > 1), None)

    def seen(self, place: PortPlace) -> Iterator[Seen]:
        """Its own addresses, or those that they are translated to, and floating IPs."""
        for router, address in self._leaving.ways(place):
            to = self._transit.get((router.tenant, router.name, address), address)
            yield Seen(router=router, address=to)
            for floating, way in self._ways.get((router.path, address), ()):
                if way.forward is None:
                    yield Seen(router=router, address=floating)
                    continue
                for ports in way.forward.ports:
                    protocol = way.forward.protocol
                    yield Seen(router=router, address=floating, word=way.word, protocol=protocol, ports=ports)

    def _sort(self, networks: Iterable[NetworkPlace]) -> None:
        for router in self.routers:
            if router.transit and router.legs:
                self._of_tenants.setdefault(router.tenant, ([], []))[0].append(router)
        for network in networks:
            self._of_tenants.setdefault(network.tenant, ([], []))[1].append(network)
            for outlet in _outlets(network):
                self._standing.setdefault(outlet.link, []).append((network, outlet))
                if network.footing is not None and network.footing.joined is not None and outlet.port == outlet.link:
                    self._fronts.setdefault(outlet.link, network.footing.joined.name)
        for link in sorted(self._fronts):
            self._behind.setdefault(self._fronts[link], []).append(link)

    def _out(self, routed: frozenset[str], networks: Iterable[NetworkPlace]) -> Out:
        below = {outlet.link for network in networks for outlet in _outlets(network)}
        return Out(routed=routed, bridged=frozenset(link for link in below if not routed or link in self._known))

    def _by(self, routers: Iterable[RouterPlace]) -> frozenset[str]:
        return frozenset(HOSTS_OWN if one.uplink is not None else self._links[one.external] for one in routers)


def _outlets(network: NetworkPlace) -> Sequence[Outlet]:
    return network.footing.outlets if network.footing is not None else ()
