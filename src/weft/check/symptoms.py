"""What the doctor is told of a machine, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from weft.facts import ForwardDrop

_NOTHING: Mapping[str, tuple[int, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptoms:
    """`permitted`: CAP_NET_ADMIN and CAP_SYS_ADMIN. `has_transit`: some scope has an uplink. `accepted`: (family,
    table) of firewalls in whose user chain weft's accept stands. `firewalls`: names of programs whose chains are there.
    `legacy_drop`: iptables' old interface drops what is forwarded. `forwarding`: of each family. `strict_links`: links
    with rp_filter 1. `usage`: name to (used, limit). `journals`: what waits for recovery and whether it is
    committed. `netns_shared`: None where /run/netns is no mount yet, which the first namespace makes it."""

    permitted: bool = True
    release: tuple[int, int] = (6, 1)
    features: frozenset[str] = frozenset()
    has_transit: bool = False
    forward_drops: tuple[ForwardDrop, ...] = ()
    accepted: frozenset[tuple[str, str]] = frozenset()
    firewalls: tuple[str, ...] = ()
    legacy_drop: bool = False
    forwarding: Mapping[int, bool] = field(default_factory=lambda: MappingProxyType({}))
    egress_links: tuple[str, ...] = ()
    strict_links: tuple[str, ...] = ()
    usage: Mapping[str, tuple[int, int]] = field(default_factory=lambda: _NOTHING)
    journals: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    netns_shared: bool | None = None
