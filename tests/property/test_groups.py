"""Any groups, any packet: what the compiled filter does is what the rules say, read one by one.

The oracle below knows nothing of sets, chains or levels: it goes through the rules of a port's groups by priority.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from weft.compiler import compile
from weft.facts import FEATURES, Facts
from weft.kinds.link.veth import Veth
from weft.kinds.nft.nftset import NftSet
from weft.model.intent import Attach, Intent, Network, Port, Subnet, Tenant
from weft.model.security import (
    DCCP,
    ICMP,
    ICMP_TYPES,
    ICMPV6,
    SCTP,
    TCP,
    UDP,
    Action,
    Logging,
    Remote,
    SecurityGroup,
    SecurityRule,
)
from weft.model.tenancy import Share
from weft.reach.bridge_filter import Filter, Value, frame
from weft.state import State

FACTS = Facts(host_id="h0", features=frozenset(FEATURES))
ADDRESSES = {
    4: ("10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.200", "10.0.1.1"),
    6: ("fd00::10", "fd00::11", "fd00::12", "fd00::200", "fd00:0:0:1::1"),
}
PREFIXES = (
    "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/24", "10.0.0.8/29", "10.0.0.10/32", "10.0.0.200/32", "10.0.1.0/24",
    "::/0", "fd00::/16", "fd00::/64", "fd00::10/124", "fd00::200/128",
)  # fmt: skip
PORTS = (0, 1, 22, 79, 80, 81, 443, 8080, 65535)
GROUPS = ("a", "b", "c")

ranges = st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)).map(lambda pair: (min(pair), max(pair)))
remotes = st.one_of(
    st.none(),
    st.sampled_from(PREFIXES).map(lambda cidr: Remote(cidr=cidr)),
    st.sampled_from(GROUPS).map(lambda group: Remote(group=group)),
    st.just(Remote(address_group="office")),
)


@st.composite
def rules(draw: st.DrawFn) -> SecurityRule:
    protocol = draw(st.sampled_from((None, ICMP, ICMPV6, TCP, TCP, UDP, SCTP, 47, 89)))
    ports = draw(st.lists(ranges, max_size=3)) if protocol in (TCP, UDP, SCTP) else []
    icmp = protocol in (ICMP, ICMPV6) and draw(st.booleans())
    kind = draw(st.sampled_from([*sorted(ICMP_TYPES[protocol or 0]), "200", "8"])) if icmp else None
    remote = draw(remotes)
    version = ip_network(remote.cidr).version if remote and remote.cidr else {ICMP: 4, ICMPV6: 6}.get(protocol or 0)
    if remote and remote.cidr and {ICMP: 4, ICMPV6: 6}.get(protocol or 0, version) != version:
        remote = None
        version = {ICMP: 4, ICMPV6: 6}[protocol or 0]
    family = (
        draw(st.sampled_from((None, f"ipv{version}"))) if version else draw(st.sampled_from((None, "ipv4", "ipv6")))
    )
    return SecurityRule(
        protocol=protocol,
        ports=tuple(ports),
        type=kind,
        code=draw(st.sampled_from((None, 0, 4, 77))) if icmp else None,
        remote=remote,
        family=family,
        action=draw(st.sampled_from(Action)),
        priority=draw(st.sampled_from((1000, 1000, 1, 2000))),
        log=draw(st.sampled_from((None, None, Logging()))),
    )


some_rules = st.lists(rules(), max_size=6).map(tuple)
groups = st.builds(
    SecurityGroup,
    ingress=some_rules,
    egress=st.one_of(st.none(), some_rules),
    audit=st.sampled_from((False, False, True)),
)
memberships = st.one_of(st.none(), st.lists(st.sampled_from(GROUPS), unique=True).map(tuple))


@st.composite
def packets(draw: st.DrawFn) -> tuple[int, str, int, dict[str, Value]]:
    """Family, the other end, protocol, and the protocol's own fields."""
    family = draw(st.sampled_from((4, 6)))
    protocol = draw(st.sampled_from((ICMP if family == 4 else ICMPV6, TCP, UDP, SCTP, DCCP, 47, 89)))
    more: dict[str, Value] = {}
    if protocol in (ICMP, ICMPV6):
        word = "icmp" if protocol == ICMP else "icmpv6"
        of_type = st.sampled_from([*sorted(ICMP_TYPES[protocol].values()), 200])
        more = {f"{word} type": draw(of_type), f"{word} code": draw(st.sampled_from((0, 4, 77)))}
    elif protocol in (TCP, UDP, SCTP, DCCP):
        word = {TCP: "tcp", UDP: "udp", SCTP: "sctp", DCCP: "dccp"}[protocol]
        more = {f"{word} sport": 5000, f"{word} dport": draw(st.sampled_from((*PORTS, 2, 5000)))}
    return family, draw(st.sampled_from(ADDRESSES[family][1:])), protocol, more


