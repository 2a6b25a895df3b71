"""Facts from an observed State: whose is what, what is held, how the host reaches the world."""

from __future__ import annotations

from pathlib import Path

from weft.backends.carriers import Carrier
from weft.backends.nft_dump import Chain
from weft.facts import ForeignLink, ForwardDrop, Line
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.link.common import OtherLink
from weft.kinds.link.tap import Tap
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.kinds.nft.element import NftElement
from weft.model.intent import Attach, Intent, Port, TapAttach, Tenant
from weft.probe import accounts, firewall, held, links
from weft.probe.held import Owner
from weft.reach import foreign
from weft.reach.foreign import nft_text
from weft.reach.foreign.transit import Passage
from weft.state import PROTOCOL, State

OWNER = Owner("id-1", "lab")


def mark(path: str, scope: str = "lab", host: str = "id-1") -> str:
    return f"weft/{host}/{scope}/{path}"


def veth(netns: str, ifname: str, alias: str | None) -> Veth:
    return Veth(netns=netns, ifname=ifname, alias=alias, mtu=1450, peer_netns="x", peer_ifname=f"{ifname}p")


def address(netns: str, ifname: str, cidr: str, protocol: int | None = PROTOCOL) -> Address:
    return Address(netns=netns, ifname=ifname, cidr=cidr, protocol=protocol)


def test_ports_hold_their_addresses_weft_s_own_first() -> None:
    observed = State.of(
        [
            veth("web", "eth0", mark("tenants/shop/ports/web") + " front door"),
            veth("weft.lab.shop", "wpabc", mark("tenants/shop/ports/web")),
            address("web", "eth0", "192.168.7.7/24", 0),
            address("web", "eth0", "10.0.0.9/16"),
            address("web", "eth0", "fd00::9/64"),
            veth("api", "eth0", mark("tenants/shop/ports/api", scope="other")),
            address("api", "eth0", "10.0.0.8/16"),
            veth("old", "eth0", mark("tenants/shop/ports/old", host="id-2")),
            address("old", "eth0", "10.0.0.7/16"),
        ]
    )
    assert held.port_addresses(observed, OWNER) == {("shop", "web"): ("10.0.0.9", "fd00::9", "192.168.7.7")}


def test_a_tap_s_address_is_remembered_by_its_stitch() -> None:
    observed = State.of(
        [
            veth("", "wsabc", mark("tenants/shop/ports/vm") + " 10.0.0.5 fd00::5"),
            Tap(netns="", ifname="vm", alias=mark("tenants/shop/ports/vm") + " 10.9.9.9"),
        ]
    )
    assert held.port_addresses(observed, OWNER) == {("shop", "vm"): ("10.0.0.5", "fd00::5")}


def test_pool_addresses_of_ours_and_of_others() -> None:
    router = "weft.lab.shop.front"
    observed = State.of(
        [
            veth(router, "uplink", mark("tenants/shop/routers/front")),
            address(router, "uplink", "198.18.0.3/32"),
            address(router, "uplink", "fd11::3/128"),
            address(router, "uplink", "fe80::2/64"),
            veth(router, "front", mark("tenants/shop/routers/front")),
            address(router, "front", "10.0.0.1/16"),
            NftElement(netns="", family="inet", table="weft-lab", set="pool4", element="198.18.0.3"),
            NftElement(netns="", family="inet", table="weft-dev", set="pool4", element="198.18.0.4"),
            NftElement(netns="", family="inet", table="weft-dev", set="pool6", element="fd11::4"),
            NftElement(netns="", family="inet", table="weft-dev", set="transit", element='"wux"'),
            NftElement(netns="elsewhere", family="inet", table="weft-dev", set="pool4", element="198.18.0.5"),
        ]
    )
    assert held.pool_addresses(observed, OWNER) == {
        ("shop", "front", 4): "198.18.0.3",
        ("shop", "front", 6): "fd11::3",
    }
    assert held.pool_of_others(observed, OWNER) == {"198.18.0.4", "fd11::4"}


