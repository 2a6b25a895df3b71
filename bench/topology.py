"""What the cases build, as data that both sides are written from: weft's file, and the reference script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import groupby


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """An IPv4 network with NAT. The gateway has its lowest address."""

    name: str
    cidr: IPv4Network

    @property
    def gateway(self) -> IPv4Address:
        return self.cidr[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """`netns` None is the host. `address` is what weft gives when the file is silent: the lowest free."""

    name: str
    network: Network
    address: IPv4Address
    netns: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """One tenant's networks and ports in one scope."""

    scope: str
    tenant: str
    networks: tuple[Network, ...]
    ports: tuple[Port, ...]

    def file(self) -> str:
        """The file a user of weft would write for it, with ranges for ports that are numbered."""
        return "\n".join(["weft: 1", f"name: {self.scope}", "tenants:", f"  {self.tenant}:", *self._tenant()]) + "\n"

    def _tenant(self) -> Iterator[str]:
        yield "    networks:"
        for network in self.networks:
            yield f"      {network.name}: {{subnets: [{network.cidr}], uplink: nat}}"
        yield "    ports:"
        for series, ports in groupby(self.ports, key=lambda port: port.name.rstrip("0123456789")):
            held = list(ports)
            attach = "host" if held[0].netns is None else '{netns: "{name}"}'
            numbers = [int(port.name.removeprefix(series)) for port in held]
            yield f'      "{series}[{numbers[0]}-{numbers[-1]}]": {{network: {held[0].network.name}, attach: {attach}}}'


def host_ports(count: int, *, bridges: int = 4) -> Topology:
    """`count` ports, spread over bridges with NAT, their other ends on the host."""
    return _topology(count, bridges, own_namespace=False)


def namespace_ports(count: int, *, bridges: int = 4) -> Topology:
    """`count` ports, spread over bridges with NAT, each in a namespace of its own."""
    return _topology(count, bridges, own_namespace=True)


def with_another_port(topology: Topology) -> Topology:
    """The same with one port more, on the last network."""
    last = topology.ports[-1]
    series = last.name.rstrip("0123456789")
    name = f"{series}{int(last.name.removeprefix(series)) + 1}"
    netns = None if last.netns is None else name
    more = Port(name=name, network=last.network, address=last.address + 1, netns=netns)
    return Topology(
        scope=topology.scope, tenant=topology.tenant, networks=topology.networks, ports=(*topology.ports, more)
    )


def _topology(count: int, bridges: int, *, own_namespace: bool) -> Topology:
    networks = [Network(name=f"net{i}", cidr=IPv4Network(f"10.{i + 1}.0.0/16")) for i in range(bridges)]
    shares = [count // bridges + (i < count % bridges) for i in range(bridges)]
    ports = (port for network, share in zip(networks, shares, strict=True) for port in _ports(network, share))
    return Topology(
        scope="bench",
        tenant="load",
        networks=tuple(networks),
        ports=tuple(_in_namespaces(ports) if own_namespace else ports),
    )


def _ports(network: Network, count: int) -> Iterator[Port]:
    series = f"p{network.name.removeprefix('net')}-"
    for number in range(1, count + 1):
        yield Port(name=f"{series}{number}", network=network, address=network.cidr[number + 1], netns=None)


def _in_namespaces(ports: Iterable[Port]) -> Iterator[Port]:
    for port in ports:
        yield Port(name=port.name, network=port.network, address=port.address, netns=port.name)
