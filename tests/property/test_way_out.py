"""What compile promises of guarantees on the way out, whatever networks stand on and however many lead out by one link:
it admits what there is room for and nothing else, and each guarantee has one class on each of its links, which its
frames and packets are given."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random

from weft.compiler import CompileError, compile
from weft.facts import FEATURES, Facts, ForeignLink, Line
from weft.kinds.nft.element import NftElement
from weft.kinds.tc.htb import HtbClass
from weft.kinds.tc.leaves import Leaf, Tbf
from weft.model.intent import Attach, Intent, NamespaceConfig, Network, Port, Subnet, Tenant, Uplink
from weft.model.links import HostLink
from weft.model.qos import QosDirection, QosUse
from weft.model.segment import SegmentSpec
from weft.state import State

RUNS = int(os.environ.get("WEFT_PROPERTY_PAIRS", "10000")) // 40
MBIT = 10**6
CAPACITY = 20 * MBIT
LINKS = {
    "eth0": ForeignLink(ifname="eth0", addresses=("192.0.2.10/24",)),
    "eth1": ForeignLink(ifname="eth1"),
    "eth2": ForeignLink(ifname="eth2", master="br-lan"),
    "br-lan": ForeignLink(ifname="br-lan", link_kind="bridge"),
}
FACTS = Facts(
    host_id="h",
    features=frozenset(FEATURES),
    links=LINKS,
    egress_links=("eth0",),
    lines={name: Line(mac=f"52:54:00:00:00:0{at}") for at, name in enumerate(LINKS)},
)
HOST = NamespaceConfig(
    links={name: HostLink(existing=True, capacity=CAPACITY) for name in ("eth0", "eth1", "eth2")},
)
GROUNDS: Mapping[str, tuple[SegmentSpec | None, Uplink | None, frozenset[str]]] = {
    "uplink": (None, Uplink.NAT, frozenset({"eth0"})),
    "link": (SegmentSpec(link="eth1"), None, frozenset({"eth1"})),
    "vlan": (SegmentSpec(link="eth1", vlan=7), None, frozenset({"eth1"})),
    "bridge": (SegmentSpec(link="br-lan"), None, frozenset({"eth2"})),
    "both": (SegmentSpec(link="eth1", vlan=8), Uplink.NAT, frozenset({"eth0", "eth1"})),
    "one for both": (SegmentSpec(link="eth0", vlan=9), Uplink.NAT, frozenset({"eth0"})),
}
"""What a network stands on and leads out by, and the links that it is shared at."""
RATES, AGGREGATES = (0, 1, 2, 3, 5), (4, 6, 9, 15)
"""In mbit/s: no port's is an aggregate's."""


@dataclass(frozen=True)
class Wanted:
    """An intent, with what its author knows: guarantees by (tenant, port), and the links of each."""

    intent: Intent
    rates: Mapping[tuple[str, str], int]
    links: Mapping[tuple[str, str], frozenset[str]]
    aggregates: Mapping[str, int]
    tenants: Mapping[str, frozenset[str]]

    @property
    def fits(self) -> bool:
        """Whether there is room for all of it."""
        for link in ("eth0", "eth1", "eth2"):
            asked = 0
            for tenant, links in self.tenants.items():
                held = sum(rate for key, rate in self.rates.items() if key[0] == tenant and link in self.links[key])
                own = self.aggregates.get(tenant) if link in links else None
                if own is not None and held > own:
                    return False
                asked += held if own is None else own
            if asked > CAPACITY:
                return False
        return True


def random_wanted(rng: Random) -> Wanted:
    tenants, rates, links, aggregates, leads = {}, {}, {}, {}, {}
    for tenant in ("red", "blue", "green")[: rng.randint(1, 3)]:
        networks, ports = {}, {}
        for name in rng.sample(sorted(GROUNDS), rng.randint(1, 3)):
            segment, uplink, by = GROUNDS[name]
            held = name.replace(" ", "-")
            networks[held] = Network(
                subnets=(Subnet(cidr=f"10.{len(networks)}.0.0/24"),), segment=segment, uplink=uplink
            )
            leads[tenant] = leads.get(tenant, frozenset()) | by
            for at in range(rng.randint(0, 3)):
                rate = rng.choice(RATES) * MBIT
                port = f"{held}{at}"
                ports[port] = Port(network=held, attach=Attach(netns=f"{tenant}-{port}"), qos=_asked(rate))
                if rate:
                    rates[tenant, port], links[tenant, port] = rate, by
        if rng.random() < 0.4:
            aggregates[tenant] = rng.choice(AGGREGATES) * MBIT
        tenants[tenant] = Tenant(networks=networks, ports=ports, qos=_asked(aggregates.get(tenant, 0)))
    intent = Intent(name="lab", tenants=tenants, host=HOST)
    return Wanted(intent, rates, links, aggregates, leads)


def _asked(rate: int) -> QosUse | None:
    return QosUse(egress=QosDirection(rate=rate), ingress=QosDirection(rate=rate)) if rate else None


def given_classes(state: State) -> Iterator[str]:
    """The classes that anybody's frames or packets are given on the host."""
    for obj in state.values():
        if isinstance(obj, NftElement) and not obj.netns and ":" in obj.value:
            yield obj.value


