"""Any groups, any question: a trace comes to what `check reach` expects, and what it says would change that does."""

from __future__ import annotations

import re
from dataclasses import replace

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_groups import FACTS, GROUPS, groups, memberships, tenant, without_wrong_types
from weft.compiler import Compiled, compile
from weft.model.intent import Intent, Path
from weft.model.security import PROTOCOLS, Remote, SecurityGroup, SecurityRule
from weft.reach import Reach, Talk, World, endpoints, expect
from weft.trace import Fate, Trace, Tracer

talks = st.one_of(
    st.just(Talk(protocol="icmp")),
    st.builds(Talk, protocol=st.sampled_from(("tcp", "udp", "sctp")), port=st.sampled_from((1, 22, 79, 80, 443, 8080))),
)
ways = st.permutations(("p0", "p1", "p2")).map(lambda names: (names[0], names[1]))
families = st.sampled_from((4, 6))
some_groups = st.fixed_dictionaries(dict.fromkeys(GROUPS, groups))
members = st.lists(memberships, min_size=3, max_size=3)
FATES = {Reach.YES: Fate.PASSES, Reach.NO: Fate.STOPS, Reach.OPEN: Fate.OPEN}


def intent_of(of: dict[str, SecurityGroup], member: list[tuple[str, ...] | None]) -> Intent:
    right = {name: without_wrong_types(group) for name, group in of.items()}
    return tenant(right, {f"p{at}": held for at, held in enumerate(member)})


def traced(intent: Intent, way: tuple[str, str], talk: Talk, family: int) -> tuple[Trace, Compiled]:
    compiled = compile(intent, FACTS)
    tracer = Tracer(intent, compiled.state, compiled.paths)
    return tracer.trace(f"t/{way[0]}", f"t/{way[1]}", talk, family=family), compiled


@settings(max_examples=60, deadline=None)
@given(some_groups, members, ways, talks, families)
def test_it_comes_to_what_a_check_expects(
    of: dict[str, SecurityGroup], member: list[tuple[str, ...] | None], way: tuple[str, str], talk: Talk, family: int
) -> None:
    intent = intent_of(of, member)
    found, compiled = traced(intent, way, talk, family)
    ends = {end.path[-1]: end for end in endpoints(intent, compiled.state, compiled.paths)}
    expected = expect(World(compiled.state), ends[way[0]], ends[way[1]], family).asked(talk)
    assert found.fate is FATES[expected.reach]


@settings(max_examples=100, deadline=None)
@given(some_groups, members, ways, talks, families)
def test_what_it_says_would_change_it_does(
    of: dict[str, SecurityGroup], member: list[tuple[str, ...] | None], way: tuple[str, str], talk: Talk, family: int
) -> None:
    intent = intent_of(of, member)
    found, _ = traced(intent, way, talk, family)
    assert found.hints
    first = found.hints[0]
    changed = _as_hinted(intent, first.said, first.path)
    if changed is None:
        return
    then, _ = traced(changed, way, talk, family)
    if found.fate is Fate.STOPS:
        is_foretold = any("denies it too" in hint.said for hint in found.hints[1:])
        is_elsewhere = len(then.hops) > len(found.hops) or then.why != found.why
        assert is_elsewhere or is_foretold, "it stops elsewhere, or not at all"
    else:
        assert then.fate is (Fate.STOPS if "it would stop" in first.said else Fate.PASSES)


def _as_hinted(intent: Intent, said: str, path: Path) -> Intent | None:
    """The intent with the change made; None for one that is not of a rule."""
    if path[2:3] != ("security_groups",):
        return None
    _, _, _, group, way, *at = path
    held = intent.tenants["t"].security_groups[group]
    rules = list((held.egress or ()) if way == "egress" else held.ingress)
    if at:
        del rules[int(at[0])]
    else:
        written = re.search(r"add (\{.*\}) to", said)
        assert written is not None
        rules.append(_rule(written[1]))
    changed = replace(held, egress=tuple(rules)) if way == "egress" else replace(held, ingress=tuple(rules))
    shop = intent.tenants["t"]
    return replace(intent, tenants={"t": replace(shop, security_groups={**shop.security_groups, group: changed})})


def _rule(written: str) -> SecurityRule:
    said = yaml.safe_load(written)
    remote = said["remote"]
    (port,) = said.get("ports", [0])
    return SecurityRule(
        protocol=PROTOCOLS[said["protocol"]],
        ports=((port, port),) if port else (),
        remote=Remote(**remote)
        if isinstance(remote, dict)
        else Remote(cidr=f"{remote}/{128 if ':' in remote else 32}"),
    )
