"""Any question over any groups: what a trace says is what real packets do, five hundred times in one world."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.external import give_external
from tests.world import World
from weft.files import load
from weft.service import Service
from weft.service.trace import Basis, tracer_of
from weft.trace import Fate, Trace, Tracer, talk_of

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge"), pytest.mark.slow]

HERE = Path(__file__).parent
TRIPLES, SEED = 500, 20261128
PORTS = (22, 53, 80, 443, 5432, 8080)
HEARD_S = 2.5
"""Long enough for a connection's second try."""
NETWORKS = {
    "shop": {"front": ("10.1.0.0/24", "fd01::/64", "nat"), "back": ("10.2.0.0/24", "fd02::/64", "routed")},
    "dev": {"net": ("10.3.0.0/24", "fd03::/64", "routed"), "lone": ("10.4.0.0/24", "fd04::/64", "")},
    "cloud": {"one": ("10.5.0.0/24", "fd05::/64", ""), "two": ("10.6.0.0/24", "fd06::/64", "")},
}
INTERNET = {
    "link": "ext0",
    "subnets": [
        {"cidr": "203.0.113.0/24", "gateway": "203.0.113.1"},
        {"cidr": "2001:db8:1::/64", "gateway": "2001:db8:1::ffff"},
    ],
}
ROUTERS = {"edge": {"interfaces": ["one", "two"], "gateway": "internet"}}
FORWARDS = [
    {"protocol": "tcp", "ports": 8080, "port": "one1", "to": 80},
    {"protocol": "udp", "ports": 53, "port": "two0"},
    {"protocol": "tcp", "ports": 443, "port": "two2", "to": 22},
]
FLOATING = {
    "203.0.113.10": {"network": "internet", "port": "one0"},
    "2001:db8:1::10": {"network": "internet", "port": "one0"},
    "203.0.113.11": {"network": "internet", "forward": FORWARDS},
    "2001:db8:1::11": {"network": "internet", "forward": FORWARDS},
}
"""A router between two networks, with a way out by an external one, and floating IPs of both sorts."""
VISITS = {"dev": "shop/front", "shop": "cloud/one"}
"""Who has ports on whose network: with groups of its own there, and the owner's router."""
GROUPS = ("a", "b", "c", "d", "e")
PREFIXES = ("10.1.0.0/24", "10.1.0.0/29", "10.2.0.0/25", "10.3.0.0/16", "0.0.0.0/0", "fd01::/64", "fd02::/48", "::/0")


def rule(chance: random.Random) -> dict[str, Any]:
    said: dict[str, Any] = {}
    protocol = chance.choice(("tcp", "tcp", "udp", "udp", "icmp", "icmpv6", None))
    remote: Any = chance.choice((None, {"group": chance.choice(GROUPS)}, {"cidr": chance.choice(PREFIXES)}, None))
    if remote and "cidr" in remote and protocol in ("icmp", "icmpv6"):
        remote = None
    if protocol:
        said["protocol"] = protocol
    if protocol in ("tcp", "udp") and chance.random() < 0.8:
        low = chance.choice(PORTS)
        high = chance.choice(PORTS)
        said["ports"] = [f"{min(low, high)}-{max(low, high)}"] if chance.random() < 0.4 else [low]
    if remote:
        said["remote"] = remote
    if chance.random() < 0.25:
        said["action"] = "deny"
    if chance.random() < 0.3:
        said["priority"] = chance.choice((1, 500, 2000))
    return said


def group(chance: random.Random, stateful: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"ingress": [rule(chance) for _ in range(chance.randrange(1, 6))]}
    if chance.random() < 0.5:
        made["egress"] = [rule(chance) for _ in range(chance.randrange(1, 6))]
    return made if stateful else {**made, "stateful": False}


def intent(chance: random.Random) -> dict[str, Any]:
    """Some tenants with an uplink of each kind, and ports in any of their groups, or in none."""
    tenants: dict[str, Any] = {}
    for tenant, networks in NETWORKS.items():
        held = {name: {"subnets": [v4, v6]} | ({"uplink": up} if up else {}) for name, (v4, v6, up) in networks.items()}
        groups = {name: group(chance, name != "e") for name in GROUPS}
        ports = {}
        for network in networks:
            for number in range(3):
                port: dict[str, Any] = {"network": network, "attach": {"netns": f"{tenant}-{network}{number}"}}
                open_ones = (None,) * (6 if tenant == "cloud" else 1)  # else hardly anything gets to a floating IP
                member = chance.choice((*open_ones, [], ["e"], *[chance.sample("abcd", n) for n in (1, 1, 2, 3)]))
                if member is not None:
                    port["security_groups"] = member
                ports[f"{network}{number}"] = port
        tenants[tenant] = {"networks": held, "security_groups": groups, "ports": ports}
    for tenant, network in VISITS.items():
        owner, _, name = network.partition("/")
        tenants[owner].setdefault("share", []).append({"network": name, "with": [tenant]})
        for number in range(2):
            visitor: dict[str, Any] = {"network": network, "attach": {"netns": f"{tenant}-at-{name}{number}"}}
            member = chance.choice((None, [], ["e"], *[chance.sample("abcd", n) for n in (1, 2)]))
            if member is not None:
                visitor["security_groups"] = member
            tenants[tenant]["ports"][f"at-{name}{number}"] = visitor
    tenants["cloud"] |= {"routers": ROUTERS, "floating_ips": FLOATING}
    return {"weft": 1, "name": "lab", "external_networks": {"internet": INTERNET}, "tenants": tenants}