OFFICE = ("10.0.0.192/26", "fd00::200/128")


def tenant(of: dict[str, SecurityGroup], ports: dict[str, tuple[str, ...] | None]) -> Intent:
    """Ports p0 to p2 with the addresses 10 to 12 of each family."""
    return Intent(
        name="lab",
        tenants={
            "t": Tenant(
                networks={"n": Network(subnets=(Subnet(cidr="10.0.0.0/16"), Subnet(cidr="fd00::/32")))},
                security_groups=of,
                address_groups={"office": (*OFFICE[:1], "far"), "far": OFFICE[1:]},
                ports={
                    name: Port(
                        network="n",
                        attach=Attach(netns=name),
                        addresses=(f"10.0.0.1{at}", f"fd00::1{at}"),
                        security_groups=ports[name],
                    )
                    for at, name in enumerate(ports)
                },
            )
        },
    )


def expected(intent: Intent, name: str, way: str, packet: tuple[int, str, int, dict[str, Value]]) -> bool:
    """Whether the groups of a port let it in, or out."""
    held = intent.tenants["t"]
    given = held.ports[name].security_groups
    if given is None:
        return True
    member = [held.security_groups[group] for group in given]
    if way == "out" and not member:
        return True
    found: list[tuple[int, int, bool]] = []
    for group in member:
        said = group.ingress if way == "in" else group.egress
        if said is None:
            found.append((1000, 1, True))
        for rule in said or ():
            if fits(held, rule, packet) and not (group.audit and rule.action is Action.DENY):
                found.append((rule.priority, int(rule.action is Action.ALLOW), rule.action is Action.ALLOW))
    return min(found)[2] if found else any(group.audit for group in member)


def fits(held: Tenant, rule: SecurityRule, packet: tuple[int, str, int, dict[str, Value]]) -> bool:
    family, other, protocol, more = packet
    if rule.family not in (None, f"ipv{family}") or rule.protocol not in (None, protocol):
        return False
    if rule.ports:
        port = next(int(str(value)) for key, value in more.items() if key.endswith("dport"))
        if not any(low <= port <= high for low, high in rule.ports):
            return False
    if rule.type is not None:
        numbers = [int(str(more[key])) for key in sorted(more, reverse=True)]  # type, code
        known = ICMP_TYPES[protocol]
        wanted = int(rule.type) if rule.type.isdecimal() else known.get(rule.type)
        if wanted != numbers[0] or rule.code not in (None, numbers[1]):
            return False
    if rule.remote is None:
        return True
    if rule.remote.group is not None:
        peers = (p for p in held.ports.values() if rule.remote.group in (p.security_groups or ()))
        return any(other in port.addresses for port in peers)
    nets = [ip_network(cidr) for cidr in ([rule.remote.cidr] if rule.remote.cidr else OFFICE)]
    return any(net.version == family and ip_address(other) in net for net in nets)


def is_basic(way: str, packet: tuple[int, str, int, dict[str, Value]]) -> bool:
    """What no network lives without, whatever groups say."""
    _, _, protocol, more = packet
    kinds = {"in": {130, 134, 135, 136}, "out": {131, 132, 133, 135, 136, 143}}
    return protocol == ICMPV6 and more["icmpv6 type"] in kinds[way]


def filter_of(state: State) -> Filter:
    return Filter.of(obj for obj in state.values() if obj.key.netns == "weft.lab.t")


def bridge_end(state: State, port: str) -> Veth:
    return next(obj for obj in state.values() if isinstance(obj, Veth) and obj.master and port in obj.altnames)


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys(GROUPS, groups)),
    st.lists(memberships, min_size=3, max_size=3),
    st.lists(packets(), min_size=1, max_size=12),
)
def test_the_filter_says_what_the_rules_say(
    of: dict[str, SecurityGroup],
    member: list[tuple[str, ...] | None],
    sent: list[tuple[int, str, int, dict[str, Value]]],
) -> None:
    of = {name: without_wrong_types(group) for name, group in of.items()}
    intent = tenant(of, {f"p{at}": groups for at, groups in enumerate(member)})
    state = compile(intent, FACTS).state
    filter_, end = filter_of(state), bridge_end(state, "p0")
    for packet in sent:
        family, other, protocol, more = packet
        own = ADDRESSES[family][0]
        incoming = frame("leg", end.ifname, "02:00:00:00:00:99", other, own, protocol, more)
        assert (filter_.drops_at("forward", incoming) == "") == (
            expected(intent, "p0", "in", packet) or is_basic("in", packet)
        ), f"in {packet}"
        outgoing = frame(end.ifname, "leg", "02:00:00:00:00:99", own, other, protocol, more)
        assert (filter_.drops_at("forward", outgoing, "sending") == "") == (
            expected(intent, "p0", "out", packet) or is_basic("out", packet)
        ), f"out {packet}"


