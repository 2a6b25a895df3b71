"""Looks at the machine for the doctor.

Rules: only reads. Source: proc(5), capabilities(7), mount_namespaces(7) (mountinfo), ip-sysctl.rst.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Protocol

from weft.backends import others
from weft.backends.nft_dump import Chain
from weft.backends.settings import read_setting
from weft.check import arrivals, programs
from weft.check.block import Block
from weft.check.needs import needs, subnets, tunnels, wishes
from weft.check.symptoms import Symptoms
from weft.check.usage import usage
from weft.files import Loaded
from weft.kinds import KINDS
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import Link
from weft.kinds.setting.sysctl import BRIDGE_CALLS, FORWARDING, LINK_FORWARDING, RP_FILTER
from weft.netlink.namespaces import RUN_NETNS
from weft.probe import firewall, links
from weft.probe.programs import everywhere
from weft.probe.remembered import features
from weft.reach import foreign
from weft.reach.foreign.transit import Passage, gates, passages, stopped
from weft.state import HOST, Mark, State
from weft.store.journal import Phase, waiting

CAP_NET_ADMIN, CAP_SYS_ADMIN = 12, 21
TRANSIT_PREFIX = "wu"


class _Chains(Protocol):
    def chains(self, netns: str) -> list[Chain]: ...


def is_permitted() -> bool:
    """Whether the process may do what weft does. Source: capabilities(7)."""
    status = Path("/proc/thread-self/status").read_text()
    (effective,) = (int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    return all(effective >> capability & 1 for capability in (CAP_NET_ADMIN, CAP_SYS_ADMIN))


def examine(
    nft: _Chains, observed: State, run: Path, journals: Path, intents: Sequence[Loaded] = (), host_id: str = ""
) -> Symptoms:
    """Look at the host that the process is on. `observed`: its namespace as the backends see it; `run`: where features
    are remembered; `journals`: where journals are; `intents`: what shall work here.

    Raises: NotPermitted, DumpInterrupted.
    """
    found, known, there = others.here(), features(run), everywhere()
    needed = ((*needs(one, host_id, known, there), *wishes(one, host_id, known)) for one in intents)
    return replace(
        _of_host(nft.chains(HOST), found, observed),
        features=known,
        needs=tuple(chain.from_iterable(needed)),
        subnets=dict(chain.from_iterable(map(subnets, intents))),
        shut=tuple(arrivals.shut(found, chain.from_iterable(map(tunnels, intents)), observed)),
        programs=frozenset(there),
        journals={journal.name: journal.phase() is Phase.COMMITTED for journal in waiting(journals)},
    )


def _of_host(chains: Sequence[Chain], found: Sequence[foreign.Chain], observed: State) -> Symptoms:
    """What the host has, whatever intents want of it."""
    own = {link.ifname: link for link in _links(observed) if Mark.parse(link.alias)}
    transit = tuple(ifname for ifname in own if ifname.startswith(TRANSIT_PREFIX))
    egress = links.egress(links.default_routes(observed))
    passes, blocked = _forward(chains, found, passages(observed, egress))
    at_work = programs.services()
    return Symptoms(
        permitted=is_permitted(),
        release=release_of(os.uname().release),
        links=frozenset(link.ifname for link in _links(observed)),
        own_links={ifname: KINDS.of(link).name for ifname, link in own.items()},
        properties=programs.properties(own),
        transit_links=transit,
        egress_links=egress,
        host_bridges=tuple(ifname for ifname, link in own.items() if isinstance(link, Bridge)),
        chains=frozenset((chain.family, chain.table, chain.name) for chain in chains),
        passes=passes,
        blocked=blocked,
        rules=tuple(held for held in observed.values() if isinstance(held, Rule)),
        routes=tuple(held for held in observed.values() if isinstance(held, Route)),
        forwarding={family: read_setting(name) == "1" for family, name in FORWARDING.items()},
        still_links={family: tuple(_still(family, (*transit, *egress))) for family in FORWARDING if transit},
        strict_links=tuple(link for link in egress if _is_strict(link)),
        services=at_work,
        configs=programs.configs(at_work),
        bridge_calls=read_setting(BRIDGE_CALLS[4]) == "1",
        usage=usage(),
        netns_shared=is_shared(Path("/proc/thread-self/mountinfo").read_text(), RUN_NETNS),
    )


def is_shared(mountinfo: str, path: str) -> bool | None:
    """Whether mounts made below `path` are seen in other mount namespaces; None where it is no mount point."""
    shared: bool | None = None
    for line in mountinfo.splitlines():
        words = line.split(" ")
        if words[4] == path:
            shared = any(word.startswith("shared:") for word in words[6 : words.index("-")])
    return shared


def release_of(text: str) -> tuple[int, int]:
    major, minor = text.split(".")[:2]
    return int(major), int("".join(filter(str.isdigit, minor.partition("-")[0])) or 0)


def _links(observed: State) -> Iterator[Link]:
    return (held for held in observed.values() if isinstance(held, Link) and held.netns == HOST)


def _forward(
    chains: Sequence[Chain], found: Sequence[foreign.Chain], through: Sequence[Passage]
) -> tuple[tuple[str, ...], tuple[Block, ...]]:
    """The base chains of others on the way of what is forwarded: the names of those that let weft's uplinks through,
    and those that do not."""
    invited = {(drop.family, drop.table, drop.chain): drop.user_chain for drop in firewall.drops(chains)}
    passes, blocked = list[str](), list[Block]()
    for gate in gates(found):
        ways = stopped(gate, found, through)
        if ways is None:
            continue
        names = (gate.family, gate.table, gate.name)
        block = Block(family=gate.family, table=gate.table, chain=gate.name, ways=ways, user_chain=invited.get(names))
        if ways:
            blocked.append(block)
        else:
            passes.append(str(block))
    return tuple(passes), tuple(blocked)


def _still(family: int, ifnames: Iterable[str]) -> Iterator[str]:
    """The links that do not forward though the host does."""
    if read_setting(FORWARDING[family]) == "1":
        for ifname in dict.fromkeys(ifnames):
            if read_setting(LINK_FORWARDING[family].format(ifname)) == "0":
                yield ifname


def _is_strict(ifname: str) -> bool:
    """The higher of `all` and the link's own counts. Source: ip-sysctl.rst rp_filter."""
    values = [read_setting(RP_FILTER.format(name)) for name in ("all", ifname)]
    return max((int(value) for value in values if value and value.isdigit()), default=0) == 1
