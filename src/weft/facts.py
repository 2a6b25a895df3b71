"""All that the compiler may know of the world. Gathered by `probe` and `observe`, stated in goldens as facts.yaml.

Rules: pure data, cheap to compare and to digest; anything that decides the desired State and is not in the intent
is a field here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any

from weft.records import dataclass

_NONE: Mapping[Any, Any] = MappingProxyType({})

FEATURES: Mapping[str, str] = MappingProxyType(
    {
        "veth": "pairs of links: every port",
        "bridge": "software bridges: every network",
        "dummy": "links that only hold addresses",
        "bridge_vlan": "bridges that keep VLANs apart",
        "vlan": "VLANs of links, 802.1Q and 802.1ad",
        "vxlan": "VXLANs: Ethernet over UDP, among many machines",
        "geneve": "Geneve tunnels: Ethernet over UDP, between two machines",
        "gre": "GRE tunnels over IPv4",
        "gretap": "Ethernet in GRE over IPv4",
        "ip6gre": "GRE tunnels over IPv6",
        "ip6gretap": "Ethernet in GRE over IPv6",
        "ipip": "IPv4 in IPv4",
        "sit": "IPv6 in IPv4",
        "ip6tnl": "IPv4 or IPv6 in IPv6",
        "macvlan": "links with a MAC of their own upon another link",
        "macvtap": "macvlans with a device of their own, for virtual machines",
        "ipvlan": "links upon another link that share its MAC",
        "macsec": "links whose frames are encrypted in those of another link",
        "bond": "several links as one",
        "vrf": "domains of routing",
        "ifb": "links that what is redirected to them passes through",
        "tap": "/dev/net/tun: ports of virtual machines",
        "tun": "/dev/net/tun: links of packets, for VPNs",
        "ipv6": "IPv6 itself: the transit links of every uplink are addressed with it",
        "br_netfilter": "the switches net/bridge/bridge-nf-call-*",
        "nft_inet": "nftables, tables of both families",
        "nft_nat": "address translation in nftables: uplink nat",
        "nft_netdev": "nftables chains at a device: ports of virtual machines",
        "nft_fwd": "nftables' fwd: ports of virtual machines",
        "nft_bridge": "nftables in bridges: what a port may speak as, security groups",
        "nft_bridge_ct": "connections followed in bridges (nf_conntrack_bridge): stateful groups, else by br_netfilter",
        "nft_log": "lines of a log from nftables (nfnetlink_log): security groups that log, samples of drops",
        "nft_cgroup": "senders known by cgroup in nftables (v2, at /sys/fs/cgroup): classes of what services send",
        "nft_egress": "nftables chains at what a device sends: quality of service",
        "htb": "classes with guaranteed rates and ceilings: quality of service",
        "tbf": "rates for single queues, and large frames taken apart below 105 mbit/s",
        "fq_codel": "queues that stay short, fair among flows",
        "sfq": "queues that are fair among flows",
        "fq": "queues for senders that pace themselves",
        "cake": "queues that stay short, fair among hosts and flows",
        "netem": "delay, jitter and loss of lines for tests",
    }
)
"""The names that `Facts.features` may hold and what each is for; beside them `tcp_NAME` for each congestion control."""


PROGRAMS: Mapping[str, str] = MappingProxyType({"radvd": "router advertisements: `ra:` of a subnet"})
"""The names that `Facts.programs` may hold, which are those of their packages too, and what each is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignLink:
    """A link in the host's namespace that weft did not make. mtu in bytes. `altnames`: what else it is called, but
    not in a file. `absent`: it is not there, but thought of as if it were."""

    ifname: str
    link_kind: str = ""
    mtu: int = 1500
    master: str = ""
    addresses: tuple[str, ...] = ()
    altnames: tuple[str, ...] = ()
    absent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """What a link of the host's that gives its addresses to a network has, or had before: `value` as the link setting
    has it. `bars`: why some of it cannot be moved. `since`: what it has got since weft took the rest. `mac`: the
    link's."""

    value: str = ""
    bars: tuple[str, ...] = ()
    since: str = ""
    mac: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the kernel tells of how a link of the host's sends. `queues` that a root qdisc of the kernel's own serves
    one by one now, 1 where there is none such. `speed_bps` 0: not known."""

    mac: str = ""
    queues: int = 1
    speed_bps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardDrop:
    """A base chain at the forward hook, not weft's, that drops by default, or does drop what routers send; `user_chain`
    (family, table, chain) is where its owner invites rules, or None."""

    family: str
    table: str
    chain: str
    user_chain: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """What a file of a key holds: its length, and its id, a hash keyed by the host. `problem`: why it holds none."""

    length_bytes: int = 0
    key_id: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`features`: names of what this kernel has (FEATURES). `links`: the host's links that the scope did not make.
    `namespaces`: names under /run/netns that the scope does not own. `pids`: pidfile path to the id of a living
    process. `users`, `groups`: name to number. `held`: (tenant, port) to the addresses it has now, without prefix
    length. `pool_held`: (tenant, router, family) to the address it has outside now, of the pool or of an external
    network (the router of an uplink has its network's name); `transit_held`: (tenant, router, address of a port) to
    the pool address that is this port's alone; `pool_taken`: pool addresses of other scopes. `egress_links`: the links
    of the host's default routes; `ra_links`: those of them whose default route came by router advertisement. `limits`:
    sysctls that lint compares with the intent. `host_routes`: the prefixes of the host's routes that the scope did not
    make. `tcp_allowed`: the congestion controls that a namespace other than the machine's first may take, None where
    that is not known; `host_is_first`: so the host may take any. `key_files`: by path, of all that the intent names.
    `belongings`: by link, of those that segments take addresses of. `lines`: of the links whose capacity or policy the
    intent says. `cgroups`: those that the intent names and are there. `host_neighbours`: (link, address) of lasting
    entries on the host that the scope did not make. `rules_held`: (link that packets come in by, family) to the
    priority of the host's rule for it; `rules_taken`: (family, priority) of the host's rules that the scope did not
    make; `tables_taken`: the routing tables on the host that others use. `strict_links`: those of external networks
    that take only what the host would send back by them. `programs`: by name, the paths of those of others that the
    intent needs."""

    host_id: str
    features: frozenset[str] = frozenset()
    links: Mapping[str, ForeignLink] = field(default_factory=lambda: _NONE)
    namespaces: frozenset[str] = frozenset()
    pids: Mapping[str, int] = field(default_factory=lambda: _NONE)
    users: Mapping[str, int] = field(default_factory=lambda: _NONE)
    groups: Mapping[str, int] = field(default_factory=lambda: _NONE)
    held: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=lambda: _NONE)
    pool_held: Mapping[tuple[str, str, int], str] = field(default_factory=lambda: _NONE)
    transit_held: Mapping[tuple[str, str, str], str] = field(default_factory=lambda: _NONE)
    pool_taken: frozenset[str] = frozenset()
    egress_links: tuple[str, ...] = ()
    ra_links: tuple[str, ...] = ()
    forward_drops: tuple[ForwardDrop, ...] = ()
    limits: Mapping[str, int] = field(default_factory=lambda: _NONE)
    host_routes: tuple[str, ...] = ()
    tcp_allowed: frozenset[str] | None = None
    host_is_first: bool = False
    key_files: Mapping[str, KeyFile] = field(default_factory=lambda: _NONE)
    belongings: Mapping[str, Belongings] = field(default_factory=lambda: _NONE)
    lines: Mapping[str, Line] = field(default_factory=lambda: _NONE)
    host_neighbours: tuple[tuple[str, str], ...] = ()
    rules_held: Mapping[tuple[str, int], int] = field(default_factory=lambda: _NONE)
    rules_taken: frozenset[tuple[int, int]] = frozenset()
    tables_taken: frozenset[int] = frozenset()
    strict_links: frozenset[str] = frozenset()
    cgroups: frozenset[str] = frozenset()
    programs: Mapping[str, str] = field(default_factory=lambda: _NONE)