def visiting(intent: Intent, of_owner: dict[str, SecurityGroup]) -> Intent:
    """The same ports, as a visitor's on a network of t's, which has groups of the same names, and members of them."""
    home = intent.tenants["t"]
    own = Port(
        network="n",
        attach=Attach(netns="own"),
        addresses=("10.0.0.200", "fd00::200"),
        security_groups=GROUPS,
    )
    owner = Tenant(
        networks=home.networks,
        security_groups=of_owner,
        address_groups={"office": ("10.0.0.0/8",)},
        ports={"own": own},
        share=(Share(network="n", with_=("v",)),),
    )
    ports = {name: replace(port, network="t/n") for name, port in home.ports.items()}
    return Intent(name="lab", tenants={"t": owner, "v": replace(home, networks={}, ports=ports)})


@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys(GROUPS, groups)),
    st.fixed_dictionaries(dict.fromkeys(GROUPS, groups)),
    st.lists(memberships, min_size=3, max_size=3),
    st.lists(packets(), min_size=1, max_size=8),
)
def test_on_anothers_network_a_ports_groups_are_its_own_tenants(
    of: dict[str, SecurityGroup],
    of_owner: dict[str, SecurityGroup],
    member: list[tuple[str, ...] | None],
    sent: list[tuple[int, str, int, dict[str, Value]]],
) -> None:
    of, of_owner = ({name: without_wrong_types(group) for name, group in held.items()} for held in (of, of_owner))
    home = tenant(of, {f"p{at}": groups for at, groups in enumerate(member)})
    away = compile(visiting(home, of_owner), FACTS).state
    alone = compile(visiting(tenant({}, {}), of_owner), FACTS).state
    assert {key: away[key] for key in alone} == alone, "what is the owner's is as without visitors"
    filter_, end = filter_of(away), bridge_end(away, "v.p0")
    for packet in sent:
        family, other, protocol, more = packet
        own = ADDRESSES[family][0]
        incoming = frame("leg", end.ifname, "02:00:00:00:00:99", other, own, protocol, more)
        outgoing = frame(end.ifname, "leg", "02:00:00:00:00:99", own, other, protocol, more)
        for way, chain, passing in (("in", "receiving", incoming), ("out", "sending", outgoing)):
            wanted = expected(home, "p0", way, packet) or is_basic(way, packet)
            assert (filter_.drops_at("forward", passing, chain) == "") == wanted, f"{way} {packet}"


def without_wrong_types(group: SecurityGroup) -> SecurityGroup:
    """A type by a name of the other family is an error of its own."""

    def right(said: tuple[SecurityRule, ...] | None) -> tuple[SecurityRule, ...] | None:
        return said and tuple(
            rule
            for rule in said
            if rule.type is None or rule.type.isdecimal() or rule.type in ICMP_TYPES[rule.protocol or 0]
        )

    return SecurityGroup(ingress=right(group.ingress) or (), egress=right(group.egress), audit=group.audit)


def boxes(held: NftSet) -> list[tuple[tuple[int, int], ...]]:
    """Each element as a range in each of its fields."""
    names = (ICMP_TYPES[ICMP] | {"no": 0}, ICMP_TYPES[ICMPV6])["icmpv6" in held.type]
    found = []
    for element in held.elements:
        parts = element.partition(" : ")[0].split(" . ")
        icmp = "icmp" in held.type
        found.append(tuple(as_range(part, icmp and at == len(parts) - 1, names) for at, part in enumerate(parts)))
    return found


def as_range(part: str, is_code: bool, names: dict[str, int]) -> tuple[int, int]:
    if ":" in part or "." in part:
        net = ip_network(part)
        return int(net.network_address), int(net.broadcast_address)
    if part in names and not is_code:
        return names[part], names[part]
    if not part[0].isdecimal():
        return CODES[part], CODES[part]
    low, _, high = part.partition("-")
    return int(low), int(high or low)


CODES = {"net-unreachable": 0, "no-route": 0, "frag-needed": 4, "port-unreachable": 4}


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(GROUPS, groups)))
def test_no_element_meets_another_of_its_set(of: dict[str, SecurityGroup]) -> None:
    intent = tenant({name: without_wrong_types(group) for name, group in of.items()}, {"p0": ("a",)})
    for held in compile(intent, FACTS).state.values():
        if isinstance(held, NftSet) and held.counted:
            for one, other in combinations(boxes(held), 2):
                assert any(a[1] < b[0] or b[1] < a[0] for a, b in zip(one, other, strict=True)), held
