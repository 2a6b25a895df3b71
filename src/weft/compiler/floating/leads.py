"""Where each floating IP leads: to which addresses of which ports, by which router; and what is wrong with it.

Rules: all that is wrong is found, each at its own key. What is wrong is left out of what is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from weft.compiler.addressing import Assigned, number_of
from weft.compiler.draft import Draft
from weft.compiler.floating.claims import floating_path
from weft.compiler.groups.checks import no_such
from weft.compiler.place import PortPlace
from weft.compiler.router.external import ExternalPlace
from weft.compiler.router.place import RouterPlace
from weft.model.floating import FloatingIp, Forward
from weft.model.intent import Intent, Path
from weft.model.security import PROTOCOL_NAMES
from weft.model.sharing import PortKey
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What floating IPs may lead to: routers, and ports with their addresses."""

    intent: Intent
    externals: Mapping[str, ExternalPlace]
    routers: Sequence[RouterPlace]
    places: Mapping[PortKey, PortPlace]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What comes for some ports of an address, or for all of it: `forward` None. `fixed`: the address it goes to."""

    fixed: str
    path: Path
    forward: Forward | None = None

    @property
    def word(self) -> str:
        """The protocol, by nft's name."""
        return PROTOCOL_NAMES[self.forward.protocol] if self.forward else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A floating IP with all that was found for it."""

    address: str
    family: int
    external: ExternalPlace
    router: RouterPlace
    path: Path
    ways: tuple[Way, ...]


def leads(draft: Draft, behind: Behind, had: Iterable[tuple[str, str]]) -> Iterator[Lead]:
    """Of the floating IPs that their tenants have got."""
    routers: dict[tuple[str, int], list[RouterPlace]] = {}
    for router in behind.routers:
        for network in router.networks:
            routers.setdefault((router.external, id(network)), []).append(router)
    for tenant, address in had:
        held = behind.intent.tenants[tenant].floating_ips[address]
        found = _Leading(draft, behind, routers, tenant, address, held).lead()
        if found is not None:
            yield found


class _Leading:
    """One floating IP. `routers`: by external network, and by the network that they join to it."""

    def __init__(
        self,
        draft: Draft,
        behind: Behind,
        routers: Mapping[tuple[str, int], Sequence[RouterPlace]],
        tenant: str,
        address: str,
        held: FloatingIp,
    ) -> None:
        self._draft, self._behind, self._routers = draft, behind, routers
        self._tenant, self._address, self._held = tenant, address, held
        self._path = floating_path(tenant, address)
        self._external = behind.externals[held.network]
        self._family, _ = number_of(address)

    def lead(self) -> Lead | None:
        """None where it leads nowhere, or anything of it is wrong."""
        found = list(self._ways())
        self._check_apart()
        if not found or len(found) != (len(self._held.forward) or 1):
            return None
        routers = {id(router): router for _, router in found}
        if len(routers) > 1:
            names = " and ".join(f"{router.tenant}/{router.name}" for router in routers.values())
            self._draft.error(self._path, f"its ports are behind routers {names}", "an address leads to one router")
            return None
        (router,) = routers.values()
        return Lead(
            address=self._address,
            family=self._family,
            external=self._external,
            router=router,
            path=self._path,
            ways=tuple(way for way, _ in found),
        )

    def _ways(self) -> Iterator[tuple[Way, RouterPlace]]:
        held = self._held
        if held.port is not None:
            target = self._target(self._path, held.port, held.fixed_address)
            if target is not None:
                yield Way(fixed=target[0].address, path=self._path), target[1]
        for at, forward in enumerate(held.forward):
            path = (*self._path, "forward", str(at))
            target = self._target(path, forward.port, forward.fixed_address)
            if target is not None:
                yield Way(fixed=target[0].address, path=path, forward=forward), target[1]

    def _target(self, path: Path, port: str, fixed: str | None) -> tuple[Assigned, RouterPlace] | None:
        place = self._behind.places.get((self._tenant, port))
        if place is None:
            ports = self._behind.intent.tenants[self._tenant].ports
            if port not in ports:  # else its own error is found already
                no_such(self._draft, (*path, "port"), "port", port, ports)
            return None
        assigned = self._fixed(path, place, fixed)
        router = self._router(path, place, assigned) if assigned else None
        return (assigned, router) if assigned and router else None

    def _fixed(self, path: Path, place: PortPlace, fixed: str | None) -> Assigned | None:
        """Which of the port's addresses."""
        own = [one for one in place.addresses if one.pool.family == self._family]
        words = ", ".join(one.address for one in own)
        if fixed is not None:
            found = next((one for one in own if one.address == fixed), None)
            if found is None:
                what = f"port {place.name} has no IPv{self._family} address {fixed}"
                self._draft.error((*path, "fixed_address"), what, f"it has {words or 'none of the family'}")
            return found
        if len(own) == 1:
            return own[0]
        if own:
            what = f"port {place.name} has {words}: which of them is not said"
            self._draft.error((*path, "port"), what, f"fixed_address: {own[0].address}")
        else:
            what = f"port {place.name} has no IPv{self._family} address"
            self._draft.error((*path, "port"), what, f"a subnet of the family in network {place.network.name}")
        return None

    def _router(self, path: Path, place: PortPlace, assigned: Assigned) -> RouterPlace | None:
        """By which answers of the port come."""
        routers = self._routers.get((self._external.name, id(place.network)), ())
        near = {one.path: (one, gates) for one in routers if (gates := one.gates(assigned)) is not None}
        first = [router for router, is_gateway in near.values() if is_gateway]
        found = first or [router for router, _ in near.values()]
        if len(found) == 1:
            return found[0]
        owner, name = place.network.tenant, place.network.name
        if found:
            names = " and ".join(router.name for router in found)
            what = f"routers {names} join network {name} to {self._external.name}, and none is its gateway"
            self._draft.error((*path, "port"), what, "let one of them have the gateway's address there")
        else:
            said, where = (f"{owner}/{name}", f"in tenant {owner}, ") if place.is_visitor else (name, "")
            what = f"no router joins network {said} to external network {self._external.name}"
            fix = f"{where}routers: {{NAME: {{interfaces: [{name}], gateway: {self._external.name}}}}}"
            self._draft.error((*path, "port"), what, fix)
        return None

    def _check_apart(self) -> None:
        """No two forwards of one protocol and port."""
        ranges = sorted((one.protocol, low, high) for one in self._held.forward for low, high in one.ports)
        if all(one[0] != other[0] or one[2] < other[1] for one, other in pairwise(ranges)):
            return
        taken: list[tuple[int, int, int, int]] = []
        for at, forward in enumerate(self._held.forward):
            path = (*self._path, "forward", str(at), "ports")
            for low, high in forward.ports:
                other = next(
                    (one for one in taken if one[0] == forward.protocol and one[1] <= high and low <= one[2]), None
                )
                if other is not None:
                    shared = _range(max(low, other[1]), min(high, other[2]))
                    of = "here" if other[3] == at else f"by forward {other[3]}"
                    what = f"{PROTOCOL_NAMES[forward.protocol]} {shared} of {self._address} is forwarded {of} already"
                    self._draft.error(path, what, "each port leads to one place")
                taken.append((forward.protocol, low, high, at))


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"
