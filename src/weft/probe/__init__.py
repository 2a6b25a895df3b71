"""Gathers the Facts: all that the compiler may know of the world.

Rules: reads only, but for features, which are tried in a throw-away namespace. What `observe` has read is not read
again: links, addresses, routes and elements are taken from the observed State.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from weft.backends import others
from weft.backends.carriers import Carrier
from weft.backends.former import FormerValues
from weft.backends.nft_dump import Chain
from weft.facts import Facts, ForwardDrop, Line
from weft.kinds.ip.route import Route
from weft.kinds.setting.belongings import Held
from weft.model.intent import Intent
from weft.probe import (
    accounts,
    belongings,
    cgroups,
    firewall,
    held,
    key_files,
    limits,
    links,
    programs,
    reverse_path,
)
from weft.probe.policy import Policy
from weft.probe.remembered import LINKS, PARTS, SETTINGS, features
from weft.reach.foreign import transit
from weft.state import HOST, Key, State


class _Links(Protocol):
    def namespaces(self) -> Iterable[str]: ...

    def held(self, link: Key) -> Held: ...

    def carriers(self, ifnames: Sequence[str]) -> Mapping[str, Carrier]: ...


class _Chains(Protocol):
    def chains(self, netns: str) -> list[Chain]: ...


class Machine(Protocol):
    """What is asked of the machine beside what was observed."""

    @property
    def host_id(self) -> str: ...

    @property
    def scope(self) -> str: ...

    @property
    def rtnl(self) -> _Links: ...

    @property
    def nft(self) -> _Chains: ...

    @property
    def ledger(self) -> FormerValues: ...


def gather(machine: Machine, intent: Intent, observed: State, run: Path) -> Facts:
    """The facts for one intent. `observed`: the host's namespace and all of the scope's; `run`: where the features
    found are remembered.

    Raises: NotPermitted, DumpInterrupted.
    """
    owner = held.Owner(machine.host_id, machine.scope)
    entries = machine.ledger.entries()
    moved = belongings.found(machine.rtnl.held, entries, machine.scope, intent, observed)
    observed = belongings.as_before(observed, entries, machine.scope)
    default = links.default_routes(observed)
    own_mtus = links.own_mtus(entries.values(), observed, machine.scope)
    return Facts(
        host_id=machine.host_id,
        features=features(run, _parts(intent)),
        links=links.foreign(observed, owner, own_mtus),
        namespaces=frozenset(machine.rtnl.namespaces()) - held.own_namespaces(observed, owner),
        pids=accounts.pids(intent),
        users=accounts.users(intent),
        groups=accounts.groups(intent),
        held=held.port_addresses(observed, owner),
        pool_held=held.pool_addresses(observed, owner),
        transit_held=held.transit_addresses(observed, owner),
        pool_taken=held.pool_of_others(observed, owner),
        egress_links=links.egress(default),
        ra_links=links.by_advertisement(default),
        forward_drops=_forward_drops(machine, intent, observed, default),
        limits=limits.of_first_namespace(),
        tcp_allowed=limits.congestion_controls(),
        host_is_first=limits.is_first(),
        key_files=key_files.found(intent, machine.host_id),
        belongings=moved,
        lines=_lines(machine.rtnl, intent),
        host_routes=links.prefixes(observed, owner),
        cgroups=cgroups.found(intent),
        programs=programs.found(intent),
        strict_links=reverse_path.strict_links(intent, entries, machine.scope),
        **Policy(observed, entries, machine.scope).facts(),
    )


def _forward_drops(
    machine: Machine, intent: Intent, observed: State, default: Sequence[Route]
) -> tuple[ForwardDrop, ...]:
    """Of an intent that may forward something."""
    if not intent.tenants:
        return ()
    through = transit.passages(observed, links.egress(default))
    return firewall.in_the_way(machine.nft.chains(HOST), others.here, through)


def _parts(intent: Intent) -> Sequence[str]:
    """Of the kernel's features, what the intent may need: links alone have neither rules nor queues."""
    spaces = (*intent.namespaces.values(), *([intent.host] if intent.host else ()))
    links = (link for space in spaces for link in space.links.values())
    is_shaped = any(link.qos is not None or link.capacity is not None for link in links)
    return PARTS if intent.tenants or is_shaped or intent.drops.recorder else (SETTINGS, LINKS)


def _lines(rtnl: _Links, intent: Intent) -> dict[str, Line]:
    """The host's links whose capacity or policy the intent says."""
    declared = intent.host.links.items() if intent.host else ()
    asked = [ifname for ifname, link in declared if link.capacity is not None or link.qos is not None]
    return {name: links.line(carrier) for name, carrier in rtnl.carriers(asked).items()} if asked else {}
