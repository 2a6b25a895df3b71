"""Guarantees on the way out: who gets which address and class, what is refused and why, and what a change changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.pure.compiler.intents import MACHINE, facts, findings
from weft.compiler import Compiled, CompileError, changed_ports, compile
from weft.facts import Facts, ForeignLink, Line
from weft.kinds.nft.element import NftElement
from weft.kinds.tc.htb import Htb, HtbClass
from weft.model.intent import Attach, Intent, NamespaceConfig, Network, Pools, Port, Subnet, Tenant, Uplink
from weft.model.links import HostLink
from weft.model.qos import QosClass, QosDirection, QosMatch, QosPolicy, QosUse
from weft.model.router import ExternalNetwork, ExternalSubnet, Router, RouterGateway, RouterInterface
from weft.probe.held import Owner, pool_addresses, transit_addresses
from weft.state import Key

MBIT = 10**6
QOS_P = ("tenants", "t", "ports", "p", "qos")
CAPACITY = ("host", "links", "eth0", "capacity")
NAT = Network(subnets=(Subnet(cidr="10.0.0.0/24"), Subnet(cidr="fd00::/64")), uplink=Uplink.NAT)
KNOWN = facts(lines={"eth0": Line(mac="52:54:00:00:00:01")})


def out(rate: int | None = None, ceil: int | None = None, **more: object) -> QosUse:
    return QosUse(egress=QosDirection(rate=rate, ceil=ceil, **more))  # type: ignore[arg-type]


def both(rate: int, ceil: int | None = None) -> QosUse:
    return QosUse(egress=QosDirection(rate=rate, ceil=ceil), ingress=QosDirection(rate=rate, ceil=ceil))


def port(name: str, qos: QosUse | None = None) -> Port:
    return Port(network="n", attach=Attach(netns=name), qos=qos)


def host(**capacities_bps: int) -> NamespaceConfig:
    return NamespaceConfig(links={name: HostLink(existing=True, capacity=bps) for name, bps in capacities_bps.items()})


def intent(
    *,
    qos: QosUse | None = None,
    net: Network | None = None,
    host: NamespaceConfig | None = host(eth0=20 * MBIT),  # noqa: B008
    pools: Pools = Pools(),  # noqa: B008
    **ports: QosUse | None,
) -> Intent:
    tenant = Tenant(
        networks={"n": net or NAT}, ports={name: port(name, asked) for name, asked in ports.items()}, qos=qos
    )
    return Intent(name="lab", tenants={"t": tenant}, host=host, pools=pools)


def made(wanted: Intent, known: Facts = KNOWN) -> Compiled:
    return compile(wanted, known)


def after(before: Compiled, wanted: Intent) -> Compiled:
    """The same machine once `before` is in force."""
    given = before.allocations
    return compile(wanted, replace(KNOWN, held=given.addresses, pool_held=given.pool, transit_held=given.transit))


def changed(before: Compiled, now: Compiled) -> set[Key]:
    return {key for key in before.state.keys() | now.state.keys() if before.state.get(key) != now.state.get(key)}


def warnings(wanted: Intent, known: Facts = KNOWN) -> list[tuple[tuple[str, ...], str]]:
    return [(found.path, found.what) for found in made(wanted, known).warnings]


def one(wanted: Intent, **known: object) -> tuple[tuple[str, ...], str, str]:
    found = findings(wanted, **known)
    assert len(found) == 1, [f.what for f in found]
    return found[0].path, found[0].what, found[0].fix


# addresses


def test_what_the_kernel_remembers_gives_the_same_addresses() -> None:
    first = made(intent(p=both(MBIT), q=both(MBIT), r=None))
    owner = Owner("h0", "lab")
    assert transit_addresses(first.state, owner) == first.allocations.transit
    assert pool_addresses(first.state, owner) == first.allocations.pool
    assert set(first.allocations.transit) == {
        ("t", "n", address) for address in ("10.0.0.2", "fd00::2", "10.0.0.3", "fd00::3")
    }
    assert after(first, intent(p=both(MBIT), q=both(MBIT), r=None)).state == first.state


def test_a_network_more_takes_no_address_that_a_port_has() -> None:
    first = made(intent(p=both(MBIT)))
    wanted = intent(p=both(MBIT))
    tenant = wanted.tenants["t"]
    more = replace(
        tenant,
        networks={"m": Network(subnets=(Subnet(cidr="10.9.0.0/24"),), uplink=Uplink.NAT)} | dict(tenant.networks),
    )
    now = after(first, replace(wanted, tenants={"t": more}))
    assert now.allocations.transit == first.allocations.transit
    assert now.allocations.pool["t", "m", 4] not in first.allocations.transit.values()


def test_a_pool_too_small_for_ports() -> None:
    path, what, fix = one(intent(p=both(MBIT), q=both(MBIT), pools=Pools(ipv4="198.18.0.0/30")))
    assert path == ("tenants", "t", "ports", "q")
    assert "has 1 addresses for ports with a guarantee on the way out, 2 want one" in what
    assert fix == "a wider prefix: `pools: {ipv4: ...}`"


def test_a_routed_network_keeps_its_addresses() -> None:
    net = Network(subnets=(Subnet(cidr="10.0.0.0/24"),), uplink=Uplink.ROUTED)
    now = made(intent(p=out(MBIT), net=net))
    assert now.allocations.transit == {}
    elements = [held.element for held in now.state.values() if isinstance(held, NftElement) and held.set == "up4-eth0"]
    assert [element.split(" . ")[1] for element in elements] == ["10.0.0.2"]


# what a change changes


def test_a_port_more_is_its_own_class_elements_and_addresses() -> None:
    first = made(intent(p=both(4 * MBIT)))
    now = after(first, intent(p=both(4 * MBIT), q=both(2 * MBIT)))
    assert {now.paths[key][:4] for key in changed(first, now)} == {("tenants", "t", "ports", "q")}


def test_another_rate_is_another_class() -> None:
    first, now = made(intent(p=out(4 * MBIT), q=out(MBIT))), made(intent(p=out(5 * MBIT), q=out(MBIT)))
    shared = {key for key in changed(first, now) if key.netns == ""}
    assert {key.table for key in shared} <= {"class", "qdisc"}
    classes = [now.state[key] for key in shared if key.table == "class"]
    assert [held.rate_bps for held in classes if isinstance(held, HtbClass)] == [5 * MBIT]


def test_a_port_with_a_guarantee_is_not_compiled_alone() -> None:
    assert changed_ports(intent(p=None), intent(p=out(MBIT))) is None
    assert changed_ports(intent(p=out(MBIT)), intent(p=None)) is None
    assert changed_ports(intent(p=None, q=out(MBIT)), intent(q=out(MBIT))) == (("t", "p"),)


# trees


def test_classes_stand_below_the_aggregates_that_they_are_part_of() -> None:
    now = made(intent(p=out(4 * MBIT, 20 * MBIT), qos=out(None, 10 * MBIT)))
    classes = {held.classid: held for held in now.state.values() if isinstance(held, HtbClass) and held.netns == ""}
    mine = next(held for held in classes.values() if held.rate_bps == 4 * MBIT)
    tenant = classes[mine.parent]
    assert tenant.ceil_bps == 10 * MBIT
    assert classes[tenant.parent].rate_bps == classes[tenant.parent].ceil_bps == 20 * MBIT
    top = next(held for held in now.state.values() if isinstance(held, Htb) and held.ifname == "eth0")
    assert classes[f"{top.handle}{top.default:x}"].parent == tenant.parent


def test_each_link_that_leads_out_has_its_tree() -> None:
    wanted = intent(p=both(MBIT), host=host(eth0=20 * MBIT, eth1=2 * MBIT))
    there = {name: ForeignLink(ifname=name) for name in ("eth0", "eth1")}
    known = replace(KNOWN, egress_links=tuple(there), links=there)
    roots = [held.ifname for held in made(wanted, known).state.values() if isinstance(held, Htb) and held.netns == ""]
    assert roots[0] == "eth0"
    assert roots[2] == "eth1"
    assert all(name.startswith("wi") for name in roots[1::2])


@pytest.mark.parametrize(
    ("said", "rate_bps"),
    [
        ({"layer": "ip"}, MBIT * 1514 // 1500),
        ({"overhead": 24}, MBIT * 1514 // 1538),
        ({"overhead": -4}, MBIT * 1514 // 1510),
        ({"layer": "atm"}, MBIT * 1514 // (32 * 53)),
    ],
)
def test_rates_that_count_otherwise_are_told_in_frames(said: dict[str, object], rate_bps: int) -> None:
    now = made(intent(p=out(MBIT, 2 * MBIT, **said)))
    rates = [held.rate_bps for held in now.state.values() if isinstance(held, HtbClass) and held.netns == ""]
    assert any(abs(rate - rate_bps) < 16 for rate in rates), rates


def test_an_aggregate_is_no_policy_of_each_port() -> None:
    now = made(intent(p=None, qos=out(None, 10 * MBIT)))
    assert {held.ifname for held in now.state.values() if isinstance(held, HtbClass)} == {"eth0"}


# what is refused


def test_no_capacity() -> None:
    path, what, fix = one(intent(p=out(MBIT), host=None))
    assert path == QOS_P
    assert what == "a guarantee on the way out needs to know what eth0 carries"
    assert fix.startswith("`host: links: eth0: {existing: true, capacity: 1gbit}`")


def test_no_capacity_of_the_second_link() -> None:
    assert "what eth1 carries" in one(intent(p=out(MBIT)), egress_links=("eth0", "eth1"))[1]


def test_no_way_out_is_known() -> None:
    found = one(intent(p=out(MBIT), host=None), egress_links=())
    assert found[0] == QOS_P
    assert "no default route" in found[1]
    assert made(intent(p=out(MBIT)), replace(KNOWN, egress_links=())).state  # the file says which link


def test_more_than_there_is() -> None:
    found = findings(intent(p=out(15 * MBIT), q=out(6 * MBIT), r=None))
    assert [(f.path, f.what) for f in found] == [
        (CAPACITY, "guarantees come to 21mbit of 20mbit, what leads out by eth0: "
         "tenants.t.ports.p 15mbit, tenants.t.ports.q 6mbit"),
        (QOS_P, "15mbit of 21mbit that are too much for what leads out by eth0"),
        (("tenants", "t", "ports", "q", "qos"), "6mbit of 21mbit that are too much for what leads out by eth0"),
    ]  # fmt: skip
    assert findings(intent(p=out(15 * MBIT), q=out(5 * MBIT))) == []


def test_what_a_tenant_has_counts_once() -> None:
    assert findings(intent(p=out(5 * MBIT), q=out(5 * MBIT), qos=out(20 * MBIT))) == []


@pytest.mark.parametrize(
    ("aggregate", "word"), [(out(4 * MBIT), "rate"), (out(4 * MBIT, 9 * MBIT), "rate"), (out(None, 4 * MBIT), "ceil")]
)
def test_more_than_a_tenant_has(aggregate: QosUse, word: str) -> None:
    found = findings(intent(p=out(5 * MBIT), qos=aggregate))
    assert found[0].path == ("tenants", "t", "qos", "egress")
    assert found[0].what == f"guarantees come to 5mbit of 4mbit, the {word} of tenants.t: tenants.t.ports.p 5mbit"


def test_nothing_is_shared_where_nothing_leads_out() -> None:
    net = Network(subnets=(Subnet(cidr="10.0.0.0/24"),))
    [(path, what)] = warnings(intent(p=out(MBIT), net=net))
    assert path == QOS_P
    assert what.endswith("`rate` guarantees nothing: it is a limit and no more")
    assert warnings(intent(p=out(MBIT, MBIT * 2), net=net))[0][1].endswith("it has no effect beside its `ceil`")
    assert warnings(intent(p=out(None, MBIT), net=net)) == []


def test_aggregates_of_what_leads_nowhere() -> None:
    net = Network(subnets=(Subnet(cidr="10.0.0.0/24"),), qos=out(MBIT))
    assert one(intent(net=net))[0] == ("tenants", "t", "networks", "n", "qos")
    assert one(intent(net=replace(net, qos=None), qos=out(MBIT)))[0] == ("tenants", "t", "qos")


def test_an_aggregate_has_no_classes_of_its_own() -> None:
    voice = QosClass(match=(QosMatch(dscp=(46,)),), rate=1000)
    wanted = intent(qos=out(MBIT, classes={"voice": voice}, dscp_mark=46))
    assert [f.path[-1] for f in findings(wanted)] == ["classes", "dscp_mark"]


def test_an_aggregate_of_nothing() -> None:
    assert one(intent(qos=out(priority=1)))[1] == "neither a rate nor a ceil, so there is nothing to divide"


def test_a_link_with_a_tree_of_its_own() -> None:
    link = HostLink(existing=True, capacity=20 * MBIT, qos=out(None, MBIT))
    path, what, _ = one(intent(p=out(MBIT), host=NamespaceConfig(links={"eth0": link})))
    assert path == ("host", "links", "eth0", "qos", "egress")
    assert "tenants.t.ports.p asks for a part" in what


@pytest.mark.parametrize("lacks", ["htb", "ifb", "nft_egress", "nft_fwd"])
def test_a_kernel_that_lacks_something(lacks: str) -> None:
    with pytest.raises(CompileError) as refused:
        made(intent(p=both(MBIT)), replace(KNOWN, features=KNOWN.features - {lacks}))
    assert [f.feature for f in refused.value.findings] == [lacks]


def test_a_queue_of_all_together_that_the_kernel_lacks() -> None:
    known, wanted = replace(KNOWN, features=KNOWN.features - {"sfq"}), intent(qos=out(MBIT, leaf="sfq"), p=None)
    assert [what for _, what, *_ in warnings(wanted, known)] == ["this kernel lacks sfq: fq_codel does instead"]
    assert not warnings(wanted, KNOWN)


def test_a_limit_of_all_together_above_what_the_link_carries() -> None:
    assert warnings(intent(p=out(MBIT, 90 * MBIT), qos=out(5 * MBIT, 30 * MBIT))) == [
        (
            ("tenants", "t", "qos", "egress", "ceil"),
            "a ceil of 30mbit is above the 20mbit that eth0 carries: it limits nothing",
        )
    ]
    assert warnings(intent(p=out(MBIT, 90 * MBIT), qos=out(5 * MBIT, 20 * MBIT))) == []


def test_a_capacity_that_the_link_has_not() -> None:
    known = replace(KNOWN, lines={"eth0": Line(mac="02::", speed_bps=10 * MBIT)})
    assert warnings(intent(p=out(MBIT)), known)[0][1].startswith("eth0 sends at 10mbit")


def test_a_link_of_many_queues() -> None:
    known = replace(KNOWN, lines={"eth0": Line(mac="02::", queues=8)})
    assert "eth0's 8 queues" in warnings(intent(p=out(MBIT)), known)[0][1]


def test_defaults_of_ports_and_policies_by_name() -> None:
    wanted = intent(p=None)
    tenant = replace(
        wanted.tenants["t"],
        port_qos=QosUse(policy="gold"),
        qos_policies={"gold": QosPolicy(egress=QosDirection(rate=2 * MBIT))},
    )
    classes = [
        held.rate_bps
        for held in made(replace(wanted, tenants={"t": tenant})).state.values()
        if isinstance(held, HtbClass)
    ]
    assert 2 * MBIT in classes


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        (intent(p=out(100, 5 * MBIT)), (*QOS_P, "egress", "rate")),
        (intent(qos=out(ceil=100), p=None), ("tenants", "t", "qos", "egress", "ceil")),
        (intent(qos=out(100, 5 * MBIT), p=None), ("tenants", "t", "qos", "egress", "rate")),
    ],
)
def test_what_is_slower_than_htb_can_count(wanted: Intent, path: tuple[str, ...]) -> None:
    assert one(wanted) == (path, "at 100bit a frame of 1514 bytes takes more than 60 seconds", "at least 202bit")


EXTERNAL = ExternalNetwork(link="eth1", subnets=(ExternalSubnet(cidr="203.0.113.0/24", gateway="203.0.113.1"),))
BEHIND = {
    "links": {**MACHINE.links, "eth1": ForeignLink(ifname="eth1")},
    "lines": {name: Line(mac=f"52:54:00:00:00:0{name[-1]}") for name in ("eth0", "eth1")},
}


def behind(
    *interfaces: str,
    qos: QosUse | None = None,
    net_qos: QosUse | None = None,
    gateway: RouterGateway = RouterGateway(network="internet"),  # noqa: B008
    more: dict[str, Router] | None = None,
    **ports: QosUse | None,
) -> Intent:
    """Networks n and m, a router that joins some to the external network, and ports of n."""
    nets = {
        "n": Network(subnets=(Subnet(cidr="10.0.0.0/24"),), qos=net_qos),
        "m": Network(subnets=(Subnet(cidr="10.1.0.0/24"),)),
    }
    edge = Router(interfaces=tuple(RouterInterface(network=name) for name in interfaces), gateway=gateway)
    tenant = Tenant(
        networks=nets,
        routers={"edge": edge, **(more or {})},
        ports={name: port(name, asked) for name, asked in ports.items()},
        qos=qos,
    )
    links = host(eth0=20 * MBIT, eth1=10 * MBIT)
    return Intent(name="lab", tenants={"t": tenant}, host=links, external_networks={"internet": EXTERNAL})


def trees(compiled: Compiled) -> set[str]:
    return {held.ifname for held in compiled.state.values() if isinstance(held, Htb) and held.netns == ""}


def test_behind_a_router_the_tree_is_on_the_external_network_s_link_alone() -> None:
    assert trees(made(behind("n", p=out(MBIT)), facts(**BEHIND))) == {"eth1"}
    found = findings(behind("n", p=out(11 * MBIT)), **BEHIND)
    assert found[0].path == ("host", "links", "eth1", "capacity")
    assert found[0].what.startswith("guarantees come to 11mbit of 10mbit, what leads out by eth1")


def test_a_network_s_share_needs_a_router_of_its_own() -> None:
    [found] = findings(behind("n", "m", net_qos=out(MBIT)), **BEHIND)
    assert found.path == ("tenants", "t", "networks", "n", "qos")
    assert found.what.startswith("router edge leads other networks out too")
    assert trees(made(behind("n", net_qos=out(MBIT)), facts(**BEHIND))) == {"eth1"}


def test_who_leaves_by_either_of_two_routers_has_no_share() -> None:
    gateway = RouterGateway(network="internet")

    def by(address: str) -> Router:
        return Router(interfaces=(RouterInterface(network="n", address=(address,)),), gateway=gateway)

    more = {"one": by("10.0.0.200"), "two": by("10.0.0.201")}
    [found] = findings(behind("m", p=out(MBIT), more=more), **BEHIND)
    assert found.path == QOS_P and "leads out by router" in found.what
    assert trees(made(behind("n", p=out(MBIT), more=more), facts(**BEHIND))) == {"eth1"}, "the gateway's it is"


def test_a_port_has_an_address_of_the_pool_only_where_its_router_translates() -> None:
    compiled = made(behind("n", p=out(MBIT), free=None), facts(**BEHIND))
    assert set(compiled.allocations.transit) == {("t", "edge", "10.0.0.2")}
    bare = behind("n", p=out(MBIT), gateway=RouterGateway(network="internet", snat=("false",)))
    assert not made(bare, facts(**BEHIND)).allocations.transit


def test_behind_a_router_it_keeps_its_address_of_the_pool() -> None:
    before = made(behind("n", p=out(MBIT), q=out(MBIT)), facts(**BEHIND))
    held = transit_addresses(before.state, Owner(facts().host_id, "lab"))
    assert held == before.allocations.transit
    later = made(behind("n", p=None, q=out(MBIT)), facts(**BEHIND, transit_held=held))
    kept = {key: address for key, address in held.items() if key[2] == "10.0.0.3"}
    assert later.allocations.transit == kept


def test_of_a_router_s_pool_a_port_has_one_by_its_own_address() -> None:
    gateway = RouterGateway(network="internet", snat=("203.0.113.50-203.0.113.53",))
    elements = [
        held
        for held in made(behind("n", p=both(MBIT), q=both(MBIT), gateway=gateway), facts(**BEHIND)).state.values()
        if isinstance(held, NftElement) and held.set == "outside4"
    ]
    assert sorted(held.value or "" for held in elements) == ["203.0.113.52", "203.0.113.53"]


def test_the_pool_is_checked_behind_routers_too_where_networks_have_addresses_of_it() -> None:
    wanted = behind("n", p=out(MBIT))
    (tenant,) = wanted.tenants.values()
    inside = Network(subnets=(Subnet(cidr="198.18.0.0/24"),))
    beside = Network(subnets=(Subnet(cidr="10.9.0.0/24"),), uplink=Uplink.NAT)
    networks = {**tenant.networks, "n": inside, "beside": beside}
    [found] = findings(replace(wanted, tenants={"t": replace(tenant, networks=networks)}), **BEHIND)
    assert found.path == ("pools", "ipv4") and found.what.endswith("meets 198.18.0.0/24 of network n")


def test_an_external_network_without_an_address_left_is_told() -> None:
    wanted = behind("n", p=out(MBIT))
    (network,) = wanted.external_networks.values()
    (subnet,) = network.subnets
    narrow = replace(network, subnets=(replace(subnet, pools=("203.0.113.9-203.0.113.9",)),))
    (tenant,) = wanted.tenants.values()
    other = Tenant(
        networks={"n": Network(subnets=(Subnet(cidr="10.0.0.0/24"),))},
        routers={"edge": tenant.routers["edge"]},
        ports={"p": port("x", out(MBIT))},
    )
    full = replace(wanted, tenants={"t": tenant, "u": other}, external_networks={"internet": narrow})
    assert "no IPv4 address left" in " ".join(one.what for one in findings(full, **BEHIND))


def test_a_tenant_s_qos_of_nothing_is_told_beside_a_network_s() -> None:
    empty = QosUse(egress=QosDirection(priority=1))
    for wanted in (behind("n", qos=empty, net_qos=out(MBIT)), intent(qos=empty, net=replace(NAT, qos=out(MBIT)))):
        [found] = findings(wanted, **BEHIND)
        assert found.what.startswith("neither a rate nor a ceil")


def test_a_router_that_joins_nothing_leads_nobody_out() -> None:
    [found] = findings(behind(qos=out(MBIT)), **BEHIND)
    assert found.what.startswith("none of the tenant's networks leads out")