def test_what_there_is_room_for_is_admitted_and_nothing_else() -> None:
    admitted = 0
    for seed in range(RUNS):
        wanted = random_wanted(Random(seed))
        try:
            state = compile(wanted.intent, FACTS).state
        except CompileError as error:
            assert not wanted.fits, (seed, [found.what for found in error.findings])
            assert all("too much" in one.what or "guarantees come to" in one.what for one in error.findings), seed
            continue
        assert wanted.fits, seed
        admitted += bool(wanted.rates)
        _check_trees(state, wanted, seed)
    assert RUNS < 20 or RUNS // 5 < admitted < RUNS


def _check_trees(state: State, wanted: Wanted, seed: int) -> None:
    classes = {obj.classid: obj for obj in state.values() if isinstance(obj, HtbClass) and not obj.netns}
    parents = {held.parent for held in classes.values()}
    given = set(given_classes(state))
    assert all(one in classes and one not in parents for one in given), (seed, "a leaf that is there")
    queued = {getattr(obj, "below", "") or obj.parent for obj in state.values() if isinstance(obj, Leaf | Tbf)}
    assert given <= queued, seed
    for held in classes.values():
        below = sum(one.rate_bps for one in classes.values() if one.parent == held.classid and one.rate_bps >= MBIT)
        assert below <= held.ceil_bps, (seed, held, "no more is guaranteed than may be had")
    rates = (one.rate_bps for one in classes.values() if one.classid in given)
    guaranteed = sorted(rate for rate in rates if rate >= MBIT and rate // MBIT not in AGGREGATES)
    expected = sorted(rate for key, rate in wanted.rates.items() for _ in wanted.links[key] for _ in range(2))
    assert guaranteed == expected, (seed, "each has one class on each of its links, both ways")


def test_another_port_moves_nobody() -> None:
    for seed in range(RUNS // 4):
        wanted = random_wanted(Random(seed))
        tenant = next(iter(wanted.intent.tenants))
        if tenant in wanted.aggregates:
            continue  # whose class, while there is no port in it, is a leaf
        held = wanted.intent.tenants[tenant]
        network = next(iter(held.networks))
        more = Port(network=network, attach=Attach(netns="new"), qos=_asked(MBIT // 10))
        now = Tenant(networks=held.networks, ports={**held.ports, "zz": more}, qos=held.qos)
        wider = Intent(name="lab", tenants={**wanted.intent.tenants, tenant: now}, host=HOST)
        try:
            first = compile(wanted.intent, FACTS)
            chosen = first.allocations
            known = {"held": chosen.addresses, "pool_held": chosen.pool, "transit_held": chosen.transit}
            before, after = first.state, compile(wider, replace(FACTS, **known)).state
        except CompileError:
            continue
        there = {key: obj for key, obj in before.items() if key.table in ("class", "nft-element")}
        assert all(after.get(key) == obj for key, obj in there.items()), seed
