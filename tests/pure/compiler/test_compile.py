"""What compile promises of any valid intent, shown on generated ones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pure.compiler.intents import MACHINE, facts
from weft.compiler import Compiled, CompileError, Compiler, changed_ports, compile
from weft.kinds.link.common import Link
from weft.kinds.link.veth import Veth
from weft.model.intent import Attach, Intent, Network, Port, Subnet, TapAttach, Tenant, Uplink
from weft.model.security import Remote, SecurityGroup, SecurityRule
from weft.model.sharing import network_key
from weft.model.tenancy import Quota, Share
from weft.probe.held import Owner, pool_addresses, port_addresses
from weft.state import HOST, Key, State

KNOWN = facts(namespaces=frozenset({"theirs"}), pids={"/run/p.pid": 1}, programs={"radvd": "/usr/sbin/radvd"})
OURS = Owner("h0", "lab")
PORT_NAMES = ("web", "front", "lo", "a-name-that-is-too-long", "wp", "db", "x", "y")

attaches = st.one_of(
    st.sampled_from(("red", "blue", "theirs")).map(lambda netns: Attach(netns=netns)),
    st.just(Attach(pidfile="/run/p.pid")),
    st.just(Attach(host=True)),
    st.integers(1, 4).map(lambda queues: Attach(tap=TapAttach(queues=queues))),
)


@st.composite
def networks(draw: st.DrawFn, number: int) -> Network:
    """Subnets apart from those of other numbers, so that any two may be routed."""
    choices = (f"10.{number}.0.0/24", f"10.{number}.1.0/29", f"fd00:{number}::/64")
    cidrs = draw(st.lists(st.sampled_from(choices), unique=True))
    gateway = draw(st.sampled_from((None, None, "")))
    subnets = [Subnet(cidr=cidr, gateway=gateway if at else None) for at, cidr in enumerate(cidrs)]
    uplink = draw(st.sampled_from((None, Uplink.NAT, Uplink.ROUTED))) if cidrs else None
    if uplink:
        modes = st.sampled_from((None, "slaac", "stateful"))
        can = [":" in subnet.cidr and subnet.gateway != "" for subnet in subnets]
        subnets = [replace(s, ra=draw(modes)) if may else s for s, may in zip(subnets, can, strict=True)]
    return Network(subnets=tuple(subnets), uplink=uplink, mtu=draw(st.sampled_from((None, 1280, 1500))))


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    tenants = {}
    for number, name in enumerate(draw(st.lists(st.sampled_from(("a", "b", "c")), unique=True))):
        names = draw(st.lists(st.sampled_from(("front", "back")), min_size=1, unique=True))
        nets = {net: draw(networks(number * 10 + at)) for at, net in enumerate(names)}
        ports = {
            f"{name}-{port}" if draw(st.booleans()) else port: Port(
                network=draw(st.sampled_from(names)), attach=draw(attaches), mtu=draw(st.sampled_from((None, 1280)))
            )
            for port in draw(st.lists(st.sampled_from(PORT_NAMES), unique=True))
        }
        held = {"g": SecurityGroup(ingress=(SecurityRule(remote=Remote(group="g")),))} if draw(st.booleans()) else {}
        tenants[name] = Tenant(networks=nets, ports=ports, security_groups=held)
    return Intent(name="lab", tenants=dict(zip(tenants, draw(shared(tenants)), strict=True)))


@st.composite
def shared(draw: st.DrawFn, tenants: dict[str, Tenant]) -> list[Tenant]:
    """The tenants with some ports in groups, and some on networks of others, which share all they have."""
    everything = [(name, net) for name, tenant in tenants.items() for net in tenant.networks]
    made = []
    for name, tenant in tenants.items():
        others = tuple(other for other in tenants if other != name)
        away = [f"{owner}/{net}" for owner, net in everything if owner != name]
        ports = {
            port: replace(
                held,
                network=draw(st.sampled_from((held.network, held.network, *away))),
                security_groups=draw(st.sampled_from((None, (), ("g",)))) if tenant.security_groups else None,
            )
            for port, held in tenant.ports.items()
        }
        share = tuple(Share(network=net, with_=others) for net in tenant.networks) if others else ()
        made.append(replace(tenant, ports=ports, share=share))
    return made


def valid(intent: Intent) -> Intent:
    """The intent without the ports that it has no room for: names or default routes that collide, host ports."""
    while True:
        try:
            compile(intent, KNOWN)
            return intent
        except CompileError as error:
            for finding in error.findings:
                assert finding.path[2] == "ports", finding
                intent = without(intent, finding.path[1], finding.path[3])


def without(intent: Intent, tenant: str, port: str) -> Intent:
    held = intent.tenants[tenant]
    ports = {name: p for name, p in held.ports.items() if name != port}
    return replace(intent, tenants={**intent.tenants, tenant: replace(held, ports=ports)})


def addresses_of(compiled: Compiled) -> dict[tuple[str, str], tuple[str, ...]]:
    return dict(compiled.allocations.addresses)


valid_intents = intents().map(valid)


@given(valid_intents)
def test_every_object_stands_on_something(intent: Intent) -> None:
    state = compile(intent, KNOWN).state
    foreign = {Key("netns", HOST, "theirs"), Key("netns", HOST, "pidfile:/run/p.pid")}
    for key, obj in state.items():
        assert obj.key == key
        assert all(ground in state or ground in foreign for ground in obj.lives_on), obj


@given(valid_intents)
def test_names_and_macs(intent: Intent) -> None:
    links = [obj for obj in compile(intent, KNOWN).state.values() if isinstance(obj, Link)]
    names = [(link.netns, name) for link in links for name in (link.ifname, *(link.altnames or ()))]
    assert len(names) == len(set(names))
    assert all(0 < len(link.ifname) <= 15 for link in links)
    macs = [link.mac for link in links]
    assert len(macs) == len(set(macs))
    assert all(mac is not None and int(mac[:2], 16) & 3 == 2 for mac in macs)


@given(valid_intents)
def test_a_veths_ends_name_each_other_and_agree_on_mtu(intent: Intent) -> None:
    state = compile(intent, KNOWN).state
    for veth in (obj for obj in state.values() if isinstance(obj, Veth)):
        peer = state[veth.peer]
        assert isinstance(peer, Veth)
        assert peer.peer == veth.key
        assert peer.mtu == veth.mtu


@given(valid_intents)
def test_addresses_lie_in_the_subnets_and_are_one_ports(intent: Intent) -> None:
    compiled = compile(intent, KNOWN)
    on: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for key, port in ((key, intent.tenants[key[0]].ports[key[1]]) for key in compiled.allocations.addresses):
        on[network_key(key[0], port)].append(key)
    for tenant_name, tenant in intent.tenants.items():
        for net_name, net in tenant.networks.items():
            of_net = [
                (key, address) for key in on[tenant_name, net_name] for address in compiled.allocations.addresses[key]
            ]
            assert len({address for _, address in of_net}) == len(of_net)
            subnets = [ip_network(subnet.cidr) for subnet in net.subnets]
            assert all(any(ip_interface(a).ip in s for s in subnets) for _, a in of_net)
            assert len(of_net) == len(subnets) * len(on[tenant_name, net_name])


@given(valid_intents)
def test_compile_is_a_function(intent: Intent) -> None:
    one, two = compile(intent, KNOWN), compile(intent, KNOWN)
    assert list(one.state.items()) == list(two.state.items())
    assert one.paths == two.paths
    assert one.paths.keys() == one.state.keys() == one.touched


@given(valid_intents)
def test_what_the_kernel_remembers_gives_the_same_choices(intent: Intent) -> None:
    compiled = compile(intent, KNOWN)
    held = port_addresses(compiled.state, OURS)
    assert held == {key: addresses for key, addresses in addresses_of(compiled).items() if addresses}
    assert pool_addresses(compiled.state, OURS) == compiled.allocations.pool
    again = compile(intent, replace(KNOWN, held=held, pool_held=compiled.allocations.pool))
    assert again.state == compiled.state


@given(valid_intents, st.data())
def test_a_port_more_changes_no_other(intent: Intent, data: st.DataObject) -> None:
    """Wherever in the file it stands, and whatever was there first."""
    everyone = [(tenant, port) for tenant, t in intent.tenants.items() for port in t.ports]
    if not everyone:
        return
    tenant, port = data.draw(st.sampled_from(everyone))
    before = compile(without(intent, tenant, port), KNOWN)
    after = compile(intent, replace(KNOWN, held=before.allocations.addresses, pool_held=before.allocations.pool))
    assert {key: after.state.get(key) for key in before.state} == before.state
    path = ("tenants", tenant, "ports", port)
    made = {after.paths[key] for key in after.state.keys() - before.state.keys()}
    assert made <= {path, path[:2]}, "its own, and the chains of its tenant's groups"


@settings(max_examples=60)
@given(valid_intents, st.data())
def test_some_ports_alone_come_to_the_same_as_all(intent: Intent, data: st.DataObject) -> None:
    """A compiler that is given changed ports ends where a whole compile with the same memory does."""
    everyone = [(tenant, port) for tenant, t in intent.tenants.items() for port in t.ports]
    first = intent
    for tenant, port in data.draw(st.lists(st.sampled_from(everyone), unique=True) if everyone else st.just([])):
        first = without(first, tenant, port)
    compiler = Compiler(first, KNOWN)
    goal = State(compiler.whole().state)
    for former, wanted in ((first, intent), (intent, first), (first, intent)):
        changed = changed_ports(former, wanted)
        assert changed is not None
        held = addresses_of_all(compiler)
        part = compiler.ports(wanted, changed)
        for key in part.touched:
            goal.pop(key, None)
        goal.update(part.state)
        whole = compile(wanted, replace(KNOWN, held=held))
        assert goal == whole.state
        assert set(part.state) <= part.touched


def addresses_of_all(compiler: Compiler) -> dict[tuple[str, str], tuple[str, ...]]:
    return {key: place.held for key, place in compiler._places.items()}


def one_network(ports: dict[str, Port]) -> Intent:
    net = Network(subnets=(Subnet(cidr="10.0.0.0/29"),))
    return Intent(name="lab", tenants={"t": Tenant(networks={"n": net}, ports=ports)})


def port(netns: str, *addresses: str) -> Port:
    return Port(network="n", attach=Attach(netns=netns), addresses=addresses)


def test_a_failed_part_leaves_the_compiler_as_it_was() -> None:
    first = one_network({"a": port("x"), "b": port("x")})
    compiler = Compiler(first, MACHINE)
    before = State(compiler.whole().state)
    bad = one_network({"a": port("x", "10.0.0.1", "10.0.0.9"), "b": port("x"), "c": port("y")})
    for _ in range(2):
        try:
            compiler.ports(bad, changed_ports(first, bad) or ())
        except CompileError as error:
            assert [finding.path[3] for finding in error.findings] == ["a"]
        else:
            raise AssertionError("10.0.0.9 is in no subnet")
    part = compiler.ports(first, [("t", "a"), ("t", "b")])
    assert part.state.items() <= before.items()
    assert compiler.intent is first
    more = one_network({"a": port("x"), "b": port("x"), "d": port("x")})
    assert compiler.ports(more, [("t", "d")]).allocations.addresses == {("t", "d"): ("10.0.0.3",)}


def test_a_readable_name_that_is_taken_stays_taken() -> None:
    """A port named like its network has no altname, however often it comes and goes, or fails to."""
    bare = one_network({"a": port("x")})
    with_n = one_network({"a": port("x"), "n": port("y")})
    wrong = one_network({"a": port("x"), "n": port("y", "10.9.9.9")})
    compiler = Compiler(bare, MACHINE)
    compiler.whole()
    first = compiler.ports(with_n, [("t", "n")])
    assert [obj.altnames for obj in first.state.values() if isinstance(obj, Veth)] == [(), ()]
    with pytest.raises(CompileError):
        compiler.ports(wrong, [("t", "n")])
    again = compiler.ports(with_n, [("t", "n")])
    assert again.state == {key: obj for key, obj in first.state.items() if key.table != "nft-element"}
    assert compiler.ports(bare, [("t", "n")]).touched == first.touched
    assert compiler.ports(with_n, [("t", "n")]).state == first.state


def test_a_changed_port_keeps_its_address_and_a_gone_one_frees_it() -> None:
    first = one_network({"a": port("x"), "b": port("x")})
    compiler = Compiler(first, MACHINE)
    compiler.whole()
    moved = one_network({"b": port("y"), "c": port("x")})
    part = compiler.ports(moved, changed_ports(first, moved) or ())
    assert part.allocations.addresses == {("t", "b"): ("10.0.0.2",), ("t", "c"): ("10.0.0.1",)}
    assert Key("address", "x", "b 10.0.0.2/29") in part.touched
    assert Key("address", "x", "b 10.0.0.2/29") not in part.state
    gone = compiler.ports(one_network({"b": port("y")}), [("t", "c")])
    assert gone.state == {}
    assert Key("netns", HOST, "x") in gone.touched


def test_a_port_alone_is_held_to_its_tenants_quota() -> None:
    first = replace(one_network({"a": port("x"), "b": port("x")}), quota=Quota(ports=2))
    compiler = Compiler(first, MACHINE)
    before = State(compiler.whole().state)
    more = replace(one_network({"a": port("x"), "b": port("x"), "c": port("y")}), quota=Quota(ports=2))
    with pytest.raises(CompileError, match=r"quota.ports: tenant t has 3 ports, its quota is 2; beyond it: c"):
        compiler.ports(more, changed_ports(first, more) or ())
    with pytest.raises(CompileError, match="its quota is 2"):
        compile(more, MACHINE)
    other = replace(one_network({"b": port("x"), "c": port("y")}), quota=Quota(ports=2))
    assert compiler.ports(other, changed_ports(first, other) or ()).allocations.addresses == {("t", "c"): ("10.0.0.1",)}
    assert compile(first, MACHINE).state == before


def test_a_tenants_quota_goes_before_that_of_all_key_by_key() -> None:
    both = replace(one_network({"a": port("x"), "b": port("x")}), quota=Quota(ports=1, networks=0))
    own = replace(both.tenants["t"], quota=Quota(ports=2))
    with pytest.raises(CompileError) as refused:
        compile(replace(both, tenants={"t": own}), MACHINE)
    (finding,) = refused.value.findings
    assert finding.path == ("quota", "networks") and "has 1 network, its quota is 0" in str(finding)


def test_only_ports_can_be_compiled_alone() -> None:
    first = one_network({"a": port("x")})
    assert changed_ports(first, first) == ()
    assert changed_ports(first, replace(first, name="other")) is None
    assert changed_ports(first, Intent(name="lab")) is None
    more = {"t": replace(first.tenants["t"], networks={"n": Network(), "m": Network()})}
    assert changed_ports(first, replace(first, tenants=more)) is None
