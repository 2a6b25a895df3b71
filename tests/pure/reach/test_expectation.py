"""Who should reach whom, and why: the model of forwarding, over what the compiler makes of a file."""

from __future__ import annotations

import pytest

from tests.pure.compiler.intents import facts
from weft.compiler import Compiled, compile
from weft.files import load_text
from weft.kinds.ip.route import Route
from weft.model.intent import Intent
from weft.reach import Endpoint, Expectation, Reach, World, endpoints, expect
from weft.state import Key

HEAD = "weft: 1\nname: lab\ntenants:\n"
TENANT = """
  {name}:
    networks: {{front: {{subnets: [10.10.0.0/24, "fd00:1::/64"]{uplink}}}}}
    ports:
      web: {{network: front, attach: {{netns: {name}-web}}, addresses: [10.10.0.10, "fd00:1::10"]}}
      db: {{network: front, attach: {{netns: {name}-db}}, addresses: [10.10.0.11, "fd00:1::11"]}}
"""
NAT, ROUTED = ", uplink: nat", ", uplink: routed"


def tenant(name: str, uplink: str = "", *more: str) -> str:
    return TENANT.format(name=name, uplink=uplink) + "".join(f"      {line}\n" for line in more)


class Lab:
    def __init__(self, *tenants: str) -> None:
        self.intent: Intent = load_text("weft.yaml", HEAD + "".join(tenants)).intent
        self.compiled: Compiled = compile(self.intent, facts())
        self.world = World(self.compiled.state)
        found = endpoints(self.intent, self.compiled.state, self.compiled.paths)
        self.ends: dict[str, Endpoint] = {end.name: end for end in found}

    def expect(self, source: str, target: str, family: int = 4) -> Expectation:
        return expect(self.world, self.ends[source], self.ends[target], family)

    def reach(self, source: str, target: str, family: int = 4) -> tuple[Reach, str]:
        found = self.expect(source, target, family)
        return found.reach, found.why


@pytest.mark.parametrize("family", [4, 6])
def test_one_network(family: int) -> None:
    lab = Lab(tenant("red"))
    found = lab.expect("red/web", "red/db", family)
    assert (found.reach, found.why, found.mtu) == (Reach.YES, "on one network", 1500)
    links = [key for key in found.objects if key.table == "link"]
    assert {key.name for key in links if key.netns in ("red-web", "red-db")} == {"web", "db"}
    assert sum(key.netns == "weft.lab.red" for key in links) == 2, "an end on the bridge each"


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("uplink", ["", NAT])
def test_tenants_with_equal_addresses(uplink: str, family: int) -> None:
    lab = Lab(tenant("red", uplink), tenant("blue", uplink))
    assert lab.reach("red/web", "red/db", family)[0] is Reach.YES
    reach, why = lab.reach("red/db", "blue/web", family)
    assert reach is Reach.NO and "red-web, which is not where the port is" in why


OTHER_NETWORK = """
    networks: {{back: {{subnets: [10.20.0.0/24, "fd00:2::/64"]{uplink}}}}}
    ports:
      in: {{network: back, attach: {{netns: in}}}}
"""


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("red", "blue", "there", "back"),
    [
        ("", "", Reach.NO, Reach.NO),
        (NAT, NAT, Reach.NO, Reach.NO),
        (NAT, ROUTED, Reach.YES, Reach.NO),
        (ROUTED, ROUTED, Reach.YES, Reach.YES),
        ("", ROUTED, Reach.NO, Reach.NO),
    ],
)
def test_uplinks(red: str, blue: str, there: Reach, back: Reach, family: int) -> None:
    """Routed networks are reached by all that has a way out, and reach only each other."""
    lab = Lab(tenant("red", red), "  blue:" + OTHER_NETWORK.format(uplink=blue))
    assert lab.reach("red/web", "blue/in", family)[0] is there
    assert lab.reach("blue/in", "red/web", family)[0] is back


def test_the_way_by_two_routers_names_them() -> None:
    lab = Lab(tenant("red", NAT), "  blue:" + OTHER_NETWORK.format(uplink=ROUTED))
    found = lab.expect("red/web", "blue/in")
    assert found.why == "by weft.lab.red.front, the host, weft.lab.blue.back"
    assert Key("nft-chain", "weft.lab.red.front", "inet weft-lab postrouting") in found.objects
    assert Key("sysctl", "", "net/ipv4/ip_forward") in found.objects


