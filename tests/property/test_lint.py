"""What lint says never passes, or changes nothing, does not in the model of reach either: random rules, questions."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.policies import prefix
from weft.compiler import compile
from weft.facts import FEATURES, Facts, ForeignLink
from weft.files import load_text
from weft.lint.groups.floating import silent_floating
from weft.lint.groups.vain import memberless_groups, shadowed_rules
from weft.model.intent import Intent
from weft.reach import Talk, Verdict, World, endpoints, expect
from weft.reach.crossing import why_stopped
from weft.state import link_key

FACTS = Facts(host_id="h", features=frozenset(FEATURES), links={"eth1": ForeignLink(ifname="eth1")})
HEAD = """weft: 1
name: lab
external_networks: {net: {link: eth1, subnets: [203.0.113.0/24]}}
tenants:
  t:
    networks: {a: {subnets: [10.0.0.0/24]}, b: {subnets: [10.0.1.0/24]}, c: {subnets: [10.0.2.0/24]}}
    routers: {r: {interfaces: [a, b], gateway: {network: net, addresses: [203.0.113.5]}}}
    ports:
      p: {network: a, attach: {netns: p}, addresses: [10.0.0.10], security_groups: [g]}
      q: {network: a, attach: {netns: q}, addresses: [10.0.0.11], security_groups: [h]}
      s: {network: b, attach: {netns: s}, addresses: [10.0.1.10], security_groups: [g, h]}
      u: {network: c, attach: {netns: u}, addresses: [10.0.2.10], security_groups: [i]}
    floating_ips:
      203.0.113.10: {network: net, port: p}
      203.0.113.11: {network: net, forward: [{protocol: tcp, ports: 2222, port: s, to: 80}, {protocol: udp, ports: 80-82, port: p}]}
    security_groups: {%s}
"""  # noqa: E501
WAYS = [("ingress", group) for group in "ghij"] + [("egress", group) for group in "gh"]
PORTS = (22, 80, 81, 82, 443, 5000, 2222)
SOURCES = ("198.51.100.1", "203.0.113.77", "10.9.9.9", "10.0.0.77")
Rules = dict[tuple[str, str], list[str]]


def rule(rng: Random) -> str:
    said = [f"action: {rng.choice(('allow', 'deny'))}"] if rng.random() < 0.7 else []
    if rng.random() < 0.7:
        said.append(f"protocol: {rng.choice(('tcp', 'udp', 'icmp'))}")
        if "icmp" not in said[-1] and rng.random() < 0.6:
            low = rng.choice(PORTS)
            said.append(f"ports: {low}-{low + rng.choice((0, 1, 500))}")
    if rng.random() < 0.4:
        said.append(f"priority: {rng.choice((1, 999, 1001))}")
    if rng.random() < 0.5:
        net = next(found for found in iter(lambda: prefix(rng), "") if ":" not in found)
        remote = rng.choice((f"group: {rng.choice('ghij')}", f"cidr: {net}"))
        said.append(f"remote: {{{remote}}}")
    return f"{{{', '.join(said)}}}"


def written(rules: Rules) -> str:
    def groups() -> Iterator[str]:
        for group in "ghij":
            ways = (f"{way}: [{', '.join(found)}]" for (way, of), found in rules.items() if of == group)
            yield f"{group}: {{{', '.join(ways)}}}"

    return HEAD % ", ".join(groups())


class Lab:
    def __init__(self, rules: Rules) -> None:
        self.intent: Intent = load_text("f", written(rules)).intent
        compiled = compile(self.intent, FACTS)
        self.world = World(compiled.state)
        self.ports = endpoints(self.intent, compiled.state, compiled.paths)

    def passes(self) -> dict[tuple[str, str, Talk], bool]:
        """Every port asking every other."""
        return {
            (source.name, target.name, talk): expect(self.world, source, target, 4).asked(talk).reach.value == "reach"
            for source in self.ports
            for target in self.ports
            if source is not target
            for talk in talks()
        }

    def lets_in(self, source: str, target: str, talk: Talk) -> bool:
        """Who is outside, asking a floating IP."""
        walk = self.world.walk_in(link_key("", "eth1"), source, target, talk)
        return walk.verdict is Verdict.ARRIVES and not why_stopped(walk.crossings, (), talk)


def talks() -> Iterator[Talk]:
    yield Talk(protocol="icmp")
    yield from (Talk(protocol=word, port=port) for word in ("tcp", "udp") for port in PORTS)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_what_is_said_to_let_nobody_in_lets_nobody_in(seed: int) -> None:
    rng = Random(seed)
    lab = Lab({way: [rule(rng) for _ in range(rng.randint(0, 3))] for way in WAYS})
    for finding in silent_floating(lab.intent, FACTS):
        address = finding.path[3]
        forward = lab.intent.tenants["t"].floating_ips[address].forward
        asked = list(talks())
        if "forward" in finding.path:
            said = forward[int(finding.path[5])]
            word = {6: "tcp", 17: "udp"}[said.protocol]
            asked = [Talk(protocol=word, port=port) for low, high in said.ports for port in range(low, high + 1)]
        passed = [(source, talk) for source in SOURCES for talk in asked if lab.lets_in(source, address, talk)]
        assert not passed, finding


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_a_rule_that_is_said_to_be_in_vain_changes_nothing(seed: int) -> None:
    rng = Random(seed)
    rules = {way: [rule(rng) for _ in range(rng.randint(1, 4))] for way in WAYS}
    lab = Lab(rules)
    found = [*shadowed_rules(lab.intent, FACTS), *memberless_groups(lab.intent, FACTS)]
    before = lab.passes() if found else {}
    for finding in found:
        _, _, _, group, way, at, *_ = finding.path
        left = [one for number, one in enumerate(rules[way, group]) if number != int(at)]
        assert Lab(rules | {(way, group): left}).passes() == before, finding
