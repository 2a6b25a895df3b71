"""A port: a pair of links from its network's bridge to where the port is attached, with addresses and routes there.

Rules: what a port becomes depends on its own intent, its NetworkPlace and its addresses, on no other port: so one port
can be compiled alone. Both ends of its veth have one MTU, for a frame too long for the far end is dropped.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from weft.compiler.addressing import LINK_LOCAL, Span, had_by_none, number_of
from weft.compiler.assignment import Addresses, Claimant, called, port_id, port_mac
from weft.compiler.checks import check_host_port
from weft.compiler.draft import Draft
from weft.compiler.findings import Cause
from weft.compiler.groups import protect
from weft.compiler.macvtap import check_shared, compile_macvtap, has_own_mac
from weft.compiler.namespaces import stand_on
from weft.compiler.naming import short_id
from weft.compiler.network import NetworkPlace, TenantPlace, check_mtu
from weft.compiler.place import PortPlace, bridge_end, outer_ifname
from weft.compiler.qos.policy import Asked
from weft.compiler.qos.port import compile_port_qos
from weft.compiler.routing import DEFAULTS, compile_route, default_route, destination
from weft.compiler.settings import compile_sysctl, compile_tuning
from weft.compiler.tap import compile_tap
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import MAIN_TABLE
from weft.kinds.link.common import Link
from weft.kinds.link.veth import Veth
from weft.model.intent import Path, Port, RouteSpec
from weft.state import HOST

PIDFILE = "pidfile:"


def place_port(draft: Draft, network: NetworkPlace, claimant: Claimant, addresses: Addresses) -> PortPlace:
    """All that is derived for a port; it joins its network."""
    tenant, name, port, former, _ = claimant
    own_id = port_id(draft, claimant)
    place = PortPlace(
        network=network,
        tenant=tenant,
        name=name,
        former=former,
        port=port,
        path=claimant.path,
        id=own_id,
        short=short_id(own_id),
        mark=draft.names.mark(f"tenants/{tenant.name}/ports/{name}"),
        mac=port_mac(draft, claimant),
        mtu=port.mtu or network.mtu,
        addresses=addresses,
        qos=_qos(draft, network, tenant, port, (*claimant.path, "qos")),
    )
    place.join()
    return place


def _qos(draft: Draft, network: NetworkPlace, tenant: TenantPlace, port: Port, path: Path) -> Asked | None:
    """What holds for a port: what itself says, else what its network says of its ports, else its tenant."""
    if port.qos is not None:
        return tenant.policies.find(draft, port.qos, path, tenant.name)
    return network.port_qos if network.says_port_qos else tenant.port_qos


def compile_port(draft: Draft, place: PortPlace) -> None:
    """Put all objects of one port."""
    if not draft.identify(place.id, place.path):
        return
    _check_mtu(draft, place)
    _check_mac(draft, place)
    _check_pairs(draft, place)
    if place.network.shared is None:
        draft.need("veth", place.path, "load the kernel's veth module")
    attach = place.port.attach
    if attach.tap is not None:
        compile_tap(draft, place, attach.tap)
        compile_port_qos(draft, place)
    elif attach.macvtap is not None:
        compile_macvtap(draft, place, attach.macvtap)
    elif attach.router and (place.network.tenant, place.name) not in draft.router_ports:
        return  # its own error is found already
    elif attach.pidfile is not None and attach.pidfile not in draft.facts.pids:
        _leave_out(draft, place, attach.pidfile)
        return
    else:
        _compile_end(draft, place, _netns(draft, place))
    protect(draft, place)


def _check_mtu(draft: Draft, place: PortPlace) -> None:
    """Find an MTU that the network does not carry, or that its addresses cannot live with."""
    if place.port.mtu is None:
        return
    path = (*place.path, "mtu")
    if place.mtu > place.network.mtu:
        draft.error(
            path,
            f"an MTU of {place.mtu} is above the {place.network.mtu} of network {place.network.name}",
            f"at most {place.network.mtu}, or a larger `mtu:` of the network",
        )
    check_mtu(draft, place.mtu, path, any(assigned.pool.family == 6 for assigned in place.addresses))


def _check_mac(draft: Draft, place: PortPlace) -> None:
    other = place.network.macs[place.mac]
    if other != place.label:
        draft.error(
            (*place.path, "mac"),
            f"{place.mac} is the MAC of port {called(other, place.tenant.name)} on the same network",
            "another one, or leave `mac` out to have one derived",
        )


def _check_pairs(draft: Draft, place: PortPlace) -> None:
    """Find what nobody speaks as: under 0.0.0.0 a port could ask for everybody's address; and pairs of a port that may
    speak as anybody, as OpenStack Networking refuses them."""
    port, path = place.port, (*place.path, "allowed_address_pairs")
    if port.allowed_address_pairs and not port.port_security and not port.attach.router:
        draft.error(path, "a port without port_security may speak as anybody already", "take out one of the two")
    for at, pair in enumerate(port.allowed_address_pairs):
        if wrong := had_by_none(Span.of(pair.ip)):
            draft.error((*path, str(at), "ip"), wrong, "an address that a host can have, or a prefix")


def _netns(draft: Draft, place: PortPlace) -> str:
    """The label of the namespace that the port ends in; puts it where weft is to make it."""
    attach, path = place.port.attach, place.path
    if attach.router:
        return draft.router_ports.get((place.network.tenant, place.name), "")
    if attach.netns is not None:
        return stand_on(draft, attach.netns, path, (*path, "attach"))
    if attach.pidfile is None:
        check_host_port(draft, place)
        return HOST
    return PIDFILE + attach.pidfile


def _leave_out(draft: Draft, place: PortPlace, pidfile: str) -> None:
    """Nothing of a port whose process has ended, or is yet to start: all others go on, and it is missing until then."""
    what = f"no running process is named by {pidfile}: the port is left out"
    fix = "start it and apply again, or attach the port to a netns"
    draft.warn((*place.path, "attach"), what, fix, Cause.MACHINE)


def _compile_end(draft: Draft, place: PortPlace, netns: str) -> None:
    ifname, altnames = outer_ifname(draft, place, place.port.attach.ifname, place.bridge_ifname)
    path, shared = place.path, place.network.shared
    if shared is None:
        draft.link(bridge_end(place, netns, ifname), path)
    else:
        check_shared(draft, place, shared)
    end = _outer(place, netns, ifname, altnames)
    draft.link(end, path)
    compile_port_qos(draft, place, None if shared is None else end)
    compile_tuning(draft, end.key, place.port.tuning, path)
    for assigned in place.addresses:
        nodad = True if assigned.pool.family == 6 else None
        draft.put(Address(netns=netns, ifname=ifname, cidr=assigned.cidr, nodad=nodad), path)
    if any(pool.ra for pool in place.network.pools) and not place.port.attach.router:
        # Its addresses and routes are weft's: what the network's routers advertise is for guests.
        compile_sysctl(draft, netns, f"net/ipv6/conf/{ifname}/accept_ra", "0", path)
    if netns != HOST and not place.port.attach.router:
        _default_routes(draft, place, netns, ifname)
    for at, spec in enumerate(place.port.routes):
        route_path = (*path, "routes", str(at))
        _check_next_hop(draft, place, spec, ifname, route_path)
        compile_route(draft, netns, spec, route_path, lambda _: ifname)


def _outer(place: PortPlace, netns: str, ifname: str, altnames: tuple[str, ...]) -> Link:
    """The port's outer link: a veth's other end, or of the kind that its network shares."""
    shared = place.network.shared
    said: dict[str, Any] = {
        "netns": netns,
        "ifname": ifname,
        "alias": place.alias,
        "mac": place.mac if shared is None or has_own_mac(shared) else None,
        "mtu": place.mtu,
        "up": True,
        "altnames": altnames,
    }
    if shared is not None:
        return replace(shared, **said)
    return Veth(**said, peer_netns=place.network.netns, peer_ifname=place.bridge_ifname)


def _default_routes(draft: Draft, place: PortPlace, netns: str, ifname: str) -> None:
    """One for each family, by the first subnet with a gateway, unless the port is that gateway or has its own."""
    done = {destination(spec) for spec in place.port.routes if spec.table == MAIN_TABLE}
    for pool, _, number in place.addresses:
        dst = DEFAULTS[pool.family]
        if pool.gateway is None or dst in done:
            continue
        done.add(dst)
        if number != pool.gateway:
            draft.put(default_route(netns, ifname, pool.gateway_text, pool.family), place.path)


def _check_next_hop(draft: Draft, place: PortPlace, spec: RouteSpec, ifname: str, path: Path) -> None:
    """The kernel refuses a next hop that no address of the link reaches. Source: net/ipv4/fib_semantics.c."""
    if spec.via is None or spec.onlink or spec.dev not in (None, ifname):
        return
    family, number = number_of(spec.via)
    if not LINK_LOCAL.covers(family, number) and not any(
        assigned.pool.spans(family, number) for assigned in place.addresses
    ):
        draft.error(
            path,
            f"{spec.via} is in no subnet that the port has an address in",
            "a next hop on its network, or `onlink: true`",
        )