def test_a_port_on_the_host_is_reached_and_sends_on_behind_masquerading() -> None:
    more = "    networks: {store: {subnets: [10.30.0.0/24]}}\n    ports:\n"
    more += "      disk: {network: store, attach: host}\n      nas: {network: store, attach: {netns: nas}}\n"
    lab = Lab(tenant("red", NAT), "  blue:\n" + more)
    assert lab.reach("red/web", "blue/disk") == (Reach.YES, "by weft.lab.red.front")
    assert lab.reach("red/web", "blue/nas") == (Reach.YES, "by weft.lab.red.front, the host")
    assert lab.reach("blue/nas", "red/web") == (Reach.NO, "nas has no route to 10.10.0.10")


def test_two_ports_of_one_namespace_say_nothing_of_the_network() -> None:
    lab = Lab(tenant("red", "", "too: {network: front, attach: {netns: red-web}}"))
    assert lab.reach("red/web", "red/too")[0] is Reach.OPEN


def test_an_mtu_is_the_least_of_the_way() -> None:
    lab = Lab(tenant("red", "", "small: {network: front, attach: {netns: small}, mtu: 1400}"))
    assert lab.expect("red/web", "red/small").mtu == 1400
    assert lab.expect("red/web", "red/db").mtu == 1500


GATEWAY = """
  red:
    networks:
      front: {subnets: [{cidr: 10.1.0.0/24, gateway: 10.1.0.2}]}
      back: {subnets: [{cidr: 10.2.0.0/24, gateway: 10.2.0.2}]}
    ports:
      left: {network: front, attach: {netns: gate}, addresses: [10.1.0.2]}
      right: {network: back, attach: {netns: gate}, addresses: [10.2.0.2]}
      web: {network: front, attach: {netns: web}}
      db: {network: back, attach: {netns: db}}
"""


def test_a_gateway_among_the_ports_is_open_unless_the_file_says_that_it_forwards() -> None:
    assert Lab(GATEWAY).reach("red/web", "red/db") == (Reach.OPEN, "the file does not say whether gate forwards")
    forwards = "namespaces: {gate: {sysctls: {net.ipv4.ip_forward: 1}}}\n"
    assert Lab(GATEWAY + forwards).reach("red/web", "red/db") == (Reach.YES, "by gate")
    forwards_not = "namespaces: {gate: {sysctls: {net.ipv4.ip_forward: 0}}}\n"
    assert Lab(GATEWAY + forwards_not).reach("red/web", "red/db") == (Reach.NO, "gate does not forward")


def test_rules_and_routes_of_the_user_count() -> None:
    extra = """
namespaces:
  red-web:
    routes: [{to: 10.10.0.11/32, type: blackhole, table: 7}]
    rules: [{priority: 100, table: 7}]
"""
    assert Lab(tenant("red"), extra).reach("red/web", "red/db") == (
        Reach.NO,
        "red-web has a route of type blackhole to 10.10.0.11",
    )


def test_a_guest_as_gateway_is_open() -> None:
    lab = Lab(
        """
  red:
    networks: {front: {subnets: [{cidr: 10.1.0.0/24, gateway: 10.1.0.9}]}, back: {subnets: [10.2.0.0/24]}}
    ports:
      vm: {network: front, attach: {tap: {}}, addresses: [10.1.0.9]}
      web: {network: front, attach: {netns: web}}
      db: {network: back, attach: {netns: db}}
"""
    )
    assert lab.ends["red/vm"].is_guest
    assert lab.reach("red/web", "red/db") == (Reach.OPEN, "10.1.0.9 is a guest's behind a tap")


def test_going_in_circles_ends() -> None:
    lab = Lab(tenant("red", ROUTED))
    transit = next(key for key in lab.compiled.state if key.table == "link" and key.name.startswith("wu"))
    astray = Route(netns="", dst="10.99.0.0/24", ifname=transit.name, via="fe80::2")
    lab.world = World(type(lab.compiled.state)({**lab.compiled.state, astray.key: astray}))
    walk = lab.world.walk("red-web", "10.10.0.10", "10.99.0.1")
    assert "round in circles" in walk.why
