"""The reference: what an expert who knew the topology would type, as one shell script.

Rules: docs/topology.md is the only source. As few processes as the tools allow: one `ip -batch` for each namespace,
one `nft -f` for each ruleset, settings written by the shell; every object in as few lines as ip(8) takes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from bench import names
from bench.guard import guard
from bench.topology import Network, Port, Topology

HOST = ""
POOL = IPv4Address("198.18.0.0")
PROTOCOL = 119
_BRIDGE = "type bridge stp_state 0 forward_delay 0"


@dataclass
class Steps:
    """What is to be done, in this order: the namespaces, the settings by namespace, lines for `ip -batch` by
    namespace, rules for `nft -f` by namespace."""

    netns: list[str] = field(default_factory=list)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    ip: dict[str, list[str]] = field(default_factory=dict)
    nft: dict[str, list[str]] = field(default_factory=dict)

    def make(self, netns: str, mark: str) -> None:
        self.netns.append(netns)
        self.add(netns, f"link set lo alias {mark} up")

    def set(self, netns: str, **settings: str) -> None:
        self.settings.setdefault(netns, {}).update(settings)

    def add(self, netns: str, *lines: str) -> None:
        self.ip.setdefault(netns, []).extend(lines)

    def rules(self, netns: str, *lines: str) -> None:
        self.nft.setdefault(netns, []).extend(lines)


@dataclass(frozen=True, slots=True)
class Author:
    """Writes the steps of one topology."""

    topology: Topology
    steps: Steps = field(default_factory=Steps)

    def write(self) -> Steps:
        self.steps.add(HOST)  # the host's batch runs first: it makes veths with ends elsewhere
        self.tenant()
        for number, network in enumerate(self.topology.networks):
            self.network(network)
            self.uplink(network, POOL + number + 1)
        self.host_rules()
        for port in self.topology.ports:
            self.port(port)
        self.guards()
        return self.steps

    @property
    def tenant_netns(self) -> str:
        return f"weft.{self.topology.scope}.{self.topology.tenant}"

    def path(self, *parts: str) -> str:
        return "/".join(["tenants", self.topology.tenant, *parts])

    def ident(self, *parts: str) -> str:
        return names.identity(self.topology.scope, self.path(*parts))

    def mark(self, *parts: str) -> str:
        return names.mark(self.topology.scope, self.path(*parts))

    def tenant(self) -> None:
        self.steps.make(self.tenant_netns, self.mark())
        self.steps.set(
            self.tenant_netns, **{"net/ipv6/conf/all/disable_ipv6": "1", "net/ipv6/conf/default/disable_ipv6": "1"}
        )
        for table in ("iptables", "ip6tables", "arptables"):
            self.steps.set(self.tenant_netns, **{f"net/bridge/bridge-nf-call-{table}": "0"})

    def bridge(self, network: Network) -> str:
        return names.ifname("wb", self.ident("networks", network.name))

    def network(self, network: Network) -> None:
        bridge, ident = self.bridge(network), self.ident("networks", network.name)
        self.steps.add(
            self.tenant_netns,
            f"link add {bridge} address {names.mac(ident, 'bridge')} mtu 1500 up {_BRIDGE}",
            f"link set {bridge} alias {self.mark('networks', network.name)}",
            f"link property add dev {bridge} altname {network.name}",
        )

    def uplink(self, network: Network, pool: IPv4Address) -> None:
        """The router, its leg on the bridge and its transit to the host, with NAT."""
        router = f"{self.tenant_netns}.{network.name}"
        self.steps.make(router, self.mark("routers", network.name))
        self.steps.set(router, **{"net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1"})
        self.steps.set(router, **{"net/ipv6/conf/default/accept_dad": "0"})
        self._leg(router, network)
        self._transit(router, network, pool)
        table = f"weft-{self.topology.scope}"
        self.steps.rules(
            router,
            f"add table inet {table}",
            f"add chain inet {table} postrouting {{ type nat hook postrouting priority 100; policy accept; }}",
            f'add rule inet {table} postrouting ip saddr {network.cidr} oifname "uplink" snat ip to {pool}',
        )

    def _leg(self, router: str, network: Network) -> None:
        ident, mark = self.ident("routers", network.name), self.mark("routers", network.name)
        leg, inner = names.ifname("wr", ident), network.name
        self.steps.add(
            self.tenant_netns,
            f"link add {leg} address {names.mac(ident, 'leg')} mtu 1500 master {self.bridge(network)} up "
            f"type veth peer name {inner} address {names.mac(ident, 'leg-peer')} mtu 1500 netns {router}",
            f"link set {leg} alias {mark}",
            f"link property add dev {leg} altname router-{network.name}",
        )
        self.steps.add(
            router,
            f"link set {inner} alias {mark} up",
            f"addr add {network.gateway}/{network.cidr.prefixlen} dev {inner}",
        )

    def _transit(self, router: str, network: Network, pool: IPv4Address) -> None:
        ident, mark = self.ident("routers", network.name), self.mark("routers", network.name)
        link = names.ifname("wu", ident)
        self.steps.add(
            HOST,
            f"link add {link} address {names.mac(ident, 'transit')} mtu 1500 up "
            f"type veth peer name uplink address {names.mac(ident, 'transit-peer')} mtu 1500 netns {router}",
            f"link set {link} alias {mark}",
            f"link property add dev {link} altname {self.topology.scope}.{self.topology.tenant}.{network.name}",
            f"addr add fe80::1/64 dev {link} nodad",
            f"route add {pool} via inet6 fe80::2 dev {link} proto {PROTOCOL}",
        )
        self.steps.add(
            router,
            f"link set uplink alias {mark} up",
            "addr add fe80::2/64 dev uplink nodad",
            f"addr add {pool}/32 dev uplink",
            f"route add 0.0.0.0/0 via inet6 fe80::1 dev uplink proto {PROTOCOL}",
            f"route add ::/0 via fe80::1 dev uplink proto {PROTOCOL}",
        )

    def host_rules(self) -> None:
        self.steps.set(HOST, **{"net/ipv4/ip_forward": "1"})
        table = f"inet weft-{self.topology.scope}"
        networks = self.topology.networks
        pool = ", ".join(str(POOL + number + 1) for number in range(len(networks)))
        links = ", ".join(f'"{names.ifname("wu", self.ident("routers", network.name))}"' for network in networks)
        self.steps.rules(
            HOST,
            f"add table {table}",
            f"add set {table} pool4 {{ type ipv4_addr; elements = {{ {pool} }}; }}",
            f"add set {table} pool6 {{ type ipv6_addr; }}",
            f"add set {table} transit {{ type ifname; elements = {{ {links} }}; }}",
            f"add chain {table} postrouting {{ type nat hook postrouting priority 100; policy accept; }}",
            f"add rule {table} postrouting ip saddr @pool4 oifname != @transit masquerade",
            f"add rule {table} postrouting ip6 saddr @pool6 oifname != @transit masquerade",
        )

    def guards(self) -> None:
        legs = [names.ifname("wr", self.ident("routers", network.name)) for network in self.topology.networks]
        idents = {self.ident("ports", port.name): port for port in self.topology.ports}
        ports = [
            (names.ifname("wp", ident), names.mac(ident, "end"), str(port.address)) for ident, port in idents.items()
        ]
        self.steps.rules(self.tenant_netns, *guard(self.topology.scope, self.topology.tenant, legs, ports))

    def port(self, port: Port) -> None:
        ident, mark = self.ident("ports", port.name), self.mark("ports", port.name)
        link, bridge = names.ifname("wp", ident), self.bridge(port.network)
        outer = f"{link} address {names.mac(ident, 'port')} mtu 1500"
        inner = f"{port.name} address {names.mac(ident, 'end')} mtu 1500"
        if port.netns is None:
            self.steps.add(HOST, f"link add {inner} up type veth peer name {outer} netns {self.tenant_netns}")
            self.steps.add(self.tenant_netns, f"link set {link} alias {mark} master {bridge} up")
        else:
            self.steps.make(port.netns, names.mark(self.topology.scope, f"namespaces/{port.netns}"))
            made = f"link add {outer} master {bridge} up type veth peer name {inner} netns {port.netns}"
            self.steps.add(self.tenant_netns, made, f"link set {link} alias {mark}")
        self.steps.add(self.tenant_netns, f"link property add dev {link} altname {port.name}")
        self._end(port, mark)

    def _end(self, port: Port, mark: str) -> None:
        netns = port.netns or HOST
        self.steps.add(
            netns,
            f"link set {port.name} alias {mark} up",
            f"addr add {port.address}/{port.network.cidr.prefixlen} dev {port.name}",
        )
        if port.netns is not None:
            self.steps.add(netns, f"route add default via {port.network.gateway} dev {port.name} proto {PROTOCOL}")


def steps_of(topology: Topology) -> Steps:
    """All that makes the topology on an empty host."""
    return Author(topology).write()


def write(steps: Steps, folder: Path) -> Path:
    """Write batches, rulesets and the shell script that runs them into `folder`. Returns the script."""
    batches = {HOST: [f"netns add {name}" for name in steps.netns]}
    lines = ["set -e", f"cd {shlex.quote(str(folder))}", _batch(folder, "netns", HOST, batches[HOST])]
    lines += list(_settings(steps))
    lines += [_batch(folder, f"ip{number}", *batch) for number, batch in enumerate(steps.ip.items())]
    for number, (netns, rules) in enumerate(steps.nft.items()):
        (folder / f"nft{number}").write_text("\n".join(rules) + "\n")
        lines.append(f"{enter(netns)}nft -f nft{number}")
    return _script(folder / "apply.sh", lines)


def write_single_steps(steps: Steps, folder: Path) -> Path:
    """The same as a script that starts `ip` for every line: how most such scripts are written."""
    lines = ["set -e", *(f"ip netns add {name}" for name in steps.netns), *_settings(steps)]
    lines += [f"ip {_netns(netns)}{line}" for netns, batch in steps.ip.items() for line in batch]
    lines += [f"{enter(netns)}nft {shlex.quote(rule)}" for netns, rules in steps.nft.items() for rule in rules]
    return _script(folder / "single.sh", lines)


def enter(netns: str) -> str:
    return f"nsenter --net=/run/netns/{netns} " if netns else ""


def _netns(netns: str) -> str:
    return f"-n {netns} " if netns else ""


def _batch(folder: Path, name: str, netns: str, lines: list[str]) -> str:
    (folder / name).write_text("\n".join(lines) + "\n")
    return f"ip {_netns(netns)}-batch {name}"


def _settings(steps: Steps) -> Iterator[str]:
    for netns, settings in steps.settings.items():
        writes = "; ".join(f"echo {value} >/proc/sys/{name}" for name, value in settings.items())
        yield f"{enter(netns)}sh -c {shlex.quote(writes)}" if netns else writes


def _script(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path