def test_pool_addresses_of_ports_by_what_their_router_translates() -> None:
    router, of_others = "weft.lab.shop.front", "weft.other.shop.front"

    def element(netns: str, table: str, name: str, address: str, to: str) -> NftElement:
        return NftElement(netns=netns, family="inet", table=table, set=name, element=address, value=to)

    observed = State.of(
        [
            Namespace(name=router, alias=mark("tenants/shop/routers/front")),
            Namespace(name=of_others, alias=mark("tenants/shop/routers/front", scope="other")),
            element(router, "weft-lab", "ports4", "10.0.0.9", "198.18.0.5"),
            element(router, "weft-lab", "ports6", "fd00::9", "fd11::5"),
            element(router, "weft-lab", "mine", "10.0.0.8", "198.18.0.6"),
            element(router, "of-others", "ports4", "10.0.0.7", "198.18.0.7"),
            element(of_others, "weft-other", "ports4", "10.0.0.6", "198.18.0.8"),
        ]
    )
    assert held.transit_addresses(observed, OWNER) == {
        ("shop", "front", "10.0.0.9"): "198.18.0.5",
        ("shop", "front", "fd00::9"): "fd11::5",
    }


def test_queues_are_those_that_a_root_of_the_kernels_serves() -> None:
    assert links.line(Carrier("02::", "mq", 8, 10**10)) == Line(mac="02::", queues=8, speed_bps=10**10)
    assert links.line(Carrier("02::", "noqueue", 8, 0)) == Line(mac="02::", queues=1)
    assert links.line(Carrier("02::", "htb", 8, 0)).queues == 1


def test_namespaces_by_mark() -> None:
    observed = State.of(
        [
            Namespace(name="mine", alias=mark("tenants/shop")),
            Namespace(name="theirs", alias=mark("tenants/shop", scope="dev")),
            Namespace(name="docker", alias=None),
        ]
    )
    assert held.own_namespaces(observed, OWNER) == {"mine"}


HOST = State.of(
    [
        OtherLink(netns="", ifname="eth0", mtu=1500),
        address("", "eth0", "192.0.2.7/24", 0),
        address("", "eth0", "2001:db8::7/64", 0),
        OtherLink(netns="", ifname="docker0", link_kind="bridge", mtu=1500, master=""),
        OtherLink(netns="", ifname="eth1", mtu=9000, master="docker0"),
        veth("", "wuabc", mark("tenants/shop/routers/front")),
        veth("", "wudev", mark("tenants/x/routers/front", scope="dev")),
        address("web", "eth0", "10.0.0.9/16"),
        Route(netns="", dst="0.0.0.0/0", ifname="eth1", via="10.99.0.1", metric=200),
        Route(netns="", dst="0.0.0.0/0", ifname="eth0", via="192.0.2.1", metric=100, protocol=16),
        Route(netns="", dst="::/0", ifname="eth0", via="fe80::1", metric=1024, protocol=9),
        Route(netns="", dst="0.0.0.0/0", ifname="tun0", table=100),
        Route(netns="", dst="172.16.0.0/12", ifname="eth0", via="192.0.2.9"),
        Route(netns="", dst="198.18.0.3/32", ifname="wuabc", via="fe80::2", protocol=PROTOCOL),
        Route(netns="", dst="198.18.0.4/32", ifname="wudev", via="fe80::2", protocol=PROTOCOL),
        Route(netns="", dst="203.0.113.0/24", type="blackhole"),
    ]
)


def test_links_that_the_scope_did_not_make() -> None:
    found = links.foreign(HOST, OWNER)
    assert set(found) == {"eth0", "docker0", "eth1", "wudev"}
    assert found["eth0"] == ForeignLink(ifname="eth0", mtu=1500, addresses=("192.0.2.7/24", "2001:db8::7/64"))
    assert found["docker0"].link_kind == "bridge" and found["wudev"].link_kind == "veth"
    assert found["eth1"].master == "docker0" and found["eth1"].mtu == 9000


