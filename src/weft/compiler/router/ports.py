"""Ports that are interfaces of routers: `attach: router` at the port, `{port: NAME}` at the router.

Rules: such a port ends in the router, with its own addresses there, and speaks as everybody whom the router forwards
for: nothing of it is filtered. It is one router's.
"""

from __future__ import annotations

from dataclasses import replace

from weft.compiler.addressing import AddressPool, number_of
from weft.compiler.draft import Draft
from weft.compiler.naming import identity, plain_ifname, short_id
from weft.compiler.network import NetworkPlace
from weft.model.intent import Intent, Port
from weft.model.sharing import PortKey


def router_ports(draft: Draft, intent: Intent) -> dict[PortKey, str]:
    """The namespace of the router that each such port is an interface of."""
    found: dict[PortKey, str] = {}
    for tenant, held in intent.tenants.items():
        former = held.was or tenant
        for name, router in held.routers.items():
            netns = draft.names.router_netns(former, router.was or name)
            for at, interface in enumerate(router.interfaces):
                port = held.ports.get(interface.port or "")
                where = ("tenants", tenant, "routers", name, "interfaces", str(at))
                if interface.port is None or port is None:
                    continue
                if not port.attach.router:
                    what = f"port {interface.port} does not end in a router"
                    draft.error(where, what, "`attach: router` at the port")
                elif (tenant, interface.port) in found:
                    what = f"port {interface.port} is an interface of a router already"
                    draft.error(where, what, "a port of its own: a port ends in one place")
                else:
                    found[tenant, interface.port] = netns
    _unnamed(draft, intent, found)
    return found


def _unnamed(draft: Draft, intent: Intent, found: dict[PortKey, str]) -> None:
    for tenant, held in intent.tenants.items():
        for name, port in held.ports.items():
            if port.attach.router and (tenant, name) not in found:
                path = ("tenants", tenant, "ports", name, "attach")
                fix = f"`{{port: {name}}}` among the interfaces of one"
                draft.error(path, "no router has this port as an interface", fix)


def trusted(port: Port) -> Port:
    """A router's port as the filter sees it."""
    return replace(port, port_security=False) if port.attach.router else port


def port_ifname(scope: str, network: NetworkPlace, former: str, port: Port) -> str:
    """Its name in the router: the same that compile_port gives it."""
    own_id = identity(scope, f"tenants/{network.former_tenant}/ports/{former}", port.id)
    return port.attach.ifname or (former if plain_ifname(former) else f"wp{short_id(own_id)}")


def subnets(network: NetworkPlace, port: Port) -> tuple[AddressPool, ...]:
    """The subnets that the port has an address of: those of the given, else all."""
    given = [number_of(address) for address in port.addresses]
    return tuple(pool for pool in network.pools if not given or any(pool.spans(*one) for one in given))
