"""Random floating IPs over two tenants: who asks one gets the port that the file says, and hears from the address that
was asked; a move ends exactly the connections that would now lead elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from weft.compiler import Compiled, compile
from weft.diff import diff
from weft.facts import FEATURES, Facts, ForeignLink
from weft.files import load_text
from weft.model.intent import Intent
from weft.plan.diverted import left, moved
from weft.reach import Endpoint, Reach, World, endpoints, expect, floating
from weft.reach.connection import Connection
from weft.reach.redirection import Redirection

HEAD = """weft: 1
name: lab
external_networks: {net: {link: eth1, subnets: [203.0.113.0/24]}}
tenants:
"""
TENANT = """  %s:
    networks: {a: {subnets: [10.1.0.0/24]}, b: {subnets: [10.2.0.0/24]}}
    routers: {r: {interfaces: [a, b], gateway: {network: net, addresses: [%s]}}}
    ports:
      x: {network: a, attach: {netns: %s-x}}
      y: {network: a, attach: {netns: %s-y}}
      z: {network: b, attach: {netns: %s-z}}
    floating_ips: {%s}
"""
OWN = {"one": "203.0.113.2", "two": "203.0.113.3"}
PORTS = [(tenant, port) for tenant in OWN for port in "xyz"]
MAPPING = st.dictionaries(st.integers(10, 15).map(lambda n: f"203.0.113.{n}"), st.sampled_from(PORTS), max_size=5)
Mapping = dict[str, tuple[str, str]]
FACTS = Facts(host_id="h", features=frozenset(FEATURES), links={"eth1": ForeignLink(ifname="eth1")})


class Lab:
    def __init__(self, mapping: Mapping) -> None:
        text = HEAD
        for tenant, own in OWN.items():
            said = (f"{ip}: {{network: net, port: {port}}}" for ip, (of, port) in mapping.items() if of == tenant)
            text += TENANT % (tenant, own, tenant, tenant, tenant, ", ".join(said))
        self.intent: Intent = load_text("f", text).intent
        self.compiled: Compiled = compile(self.intent, FACTS)
        self.world = World(self.compiled.state)
        self.ports = endpoints(self.intent, self.compiled.state, self.compiled.paths)
        self.floating = floating(self.intent, self.compiled.state, self.ports)

    def conversations(self) -> Iterator[tuple[set[str], dict[str, Connection]]]:
        """Each port asking each floating IP: the addresses that it goes by, and what each router remembers of it."""
        for source, target in self.asking():
            walk = self.world.walk(source.netns, source.ipv4, target.floating)
            remembered = {
                netns: Connection(source=asker, target=address, protocol=1, answer=(answers, to, 0, 0))
                for (netns, answers, to), (address, asker, _) in walk.translations.items()
            }
            yield {target.floating, walk.source}, remembered

    def asking(self) -> Iterator[tuple[Endpoint, Endpoint]]:
        return ((source, target) for source in self.ports for target in self.floating)


@settings(max_examples=40)
@given(MAPPING)
def test_each_leads_to_its_port_from_everywhere(mapping: Mapping) -> None:
    lab = Lab(mapping)
    assert {end.floating: (end.tenant, end.ifname) for end in lab.floating} == mapping
    for source, target in lab.asking():
        assert expect(lab.world, source, target, 4).reach is Reach.YES, (source.name, target.name)


@settings(max_examples=40)
@given(MAPPING, MAPPING)
def test_a_move_ends_what_leads_elsewhere_now(before: Mapping, after: Mapping) -> None:
    one, other = Lab(before), Lab(after)
    changes = diff(one.compiled.state, other.compiled.state)
    gone = {address for address, port in before.items() if after.get(address) != port}
    assert set(left(changes)) == gone
    touched = moved(changes)
    judges = {
        netns: Redirection((obj for key, obj in other.compiled.state.items() if key.netns == netns), addresses)
        for netns, addresses in touched.items()
    }
    for by, remembered in one.conversations():
        ended = [netns for netns, known in remembered.items() if netns in judges and judges[netns].refuses(known)]
        assert bool(ended) == bool(by & gone), (by, ended)
