"""What compile promises of any policy: it errs with a place, or makes a tree that is whole; and which class a packet
gets, judged by a reader of nft's rules that knows nothing of how they were made."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import product
from random import Random
from typing import Any

import pytest

from tests.property.nft_reader import Packet, Reader
from tests.property.policies import MACS, random_match, random_policy, sound_match, sound_policy
from weft.compiler import CompileError, Compiler, compile
from weft.compiler.qos.classify import Classed, Where, classify
from weft.facts import FEATURES, Facts
from weft.kinds.link.ifb import Ifb
from weft.kinds.nft.chain import NftChain
from weft.kinds.tc.htb import Htb, HtbClass
from weft.kinds.tc.qdisc import Qdisc
from weft.model.intent import Attach, Intent, Network, Port, Subnet, Tenant
from weft.model.qos import QosClass, QosDirection, QosMatch, QosPolicy, QosUse
from weft.state import KernelObject, State

RUNS = int(os.environ.get("WEFT_PROPERTY_PAIRS", "10000")) // 40
EVERYTHING = Facts(host_id="h", features=frozenset(FEATURES))
LITTLE = Facts(host_id="h", features=frozenset(FEATURES) - {"fq_codel", "sfq", "fq", "cake", "netem"})
LESS = Facts(host_id="h", features=LITTLE.features - {"htb", "tbf"})


def intent_of(policy: QosPolicy, **ports: QosPolicy) -> Intent:
    held = {
        name: Port(network="n", attach=Attach(netns=name), qos=QosUse(egress=p.egress, ingress=p.ingress))
        for name, p in {"p": policy, **ports}.items()
    }
    networks = {"n": Network(subnets=(Subnet(cidr="10.0.0.0/24"),))}
    return Intent(name="lab", tenants={"t": Tenant(networks=networks, ports=held)})


@pytest.mark.parametrize("facts", [EVERYTHING, LITTLE, LESS], ids=["everything", "little", "less"])
def test_any_policy_compiles_or_errs_at_a_place(facts: Facts) -> None:
    sound = 0
    for seed in range(RUNS):
        intent = intent_of(random_policy(Random(seed)))
        try:
            state = compile(intent, facts).state
        except CompileError as error:
            assert all(finding.path[:4] == ("tenants", "t", "ports", "p") for finding in error.findings), seed
            assert all(finding.what for finding in error.findings)
            continue
        sound += 1
        check_whole(state)
        assert compile(intent, facts).state == state
    assert sound > RUNS // 50


@pytest.mark.parametrize("facts", [EVERYTHING, LITTLE], ids=["everything", "little"])
def test_every_tree_is_whole(facts: Facts) -> None:
    for seed in range(RUNS):
        policy = sound_policy(Random(seed))
        state = compile(intent_of(policy), facts).state
        assert sum(isinstance(obj, Htb) for obj in state.values()) == 2
        check_whole(state)


def check_whole(state: State) -> None:
    """Everything stands on something, every root has a default leaf, every leaf a queue, no parent has less than its
    parts are guaranteed, and every class that a rule names is a leaf."""
    for obj in state.values():
        assert all(on in state for on in obj.lives_on), obj
    for root in (obj for obj in state.values() if isinstance(obj, Htb)):
        check_tree(root, [obj for obj in state.values() if obj.key.netns == root.netns and on_link(obj, root.ifname)])
    for chain in (obj for obj in state.values() if isinstance(obj, NftChain) and obj.family == "netdev"):
        if any(rule.startswith("meta priority set") for rule in chain.rules):
            assert chain.rules[0].startswith("meta priority set ") and " map " not in chain.rules[0]
        if any(isinstance(state.get(on), Ifb) for on in chain.lives_on):
            assert chain.rules[-1].startswith("fwd to ")


def on_link(obj: KernelObject, ifname: str) -> bool:
    return isinstance(obj, (Qdisc, HtbClass)) and obj.ifname == ifname


def check_tree(root: Htb, there: Iterable[KernelObject]) -> None:
    classes = {obj.classid: obj for obj in there if isinstance(obj, HtbClass)}
    inner = {held.parent for held in classes.values()}
    queued = {obj.parent for obj in there if isinstance(obj, Qdisc)}
    top = [held for held in classes.values() if held.parent == root.handle]
    assert [held.classid for held in top] == [f"{root.handle}1"]
    assert f"{root.handle}{root.default:x}" in classes.keys() - inner
    for classid, held in classes.items():
        assert (classid in inner) != (classid in queued), "a leaf has a queue, and a parent none"
        assert (held.quantum_bytes is None) == (held.priority is None) == (classid in inner)
        assert held.rate_bps <= held.ceil_bps
        parts = [part for part in classes.values() if part.parent == classid and part.rate_bps > 8_000]
        assert sum(part.rate_bps for part in parts) <= held.ceil_bps + 8 * len(parts)


def test_a_port_alone_is_as_among_all() -> None:
    for seed in range(RUNS // 5):
        rng = Random(seed)
        first, other, changed = (sound_policy(rng) for _ in range(3))
        compiler = Compiler(intent_of(first, q=other), EVERYTHING)
        compiler.whole()
        compiler.ports(intent_of(changed, q=other), [("t", "p")])
        alone = compiler.ports(intent_of(changed, q=changed), [("t", "q")])
        whole = compile(intent_of(changed, q=changed), EVERYTHING).state
        assert all(whole[key] == obj for key, obj in alone.state.items())
        gone = alone.touched - alone.state.keys()
        assert not gone & whole.keys()


@pytest.mark.parametrize("facts", [EVERYTHING, LITTLE, LESS], ids=["everything", "little", "less"])
def test_classes_alone_are_as_among_all(facts: Facts) -> None:
    """Other figures of leaves, one after the other: what the compiler makes of these classes is what the whole has, and
    nothing else there is another. Where it leaves them to the whole, it is as before."""
    alone = 0
    for seed in range(RUNS // 2):
        rng = Random(seed)
        policy = other = sound_policy(rng) if seed % 2 else random_policy(rng, marks=False)
        try:
            compiler = Compiler(intent_of(policy, q=other), facts)
            known = State(compiler.whole().state)
        except CompileError:
            continue
        for _ in range(3):
            wanted = with_other_figures(rng, policy)
            part = compiler.figures(intent_of(wanted, q=other), [("t", "p")])
            if part is None:
                assert compiler.intent == intent_of(policy, q=other)
                continue
            known.update(part.state)
            assert part.touched == part.state.keys() and all(part.paths[key] for key in part.touched)
            assert known == compile(intent_of(wanted, q=other), facts).state, seed
            policy, alone = wanted, alone + bool(part.state)
        known.update(compiler.ports(intent_of(policy, q=other), [("t", "p")]).state)
        assert known == compile(intent_of(policy, q=other), facts).state, seed
    assert alone > RUNS // 20 or facts is LESS


def with_other_figures(rng: Random, policy: QosPolicy) -> QosPolicy:
    """The policy with other rates, limits and turns of some classes, be they sound or not."""

    def changed(direction: QosDirection | None) -> QosDirection | None:
        if direction is None or rng.random() < 0.2:
            return direction
        names = rng.sample(list(direction.classes), min(len(direction.classes), rng.randint(0, 2)))
        figures: dict[str, Any] = {
            "rate": rng.choice((None, 9_000, 700_000)),
            "ceil": rng.choice((None, 1_000_000, 19_000_000, 110_000_000)),
            "priority": rng.choice((None, 0, 6)),
            "latency": rng.choice((None, 4_000)),
        }
        some_of = {key: value for key, value in figures.items() if rng.random() < 0.6}
        others = {name: replace(direction.classes[name], **some_of) for name in names}
        return replace(direction, classes={**direction.classes, **others})

    return QosPolicy(egress=changed(policy.egress), ingress=changed(policy.ingress))


def test_another_class_moves_no_number() -> None:
    for seed in range(RUNS):
        rng = Random(seed)
        policy = sound_policy(rng)
        assert policy.egress is not None
        more = replace(
            policy.egress,
            classes={"another": QosClass(ceil=10**6, match=(sound_match(rng),)), **policy.egress.classes},
        )
        before = compile(intent_of(policy), EVERYTHING).state
        after = compile(intent_of(replace(policy, egress=more)), EVERYTHING).state
        assert all(after.get(key) == obj for key, obj in before.items() if key.table in ("class", "qdisc"))


# which class a packet gets


def random_packet(rng: Random, matches: list[QosMatch]) -> Packet:
    """Often one that a match speaks of."""
    hint = rng.choice(matches)
    family = rng.choice((4, 4, 6, 6, 0))

    def address(prefixes: tuple[str, ...]) -> str:
        if not family:
            return ""
        fitting = [cidr for cidr in prefixes if ip_network(cidr).version == family]
        net = ip_network(rng.choice(fitting or ["10.0.0.0/8" if family == 4 else "fd00::/8"]))
        return str(net.network_address + rng.choice((0, 0, 1, 300)))

    def port(said: tuple[str, ...]) -> int:
        return int(rng.choice(said).split("-")[-1]) if said and rng.random() < 0.7 else rng.choice((80, 81, 5001))

    return Packet(
        family=family,
        source=address(hint.source),
        destination=address(hint.destination),
        source_mac=rng.choice(hint.source_mac or MACS),
        destination_mac=rng.choice(hint.destination_mac or MACS),
        protocol=(hint.protocol or rng.choice(("tcp", "udp"))) if family else "",
        sport=port(hint.source_ports),
        dport=port(hint.ports),
        dscp=rng.choice((*hint.dscp, 0)),
    )


def belongs(packet: Packet, match: QosMatch) -> bool:
    """By what the model says a match is."""

    def within(address: str, prefixes: tuple[str, ...]) -> bool:
        of_family = [ip_network(cidr) for cidr in prefixes if ip_network(cidr).version == packet.family]
        return any(ip_address(address) in net for net in of_family)

    def in_ranges(port: int, said: tuple[str, ...]) -> bool:
        return any(int(one.split("-")[0]) <= port <= int(one.split("-")[-1]) for one in said)

    of_ip = match.source or match.destination or match.dscp or match.protocol
    return not (
        (of_ip and not packet.family)
        or (match.source and not within(packet.source, match.source))
        or (match.destination and not within(packet.destination, match.destination))
        or (match.source_mac and packet.source_mac not in match.source_mac)
        or (match.destination_mac and packet.destination_mac not in match.destination_mac)
        or (match.dscp and packet.dscp not in match.dscp)
        or (match.protocol and packet.protocol != match.protocol)
        or (match.ports and not in_ranges(packet.dport, match.ports))
        or (match.source_ports and not in_ranges(packet.sport, match.source_ports))
    )


def test_the_first_class_that_matches_has_a_packet() -> None:
    hit = 0
    for seed in range(RUNS):
        rng = Random(seed)
        matches = [tuple(random_match(rng, marks=False) for _ in range(rng.randint(1, 3))) for _ in range(6)]
        classes = [Classed(classid=f"77:{at:x}", matches=of) for at, of in enumerate(matches, 16)]
        where = Where(netns="", family="netdev", table="t", prefix="q")
        reader = Reader(classify(classes, where))
        for _ in range(20):
            packet = random_packet(rng, [match for of in matches for match in of])
            first = (c.classid for c, match in ((c, m) for c in classes for m in c.matches) if belongs(packet, match))
            wanted = next(first, "77:2")
            hit += wanted != "77:2"
            assert reader.priority(packet, "77:2") == wanted, (seed, packet)
    assert hit > RUNS


def test_neighbours_that_differ_in_one_thing_share_a_map() -> None:
    hosts = [f"10.0.{a}.{b}/32" for a, b in product(range(4), range(1, 250))]
    classes = [
        Classed(classid=f"77:{at:x}", matches=(QosMatch(destination=(host,)),)) for at, host in enumerate(hosts, 16)
    ]
    found = classify(classes, Where(netns="", family="netdev", table="t", prefix="q"))
    assert len(found.rules) == len(found.sets) == 1
    assert len(found.elements) == len(hosts)
