"""What the doctor is told of a machine, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any

from weft.check.block import Block
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.records import dataclass

_NONE: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """An intent that needs a kernel feature, or a program of somebody else's by the same field. `instead`: what would
    do without it, or does where the need is not `strict`. `where`: file:line:column."""

    feature: str
    where: str
    instead: str
    strict: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """What intents have other machines send to this one: at a port of UDP, from `remotes` (none: from anybody), to
    `local` ("" for whatever address they are answered from). `where`: file:line:column."""

    port: int
    remotes: tuple[str, ...] = ()
    local: str = ""
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptoms:
    """`permitted`: CAP_NET_ADMIN and CAP_SYS_ADMIN. `needs`, `subnets` (place to prefix): of the intents that are
    applied, or in the directory.

    Links of the host: `links` all names, `own_links` weft's, to their kinds, `properties` what udev says of these,
    `transit_links` those to routers, `egress_links` those of default routes, `host_bridges` those with ports of weft's.

    Firewalls: `chains`: names of (family, table, chain); `passes`: base chains on the way of what is forwarded, weft's
    own left out; `blocked`: those of them that drop what weft forwards; `shut`: base chains that drop what
    comes to a tunnel, with the remotes that it drops.

    Routing: `rules` and `routes` of the host; `forwarding` of each family; `still_links`: family to the links that do
    not forward though the host does; `strict_links`: egress links with rp_filter 1.

    `programs`: those of others that weft may need and that are here. `services`: programs that are at work here.
    `configs`: path to text, for those that are. `bridge_calls`: the host's bridge-nf-call-iptables. `usage`: name to
    (used, limit). `journals`: what waits for recovery and whether it is committed. `netns_shared`: None where
    /run/netns is no mount yet, which the first namespace makes it."""

    permitted: bool = True
    release: tuple[int, int] = (6, 1)
    features: frozenset[str] = frozenset()
    needs: tuple[Need, ...] = ()
    subnets: Mapping[str, str] = field(default_factory=lambda: _NONE)

    links: frozenset[str] = frozenset()
    own_links: Mapping[str, str] = field(default_factory=lambda: _NONE)
    properties: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: _NONE)
    transit_links: tuple[str, ...] = ()
    egress_links: tuple[str, ...] = ()
    host_bridges: tuple[str, ...] = ()

    chains: frozenset[tuple[str, str, str]] = frozenset()
    passes: tuple[str, ...] = ()
    blocked: tuple[Block, ...] = ()
    shut: tuple[tuple[Block, Tunnel], ...] = ()

    rules: tuple[Rule, ...] = ()
    routes: tuple[Route, ...] = ()
    forwarding: Mapping[int, bool] = field(default_factory=lambda: _NONE)
    still_links: Mapping[int, tuple[str, ...]] = field(default_factory=lambda: _NONE)
    strict_links: tuple[str, ...] = ()

    programs: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    configs: Mapping[str, str] = field(default_factory=lambda: _NONE)
    bridge_calls: bool = False
    usage: Mapping[str, tuple[int, int]] = field(default_factory=lambda: _NONE)
    journals: Mapping[str, bool] = field(default_factory=lambda: _NONE)
    netns_shared: bool | None = None

    @property
    def looked_at(self) -> Mapping[str, str]:
        """Weft's links to their kinds; where there is none yet, one as weft would name it."""
        return self.own_links or {"wu" + 12 * "0": "veth"}

    @property
    def has_transit(self) -> bool:
        """Whether some scope has an uplink now."""
        return bool(self.transit_links)
