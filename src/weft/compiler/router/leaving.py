"""By which router what an address of a port sends leads out. Pure.

Rules: an uplink's router is its network's way out. Else the declared router that is the subnet's gateway goes before
those that have another address there; of several of one sort nobody knows which one the port takes, so it is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weft.compiler.addressing import Assigned
from weft.compiler.network import NetworkPlace
from weft.compiler.place import PortPlace
from weft.compiler.router.place import RouterPlace


class Leaving:
    """The routers that lead out, by the networks that they are on."""

    __slots__ = ("_declared", "_uplinks")

    def __init__(self, routers: Iterable[RouterPlace]) -> None:
        self._uplinks: dict[int, RouterPlace] = {}
        self._declared: dict[int, list[RouterPlace]] = {}
        for router in routers:
            for network in router.networks if router.transit else ():
                if router.uplink is not None:
                    self._uplinks[id(network)] = router
                else:
                    self._declared.setdefault(id(network), []).append(router)

    def declared(self, network: NetworkPlace) -> Sequence[RouterPlace]:
        """The declared routers that lead a network out."""
        return self._declared.get(id(network), ())

    def ways(self, place: PortPlace) -> list[tuple[RouterPlace, str]]:
        """The port's addresses that lead out, each with the router."""
        pairs = ((self._way(place.network, one), one.address) for one in place.addresses)
        return [(router, address) for router, address in pairs if router is not None]

    def _way(self, network: NetworkPlace, assigned: Assigned) -> RouterPlace | None:
        family = assigned.pool.family
        if network.uplink is not None:
            uplink = self._uplinks.get(id(network))
            return uplink if uplink is not None and family in uplink.out else None
        near = [(one, one.gates(assigned)) for one in self.declared(network) if family in one.out]
        found = [one for one, gates in near if gates] or [one for one, gates in near if gates is not None]
        return found[0] if len(found) == 1 else None
