"""Which networks lead out, and by what: as the file says it."""

from __future__ import annotations

from collections.abc import Iterator

from weft.model.intent import Intent, Path
from weft.model.router import Router, RouterGateway


def network_of(intent: Intent, port: Path) -> Path:
    """The path of the network that a port is on, maybe another tenant's."""
    _, tenant, _, name, *_ = port
    owner, _, network = intent.tenants[tenant].ports[name].network.rpartition("/")
    return ("tenants", owner or tenant, "networks", network)


def routers_of(intent: Intent, network: Path) -> Iterator[tuple[Path, Router]]:
    """The routers that stand on a network, each with its path."""
    _, tenant, _, name = network
    held = intent.tenants[tenant]
    for router, said in held.routers.items():
        for one in said.interfaces:
            port = held.ports.get(one.port) if one.port else None
            if name in (one.network, port.network if port is not None else None):
                yield ("tenants", tenant, "routers", router), said
                break


def ways_out(intent: Intent, network: Path) -> RouterGateway | None:
    """The first gateway that a router on the network has."""
    return next((router.gateway for _, router in routers_of(intent, network) if router.gateway is not None), None)