def triples(chance: random.Random, networks: dict[str, str]) -> Iterator[tuple[str, str, str, int]]:
    """From, to, what, in which family. `networks`: of each port."""
    ports = list(networks)
    seen: set[tuple[str, str, str, int]] = set()
    while len(seen) < TRIPLES:
        source, target = chance.sample(ports, 2)
        if chance.random() < 0.5:  # of those on one network, groups decide more often
            near = [name for name in ports if networks[name] == networks[source] and name != source]
            target = chance.choice(near)
        protocol = chance.choice(("tcp", "tcp", "udp", "udp", "icmp"))
        what = protocol if protocol == "icmp" else f"{protocol}/{chance.choice(PORTS)}"
        if chance.random() < 0.2:
            target = chance.choice(list(FLOATING))
        one = (source, target, what, (6 if ":" in target else 4) if target in FLOATING else chance.choice((4, 6)))
        if one not in seen:
            seen.add(one)
            yield one


def networks_of(made: dict[str, Any]) -> dict[str, str]:
    """The network of each port."""
    return {
        f"{tenant}/{name}": port["network"] if "/" in port["network"] else f"{tenant}/{port['network']}"
        for tenant, held in made["tenants"].items()
        for name, port in held["ports"].items()
    }


@pytest.fixture
def applied(world: World, tmp_path: Path) -> Iterator[tuple[World, Path, dict[str, str]]]:
    """The world with everybody listening, the file, and the namespace of each port."""
    made = intent(random.Random(SEED))
    file = tmp_path / "weft.json"
    file.write_text(json.dumps(made))
    give_external(world)
    world.run("weft", "apply", "-y", "-f", file)
    netns = {
        f"{tenant}/{name}": port["attach"]["netns"]
        for tenant, held in made["tenants"].items()
        for name, port in held["ports"].items()
    }
    words = (sys.executable, HERE / "asker.py", "listen", ",".join(map(str, PORTS)))
    listening = [
        world.start(*words, netns=where, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for where in netns.values()
    ]
    for one in listening:
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    yield world, file, netns
    for one in listening:
        assert one.stdin is not None and one.stdout is not None
        one.stdin.close()
        one.stdout.close()
        one.wait(timeout=20)


def word_of(trace: Trace, what: str) -> str:
    """As the asker has it."""
    protocol, _, port = what.partition("/")
    return "/".join(filter(None, (protocol, trace.target.address, port)))


def answers(world: World, questions: dict[str, list[str]]) -> dict[tuple[str, str], bool]:
    """Of each namespace's questions, all asked at once."""
    asking = {}
    for netns, words in questions.items():
        command = (sys.executable, HERE / "asker.py", "ask", str(HEARD_S))
        asking[netns] = world.start(*command, netns=netns, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        stdin = asking[netns].stdin
        assert stdin is not None
        stdin.write(json.dumps(words))
        stdin.close()
    found = {}
    for netns, one in asking.items():
        assert one.stdout is not None
        said = one.stdout.read()
        one.stdout.close()
        assert one.wait(timeout=60) == 0
        found |= {(netns, word): answered for word, answered in json.loads(said).items()}
    return found


def tracers(world: World, file: Path) -> tuple[Tracer, Tracer]:
    with world.inside():
        prepared = Service().prepare(load(str(file)))
    assert not prepared.plan.changes
    return tracer_of(prepared, Basis.OBSERVED), tracer_of(prepared, Basis.DESIRED)


def test_five_hundred_questions(applied: tuple[World, Path, dict[str, str]]) -> None:
    world, file, netns = applied
    observed, desired = tracers(world, file)
    asked = list(triples(random.Random(SEED + 1), networks_of(intent(random.Random(SEED)))))
    traces = [observed.trace(source, target, talk_of(what), family=family) for source, target, what, family in asked]
    for one, trace in zip(asked, traces, strict=True):
        wanted = desired.trace(one[0], one[1], talk_of(one[2]), family=one[3])
        assert (wanted.fate, wanted.hints) == (trace.fate, trace.hints), one
    questions: dict[str, list[str]] = {}
    for (source, _, what, _), trace in zip(asked, traces, strict=True):
        questions.setdefault(netns[source], []).append(word_of(trace, what))
    found = answers(world, questions)
    wrong = {
        one: (trace.fate.value, trace.why)
        for one, trace in zip(asked, traces, strict=True)
        if (trace.fate is Fate.PASSES) != found[netns[one[0]], word_of(trace, one[2])]
    }
    assert not wrong, f"{len(wrong)} of {len(asked)}: {list(wrong.items())[:20]}"
    passing = sum(trace.fate is Fate.PASSES for trace in traces)
    assert TRIPLES * 0.15 < passing < TRIPLES * 0.85, f"{passing}: groups that decide nothing prove nothing"
