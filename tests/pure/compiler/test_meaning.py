"""Every error of meaning: what is said, and where. The intents are as small as the error allows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.pure.compiler.intents import MACHINE, facts, findings, intent, port, tap
from weft.compiler import Cause, CompileError, compile
from weft.errors import FeatureMissing, IntentInvalid, Refused
from weft.facts import ForeignLink
from weft.kinds.link.veth import Veth
from weft.kinds.nft.chain import NftChain
from weft.model.intent import (
    Attach,
    Intent,
    NamespaceConfig,
    NeighbourSpec,
    Network,
    Pools,
    Port,
    RouteSpec,
    RuleSpec,
    Subnet,
    Tcp,
    Tenant,
    Uplink,
)
from weft.model.links import DummyLink, HostLink, VethLink
from weft.model.router import Router, RouterInterface
from weft.model.tuning import LinkTuning, Offloads

NET = ("tenants", "t", "networks", "n")
PORT = ("tenants", "t", "ports", "p")


def one(wanted: Intent, **known: object) -> tuple[tuple[str, ...], str, str]:
    """The only finding: path, what, fix."""
    found = findings(wanted, **known)
    assert len(found) == 1, [f.what for f in found]
    return found[0].path, found[0].what, found[0].fix


def network(*cidrs: str, **fields: object) -> Network:
    return Network(subnets=tuple(Subnet(cidr=cidr) for cidr in cidrs), **fields)  # type: ignore[arg-type]


# subnets and MTUs


@pytest.mark.parametrize("cidrs", [("10.0.0.0/16", "10.0.4.0/24"), ("10.0.4.0/24", "10.0.0.0/16"), ("fd00::/64",) * 2])
def test_overlapping_subnets_are_found_at_the_later(cidrs: tuple[str, str]) -> None:
    path, what, _ = one(intent(network(*cidrs)))
    assert path == (*NET, "subnets", "1")
    assert what == f"{cidrs[1]} overlaps {cidrs[0]} of the same network"


def test_a_link_local_subnet_is_refused() -> None:
    assert "link-local" in one(intent(network("fe80::/64")))[1]


@pytest.mark.parametrize(
    ("gateway", "why"), [("10.0.1.1", "outside"), ("10.0.0.0", "no host's"), ("10.0.0.255", "no host's")]
)
def test_a_gateway_is_a_host_of_its_subnet(gateway: str, why: str) -> None:
    path, what, fix = one(intent(Network(subnets=(Subnet(cidr="10.0.0.0/24", gateway=gateway),))))
    assert path == (*NET, "subnets", "0", "gateway")
    assert why in what
    assert fix == "one of 10.0.0.1 to 10.0.0.254"


@pytest.mark.parametrize(
    ("net", "least"), [(network("10.0.0.0/24", mtu=67), 68), (network("10.0.0.0/24", "fd00::/64", mtu=1279), 1280)]
)
def test_an_mtu_too_small(net: Network, least: int) -> None:
    path, _, fix = one(intent(net))
    assert path == (*NET, "mtu")
    assert f"at least {least}" in fix


def test_the_least_mtu_that_goes() -> None:
    assert findings(intent(network("10.0.0.0/24", mtu=68))) == []
    assert findings(intent(network("fd00::/64", mtu=1280))) == []


def test_an_mtu_above_the_way_out_is_the_networks_own_and_the_router_clamps() -> None:
    jumbo = network("10.0.0.0/24", mtu=9000, uplink=Uplink.NAT)
    made = compile(intent(jumbo), facts())
    mtus = {obj.mtu for obj in made.state.values() if isinstance(obj, Veth)}
    assert mtus == {9000, 1500}
    assert any(
        "maxseg size set rt mtu" in rule for o in made.state.values() if isinstance(o, NftChain) for rule in o.rules
    )
    assert findings(intent(network("10.0.0.0/24", mtu=9000))) == []


def test_an_mtu_above_the_network() -> None:
    path, what, _ = one(intent(network("10.0.0.0/24", mtu=1400), port(mtu=1500)))
    assert path == (*PORT, "mtu")
    assert "above the 1400 of network n" in what


def test_a_port_mtu_below_ipv6() -> None:
    assert "1280" in one(intent(network("fd00::/64"), port(mtu=1000)))[1]
    assert findings(intent(network("10.0.0.0/24"), port(mtu=1000))) == []


# addresses


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("10.1.0.5", "in no subnet of network n"),
        ("fd00::5", "in no subnet of network n"),
        ("10.0.0.0", "network's own address"),
        ("10.0.0.255", "broadcast address"),
        ("10.0.0.1", "the gateway of 10.0.0.0/24"),
    ],
)
def test_an_address_that_no_port_can_have(address: str, why: str) -> None:
    path, what, _ = one(intent(network("10.0.0.0/24", uplink=Uplink.NAT), port(addresses=(address,))))
    assert path == (*PORT, "addresses", "0")
    assert why in what


@pytest.mark.parametrize(
    ("to", "fix"),
    [
        ("192.0.2.0/24", "lead one of them to another prefix, or by another metric"),
        ("default", "give one a route to default of its own with another metric, or its subnet `gateway: none`"),
    ],
)
def test_two_that_lead_the_same_elsewhere(to: str, fix: str) -> None:
    ports = {name: port("both", routes=(RouteSpec(to=to, via=f"10.0.0.{at}"),)) for at, name in enumerate("ab", 2)}
    _, what, said = one(intent(network("10.0.0.0/24"), **ports))
    assert "has a route" in what and said == fix


def test_an_address_used_twice_is_found_at_the_second() -> None:
    two = {name: port(name, addresses=("10.0.0.5",)) for name in ("a", "b")}
    path, what, _ = one(intent(network("10.0.0.0/24"), **two))
    assert path == ("tenants", "t", "ports", "b", "addresses", "0")
    assert what == "10.0.0.5 is port a's"


def test_an_address_given_twice_to_one_port() -> None:
    assert one(intent(network("10.0.0.0/24"), port(addresses=("10.0.0.5", "10.0.0.5"))))[1].endswith("given twice")


def test_an_address_that_another_port_holds_is_refused() -> None:
    wanted = intent(network("10.0.0.0/24"), a=port("a"), b=port("b", addresses=("10.0.0.7",)))
    path, what, fix = one(wanted, held={("t", "a"): ("10.0.0.7",)})
    assert path == ("tenants", "t", "ports", "b", "addresses")
    assert what == "10.0.0.7 is held by port a, which would lose it"
    assert "for a" in fix


def test_an_address_that_a_port_holds_is_not_taken_by_a_router_that_names_it() -> None:
    edge = Router(interfaces=(RouterInterface(network="n", address=("10.0.0.7",)),))
    shop = Tenant(networks={"n": network("10.0.0.0/24")}, routers={"edge": edge}, ports={"a": port("a")})
    wanted = Intent(name="lab", tenants={"t": shop})
    path, what, fix = one(wanted, held={("t", "a"): ("10.0.0.7",)})
    assert path == ("tenants", "t", "routers", "edge", "interfaces", "0", "address", "0")
    assert (what, fix) == (
        "10.0.0.7 is held by port a, which would lose it",
        "another address here, or `addresses:` for a too",
    )


@pytest.mark.parametrize(
    ("cidr", "ports", "room", "fits"),
    [
        ("10.0.0.0/29", 7, 6, "/28"),
        ("10.0.0.0/30", 3, 2, "/29"),
        ("fd00::/125", 8, 7, "/124"),
        ("10.0.0.0/24", 300, 254, "/23"),
    ],
)
def test_a_range_too_large_for_its_subnet_is_one_finding(cidr: str, ports: int, room: int, fits: str) -> None:
    many = {f"p{at}": port(f"p{at}") for at in range(ports)}
    path, what, fix = one(intent(network(cidr), **many))
    assert path == ("tenants", "t", "ports", f"p{room}")
    assert f"has room for {room} ports, {ports} want" in what
    assert fix == f"a {fits} would do"


def test_the_gateway_takes_room() -> None:
    many = {f"p{at}": port(f"p{at}") for at in range(6)}
    assert "room for 5 ports" in one(intent(network("10.0.0.0/29", uplink=Uplink.NAT), **many))[1]


@pytest.mark.parametrize(("uplink", "most"), [(None, 1023), (Uplink.NAT, 1022)])
def test_more_links_than_a_bridge_takes(uplink: Uplink | None, most: int) -> None:
    many = {f"p{at}": port(f"p{at}") for at in range(most)}
    net = network("10.0.0.0/16", uplink=uplink)
    assert findings(intent(net, **many)) == []
    path, what, _ = one(intent(net, **many, last=port("last")))
    assert path == NET
    assert "takes 1023" in what


def test_a_mac_used_twice_on_a_network() -> None:
    two = {name: port(name, mac="52:54:00:00:00:01") for name in ("a", "b")}
    path, what, _ = one(intent(network("10.0.0.0/24"), **two))
    assert path == ("tenants", "t", "ports", "b", "mac")
    assert "port a" in what


# names


def test_two_links_of_one_name_in_a_namespace() -> None:
    two = {name: Port(network="n", attach=Attach(netns="x", ifname="eth0")) for name in ("a", "b")}
    path, what, fix = one(intent(network(), **two))
    assert path == ("tenants", "t", "ports", "b")
    assert what == "a link eth0 on namespace x is made by tenants.t.ports.a too"
    assert "ifname:" in fix


def test_two_taps_of_one_name() -> None:
    path, what, _ = one(intent(network(), a=tap(name="vm"), b=tap(name="vm")))
    assert path == ("tenants", "t", "ports", "b")
    assert "link vm on the host" in what


def test_a_port_and_a_link_of_the_host_of_one_name() -> None:
    host = NamespaceConfig(links={"p": DummyLink()})
    path, what, _ = one(intent(network(), p=Port(network="n", attach=Attach(host=True)), host=host))
    assert path == ("host", "links", "p")
    assert "tenants.t.ports.p" in what


@pytest.mark.parametrize("name", ["lo", "all", "a*b", 'a"b', "-x", "sixteen-letters."])
def test_a_name_that_is_not_plain(name: str) -> None:
    path, what, _ = one(intent(network(), p=Port(network="n", attach=Attach(netns="x", ifname=name))))
    assert path == (*PORT, "attach")
    assert "no name that weft gives" in what


def test_nobody_attaches_to_wefts_own_namespaces() -> None:
    found = findings(intent(network(), p=Port(network="n", attach=Attach(netns="weft.lab.t"))))
    assert [f.path for f in found] == [(*PORT, "attach")]
    assert one(intent(network(), namespaces={"weft.lab.t": NamespaceConfig()}))[0] == ("namespaces", "weft.lab.t")


def test_two_things_of_one_id() -> None:
    same = {
        "a": port("a", id="2f1b0e9a-6c1e-4c39-9d5e-0a4c5a0f3b11"),
        "b": port("b", id="2f1b0e9a-6c1e-4c39-9d5e-0a4c5a0f3b11"),
    }
    path, what, _ = one(intent(network(), **same))
    assert (path, what) == (("tenants", "t", "ports", "b"), "tenants.t.ports.a has the same id")
    assert "same id" in one(intent(network(), a=port("a"), b=port("b", was="a")))[1]


def test_marks_that_the_kernel_cannot_hold() -> None:
    path, what, _ = one(intent(network(), p=Port(network="n", attach=Attach(netns="x"), alias="é" * 120)))
    assert path == PORT
    assert "255 bytes" in what


def test_a_network_that_is_not_there() -> None:
    wanted = Intent(name="lab", tenants={"t": Tenant(networks={"m": Network()}, ports={"p": port()})})
    path, what, fix = one(wanted)
    assert (path, what, fix) == ((*PORT, "network"), "tenant t has no network n", "its networks: m")


# uplinks


@pytest.mark.parametrize(
    "net",
    [Network(uplink=Uplink.NAT), Network(subnets=(Subnet(cidr="10.0.0.0/24", gateway=""),), uplink=Uplink.ROUTED)],
)
def test_an_uplink_with_nothing_to_lead_out(net: Network) -> None:
    assert one(intent(net))[0] == (*NET, "uplink")


def test_routed_subnets_that_overlap() -> None:
    nets = {"a": network("10.0.0.0/16", uplink=Uplink.ROUTED), "b": network("10.0.5.0/24", uplink=Uplink.ROUTED)}
    tenants = {name: Tenant(networks={"n": net}) for name, net in nets.items()}
    path, what, _ = one(Intent(name="lab", tenants=tenants))
    assert path == ("tenants", "b", "networks", "n", "subnets", "0")
    assert "meets 10.0.0.0/16 of network a/n" in what


def test_equal_addresses_of_two_tenants_are_fine() -> None:
    net = network("10.0.0.0/16", uplink=Uplink.NAT)
    tenants = {name: Tenant(networks={"n": net}, ports={"p": port(name)}) for name in ("a", "b")}
    assert findings(Intent(name="lab", tenants=tenants)) == []


def test_a_routed_subnet_that_the_host_has_a_route_to() -> None:
    wanted = intent(network("10.0.5.0/24", uplink=Uplink.ROUTED))
    path, what, _ = one(wanted, host_routes=("0.0.0.0/0", "10.0.0.0/8"))
    assert path == (*NET, "subnets", "0")
    assert "10.0.0.0/8" in what
    assert findings(wanted, host_routes=("0.0.0.0/0",)) == []
    near = {"eth1": ForeignLink(ifname="eth1", addresses=("10.0.5.9/24", "fe80::1/64"))}
    assert "10.0.5.0/24" in one(wanted, links=near)[1]


def test_a_pool_that_is_used_up() -> None:
    nets = {f"n{at}": network("10.0.0.0/24", uplink=Uplink.NAT) for at in range(3)}
    wanted = Intent(name="lab", tenants={"t": Tenant(networks=nets)}, pools=Pools(ipv4="198.18.0.0/30"))
    path, what, _ = one(wanted)
    assert path == ("tenants", "t", "networks", "n2", "uplink")
    assert "has 2 addresses to give, 3 networks" in what
    assert "has 1 addresses" in one(wanted, pool_taken=frozenset({"198.18.0.1"}))[1]


def test_a_pool_in_the_way_of_something() -> None:
    wanted = intent(network("10.0.0.0/24", uplink=Uplink.NAT))
    path, what, _ = one(wanted, host_routes=("198.18.5.0/24",))
    assert path == ("pools", "ipv4")
    assert "198.18.5.0/24" in what
    assert findings(wanted, host_routes=("198.18.0.1/32",), pool_taken=frozenset({"198.18.0.1"})) == []
    assert "of network n" in one(intent(network("198.18.0.0/24", uplink=Uplink.NAT)))[1]


def test_a_port_on_the_host_keeps_off_what_the_host_reaches() -> None:
    wanted = intent(network("192.0.2.0/25"), p=Port(network="n", attach=Attach(host=True)))
    assert "the host reaches 192.0.2.0/24 already" in one(wanted)[1]
    routed = intent(network("10.0.0.0/24", uplink=Uplink.ROUTED), p=Port(network="n", attach=Attach(host=True)))
    assert "route to it as well" in one(routed)[1]


# routes, rules, neighbours, settings


def test_two_default_routes_in_a_namespace() -> None:
    nets = {name: network("10.0.0.0/24", uplink=Uplink.NAT) for name in ("n", "m")}
    ports = {"a": port("x"), "b": Port(network="m", attach=Attach(netns="x"))}
    path, what, fix = one(Intent(name="lab", tenants={"t": Tenant(networks=nets, ports=ports)}))
    assert path == ("tenants", "t", "ports", "b")
    assert "tenants.t.ports.a has a route 0.0.0.0/0" in what
    assert "metric" in fix


def test_a_next_hop_off_the_ports_subnets() -> None:
    off = RouteSpec(to="10.9.0.0/16", via="10.1.0.1")
    path, what, _ = one(intent(network("10.0.0.0/24"), port(routes=(off,))))
    assert path == (*PORT, "routes", "0")
    assert "10.1.0.1" in what
    fine = (RouteSpec(to="10.9.0.0/16", via="10.1.0.1", onlink=True), RouteSpec(to="10.8.0.0/16", via="fe80::1"))
    assert findings(intent(network("10.0.0.0/24"), port(routes=fine))) == []


def test_a_tap_has_no_routes() -> None:
    routes = (RouteSpec(to="default", via="10.0.0.9"),)
    wanted = Port(network="n", attach=tap().attach, routes=routes)
    assert one(intent(network("10.0.0.0/24"), p=wanted))[0] == (*PORT, "routes")


def host(**fields: object) -> Intent:
    return Intent(name="lab", host=NamespaceConfig(**fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "path", "why"),
    [
        (host(routes=(RouteSpec(to="10.9.0.0/16", via="10.1.0.1"),)), ("host", "routes", "0"), "leads to 10.1.0.1"),
        (host(routes=(RouteSpec(to="default"),)), ("host", "routes", "0"), "leads to 0.0.0.0/0"),
        (
            host(routes=(RouteSpec(to="10.9.0.0/16", dev="eth0", type="blackhole"),)),
            ("host", "routes", "0"),
            "leads nowhere",
        ),
        (host(routes=(RouteSpec(to="10.9.0.0/16", dev="eth0"),) * 2), ("host", "routes", "1"), "has a route"),
        (host(rules=(RuleSpec(priority=5), RuleSpec(priority=5))), ("host", "rules", "1"), "rule inet 5"),
        (host(rules=(RuleSpec(priority=5, src="fd00::/64"),)), ("host", "rules", "0"), "not of the rule's family"),
        (host(neighbours=(NeighbourSpec(address="10.0.0.5", dev="eth0"),)), ("host", "neighbours", "0"), "neither"),
        (
            host(neighbours=(NeighbourSpec(address="10.0.0.5", dev="eth0", mac="02:00:00:00:00:01", proxy=True),)),
            ("host", "neighbours", "0"),
            "no MAC",
        ),
        (
            host(sysctls={"net/ipv4/tcp_mtu_probing": "2"}, tcp=Tcp(mtu_probing=1)),
            ("host", "tcp", "mtu_probing"),
            "another value",
        ),
        (host(tcp=Tcp(rmem=(4096, 9000, 8000))), ("host", "tcp", "rmem"), "not in order"),
        (host(links={"x": HostLink()}), ("host", "links", "x"), "not said"),
        (host(links={"x": VethLink(peer="x")}), ("host", "links", "x", "peer"), "other end"),
        (
            host(links={"x": VethLink(peer="y"), "y": DummyLink()}),
            ("host", "links", "x", "peer"),
            "not the other end",
        ),
        (host(links={"x": DummyLink(master="no")}), ("host", "links", "x", "master"), "no bridge or bond no"),
        (host(links={"x": DummyLink(mtu=60)}), ("host", "links", "x", "mtu"), "68"),
        (host(links={"eth9": HostLink(existing=True)}), ("host", "links", "eth9"), "no link eth9"),
        (
            host(links={"eth0": HostLink(existing=True, mac="02:00:00:00:00:01", altnames=("a",))}),
            ("host", "links", "eth0"),
            "mac, altnames",
        ),
        (
            Intent(
                name="lab",
                namespaces={"x": NamespaceConfig(links={"lo": HostLink(existing=True, alias="mine", mtu=9000)})},
            ),
            ("namespaces", "x", "links", "lo", "alias"),
            "weft marks",
        ),
        (
            host(
                links={"eth0": HostLink(existing=True, tuning=LinkTuning(offloads=Offloads(tso=True, checksum=False)))}
            ),
            ("host", "links", "eth0", "tuning", "offloads", "tso"),
            "no checksums",
        ),
        (
            Intent(name="lab", namespaces={"x": NamespaceConfig(sysctls={"vm/swappiness": "1"})}),
            ("namespaces", "x", "sysctls", "vm/swappiness"),
            "whole machine's",
        ),
    ],
)
def test_host_and_namespaces(wanted: Intent, path: tuple[str, ...], why: str) -> None:
    at, what, _ = one(wanted)
    assert at == path
    assert why in what


def test_forwarding_that_an_uplink_needs_cannot_be_turned_off() -> None:
    off = NamespaceConfig(sysctls={"net/ipv4/ip_forward": "0"})
    path, what, _ = one(intent(network("10.0.0.0/24", uplink=Uplink.NAT), host=off))
    assert path == ("host", "sysctls", "net/ipv4/ip_forward")
    assert "tenants.t.networks.n wants another value" in what


# the machine


@pytest.mark.parametrize(
    ("wanted", "missing", "instead"),
    [
        (host(links={"x": DummyLink()}), "dummy", "kind: bridge"),
        (intent(network("10.0.0.0/24"), p=tap()), "nft_fwd", "netns"),
        (intent(network("10.0.0.0/24"), p=tap()), "tap", "netns"),
        (intent(network("10.0.0.0/24", uplink=Uplink.NAT)), "nft_nat", "routed"),
        (intent(network("10.0.0.0/24", uplink=Uplink.ROUTED)), "ipv6", "do without"),
    ],
)
def test_a_missing_feature_is_named_once_with_what_would_do(wanted: Intent, missing: str, instead: str) -> None:
    found = findings(wanted, features=MACHINE.features - {missing})
    assert len(found) == 1
    assert found[0].cause is Cause.FEATURE
    assert missing in found[0].what
    assert instead in found[0].fix


def test_br_netfilter_is_no_need() -> None:
    compiled = compile(intent(network("10.0.0.0/24"), port()), facts(features=MACHINE.features - {"br_netfilter"}))
    assert not [key for key in compiled.state if "bridge-nf-call" in key.name]


@pytest.mark.parametrize(("word", "kind"), [("owner", "user"), ("group", "group")])
def test_an_unknown_user_of_a_tap(word: str, kind: str) -> None:
    path, what, _ = one(intent(network(), p=tap(**{word: "nobody-here"})))
    assert path == (*PORT, "attach", "tap", word)
    assert what == f"this machine has no {kind} nobody-here"


def test_a_congestion_control_that_only_the_first_namespace_may_take() -> None:
    known = {"features": MACHINE.features | {"tcp_cubic", "tcp_bbr"}, "tcp_allowed": frozenset({"reno", "bbr"})}

    def wanted(name: str, **on_host: object) -> Intent:
        return replace(host(**on_host), namespaces={"red": NamespaceConfig(tcp=Tcp(congestion_control=name))})

    path, what, fix = one(wanted("cubic"), **known)
    assert path == ("namespaces", "red", "tcp", "congestion_control") and "only the machine's first" in what
    assert fix.endswith("tcp_allowed_congestion_control: bbr reno cubic")
    opened = {"net/ipv4/tcp_allowed_congestion_control": "reno cubic"}
    assert findings(wanted("bbr"), **known) == findings(wanted("cubic", sysctls=opened), **known) == []
    assert findings(wanted("cubic"), features=known["features"]) == []
    first = host(tcp=Tcp(congestion_control="cubic"))
    assert one(first, **known)[0] == ("host", "tcp", "congestion_control")
    assert findings(first, **known, host_is_first=True) == []


def test_a_pidfile_of_no_process() -> None:
    wanted = intent(network(), p=Port(network="n", attach=Attach(pidfile="/run/x.pid")))
    left_out = compile(wanted, facts())
    (warning,) = left_out.warnings
    assert warning.path == (*PORT, "attach") and "/run/x.pid" in warning.what
    assert PORT not in left_out.paths.values()
    there = compile(wanted, facts(pids={"/run/x.pid": 7}))
    assert there.warnings == () and PORT in there.paths.values()


# all together


def test_all_errors_come_at_once() -> None:
    ports = {f"p{at}": port(f"p{at}", addresses=(f"10.9.0.{at}",), mtu=9000) for at in range(3)}
    assert len(findings(intent(network("10.0.0.0/24"), **ports))) == 6


def raised(wanted: Intent, **known: object) -> CompileError:
    with pytest.raises(CompileError) as caught:
        compile(wanted, facts(**known))
    return caught.value


def test_the_error_says_whose_fault_it_is() -> None:
    bad = raised(intent(network(), port(addresses=("10.0.0.1",)))).told(lambda path: "file:1:2")
    assert isinstance(bad, IntentInvalid)
    assert bad.problems[0].where == "file:1:2"
    lacking = raised(host(links={"x": DummyLink()}), features=MACHINE.features - {"dummy"}).told()
    assert isinstance(lacking, FeatureMissing)
    assert type(raised(intent(network(), p=tap(owner="nobody-here"))).told()) is Refused


def test_settings_of_an_existing_link() -> None:
    tuning = LinkTuning(gso_max_size=60000, offloads=Offloads(gro=False, checksum=True))
    wanted = host(links={"eth0": HostLink(existing=True, mtu=1400, tuning=tuning, addresses=("192.0.2.9/24",))})
    state = compile(wanted, facts()).state
    assert {(key.table, key.name): getattr(obj, "value", "") for key, obj in state.items()} == {
        ("link-setting", "eth0 mtu"): "1400",
        ("link-setting", "eth0 gso_max_size"): "60000",
        ("link-setting", "eth0 offload/rx-gro"): "off",
        ("link-setting", "eth0 offload/tx-checksum-ip-generic"): "on",
        ("address", "eth0 192.0.2.9/24"): "",
    }