def test_ways_out_the_preferred_first() -> None:
    default = links.default_routes(HOST)
    assert links.egress(default) == ("eth0", "eth1")
    assert links.by_advertisement(default) == ("eth0",)


def test_prefixes_that_routed_networks_must_not_overlap() -> None:
    assert set(links.prefixes(HOST, OWNER)) == {
        "172.16.0.0/12",
        "192.0.2.0/24",
        "198.18.0.4/32",
        "2001:db8::/64",
        "203.0.113.0/24",
    }


def test_who_drops_and_who_invites() -> None:
    chains = [
        Chain("ip", "filter", "FORWARD", 2, True),
        Chain("ip", "filter", "DOCKER-USER", None, False),
        Chain("ip6", "filter", "FORWARD", 2, True),
        Chain("ip", "filter", "INPUT", 1, True),
        Chain("inet", "firewalld", "filter_FORWARD", 2, False),
        Chain("inet", "weft-lab", "forward", 2, True),
        Chain("bridge", "filter", "FORWARD", 2, True),
    ]
    assert firewall.drops(chains) == (
        ForwardDrop(family="ip", table="filter", chain="FORWARD", user_chain=("ip", "filter", "DOCKER-USER")),
        ForwardDrop(family="ip6", table="filter", chain="FORWARD"),
    )


FIREWALLD = """
table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority 10; policy accept;
		ct state { established, related } accept
		jump filter_FORWARD_ZONES
	}
	chain filter_FORWARD_ZONES {
		iifname "wu*" oifname "eth1" accept
		reject with icmpx admin-prohibited
	}
}
"""


def test_who_drops_what_routers_send() -> None:
    """By what rules do, not by policies; who invites rules is asked for none."""
    gate = Chain("inet", "firewalld", "filter_FORWARD", 2, False)
    invites = [Chain("ip", "filter", "FORWARD", 2, True), Chain("ip", "filter", "DOCKER-USER", None, False)]
    docker = ForwardDrop(family="ip", table="filter", chain="FORWARD", user_chain=("ip", "filter", "DOCKER-USER"))
    stops = ForwardDrop(family="inet", table="firewalld", chain="filter_FORWARD")

    def look() -> list[foreign.Chain]:
        return nft_text.read(FIREWALLD)

    def never() -> list[foreign.Chain]:
        raise AssertionError("nobody's rules need a look")

    def through(egress: str) -> list[Passage]:
        return [Passage(transit="wu1", address="198.18.0.1", egress=egress)]

    assert firewall.in_the_way([*invites, gate], look, through("eth0")) == (docker, stops)
    assert firewall.in_the_way([gate], look, through("eth1")) == (), "answers pass, and so does what is asked"
    assert firewall.in_the_way(invites, never, through("eth0")) == (docker,)


def test_people_and_processes(tmp_path: Path) -> None:
    (tmp_path / "self").write_text("1\n")
    (tmp_path / "dead").write_text("99999999\n")
    (tmp_path / "torn").write_text("x")

    def at(name: str) -> Port:
        return Port(network="n", attach=Attach(pidfile=str(tmp_path / name)))

    def tap(owner: str, group: str | None = None) -> Port:
        return Port(network="n", attach=Attach(tap=TapAttach(owner=owner, group=group)))

    ports = {name: at(name) for name in ("self", "dead", "torn", "missing")}
    ports |= {"a": tap("root", "root"), "b": tap("nobody-at-all", "no-such-group"), "c": tap("107")}
    intent = Intent(name="lab", tenants={"shop": Tenant(ports=ports)})
    assert accounts.pids(intent) == {str(tmp_path / "self"): 1}
    assert accounts.users(intent) == {"root": 0} and accounts.groups(intent) == {"root": 0}
