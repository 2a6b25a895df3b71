"""What a trace says of small files: verdicts and what stops, whole texts, and the ends that words mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.pure.trace.lab import Lab
from weft.errors import IntentInvalid
from weft.kinds.ip.route import Route
from weft.kinds.link.common import Link
from weft.kinds.nft.nftset import NftSet
from weft.kinds.setting.sysctl import Sysctl
from weft.state import Key
from weft.trace import Fate, Sort, talk_of

TEXTS = Path(__file__).parent / "texts"
GOLDEN = {
    "one-network": ("ask", "web", "tcp/80", None),
    "refused": ("ask", "web", "tcp/443", None),
    "nat-and-routed": ("web", "db", "tcp/8080", 4),
    "out": ("ask", "external", "udp/53", None),
    "in": ("external", "db", "tcp/80", None),
    "guest": ("base", "vm", "icmp", None),
    "of-a-guest": ("vm", "external", "tcp/443", None),
}


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.mark.parametrize("name", GOLDEN)
def test_whole_traces(lab: Lab, name: str) -> None:
    """A file that is not there is written, and then to be looked at."""
    source, target, asked, family = GOLDEN[name]
    found = lab.text(lab.trace(source, target, asked, family))
    file = TEXTS / f"{name}.txt"
    if not file.exists():
        file.write_text(found)
        pytest.fail(f"{file.name} is new")
    assert found == file.read_text()


@pytest.mark.parametrize(
    ("source", "target", "asked", "family", "fate", "why"),
    [
        ("ask", "web", "tcp/80", 4, Fate.PASSES, ""),
        ("ask", "web", "tcp/8050", 6, Fate.PASSES, ""),
        ("ask", "web", "tcp/7999", 4, Fate.STOPS, "security groups base and web of shop/web let in no such thing"),
        ("ask", "web", "icmp", 6, Fate.PASSES, ""),
        ("low", "web", "tcp/80", 4, Fate.STOPS, "group web of shop/web denies everything from 10.0.0.0/30"),
        ("low", "web", "tcp/80", 6, Fate.PASSES, ""),
        ("base", "web", "tcp/22", 4, Fate.PASSES, ""),
        ("base", "web", "sctp/22", 4, Fate.PASSES, ""),
        ("ask", "web", "gre", 4, Fate.STOPS, "security groups base and web of shop/web let in no such thing"),
        ("ask", "mute", "udp/1", 4, Fate.STOPS, "of the answer: security group mute of shop/mute lets out no such "
         "thing"),
        ("thin", "ask", "udp/53", 4, Fate.PASSES, ""),
        ("thin", "ask", "udp/54", 4, Fate.STOPS, "security group narrow of shop/thin lets out no such thing"),
        ("thin", "ask", "udp/53", 6, Fate.STOPS, "security group narrow of shop/thin lets out no such thing"),
        ("ask", "none", "icmp", 4, Fate.STOPS, "shop/none is in no group: only answers come in"),
        ("none", "ask", "icmp", 4, Fate.PASSES, ""),
        ("ask", "db", "tcp/80", 4, Fate.PASSES, ""),
        ("db", "ask", "tcp/80", 6, Fate.STOPS, "the host has no route to fd00::20"),
        ("ask", "alone", "icmp", 4, Fate.STOPS, "it leaves by link eth0, which is not weft's"),
        ("alone", "ask", "icmp", 4, Fate.STOPS, "alone has no route to 10.0.0.20"),
        ("ask", "10.0.0.10", "tcp/80", None, Fate.PASSES, ""),
        ("10.0.0.20", "10.0.0.10", "tcp/80", None, Fate.PASSES, ""),
        ("ask", "10.0.0.99", "tcp/80", None, Fate.STOPS, "nobody has 10.0.0.99 where ask leads to"),
        ("ask", "10.0.0.1", "icmp", None, Fate.PASSES, ""),
        ("ask", "192.0.2.10", "tcp/22", None, Fate.PASSES, ""),
        ("ask", "external", "udp/53", None, Fate.PASSES, ""),
        ("ask", "external", "udp/53", 6, Fate.STOPS, "the host has no route to 3fff::1"),
        ("external", "db", "tcp/80", None, Fate.PASSES, ""),
        ("external", "db", "tcp/81", None, Fate.STOPS, "security group web of shop/db lets in no such thing"),
        ("203.0.113.9", "db", "tcp/80", None, Fate.PASSES, ""),
        ("vm", "ask", "tcp/1", None, Fate.PASSES, ""),
        ("vm", "db", "tcp/80", 4, Fate.PASSES, ""),
        ("ask", "vm", "tcp/1", None, Fate.STOPS, "security group base of shop/vm lets in no such thing"),
    ],
)  # fmt: skip
def test_verdicts(lab: Lab, source: str, target: str, asked: str, family: int | None, fate: Fate, why: str) -> None:
    found = lab.trace(source, target, asked, family)
    assert (found.fate, found.why) == (fate, why)
    assert (found.there.hops[-1] if found.back is None else found.back.hops[-1]).passes is (fate is Fate.PASSES)


def test_where_a_rule_stands(lab: Lab) -> None:
    found = lab.trace("base", "web", "tcp/22", 4)
    (hop,) = (hop for hop in found.there.hops if hop.sort is Sort.GROUPS and hop.path[-2:] == ("ingress", "0"))
    assert hop.path == ("tenants", "shop", "security_groups", "base", "ingress", "0")
    assert Key("nft-chain", "weft.lab.shop", "bridge weft-lab in4.base") in hop.keys


def test_a_packet_too_large(lab: Lab) -> None:
    assert lab.trace("ask", "small", "icmp", size=1400).fate is Fate.PASSES
    found = lab.trace("ask", "small", "icmp", size=1405)
    assert (found.fate, found.why) == (
        Fate.STOPS,
        "shop/small takes packets of 1400 bytes at most: nobody is told that it is dropped",
    )
    assert lab.trace("ask", "small", "icmp").mtu == 1400
    assert lab.trace("ask", "web", "tcp/80", size=1501).why == (
        "shop/ask takes packets of 1500 bytes at most: it is not even sent"
    )


def test_queues_on_the_way() -> None:
    lab = Lab(QUEUES)
    found = lab.trace("web", "db", "udp/5060")
    told = [hop.said for hop in found.there.hops if hop.sort is Sort.QOS]
    assert [said.partition(" (")[0] for said in told] == [
        "egress of port shop/web: class voice, 2mbit for sure, 4mbit at most",
        "ingress of port shop/db: the default class, 2mbit at most",
    ]
    answer = [hop.said.partition(" (")[0] for hop in found.back.hops if hop.sort is Sort.QOS] if found.back else []
    assert answer[-1] == "ingress of port shop/web: the default class, 20mbit at most"
    out = [
        hop.said.partition(" (")[0]
        for hop in lab.trace("db", "external", "tcp/1").there.hops
        if hop.place == "the host"
    ]
    assert "the class of port shop/db, 5mbit for sure, 10mbit at most" in out
    back = [hop.said.partition(" (")[0] for hop in lab.trace("external", "db", "tcp/1").there.hops]
    assert "the class of port shop/db, 1mbit for sure, 2mbit at most" in back
    others = [hop.said.partition(" (")[0] for hop in lab.trace("web", "external", "tcp/1").there.hops]
    assert any(said.startswith("the class of all others") for said in others)


QUEUES = """
weft: 1
name: lab
qos_policies:
  gold:
    egress: {ceil: 8mbit, classes: {voice: {match: {protocol: udp, ports: [5060]}, rate: 2mbit, ceil: 4mbit}}}
    ingress: {ceil: 20mbit}
host: {links: {eth0: {existing: true, capacity: 100mbit}}}
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24], uplink: routed}}
    ports:
      web: {network: front, attach: {netns: web}, qos: gold}
      db:
        network: front
        attach: {netns: db}
        qos: {egress: {rate: 5mbit, ceil: 10mbit}, ingress: {rate: 1mbit, ceil: 2mbit}}
"""


# a machine that somebody changed


def bridge_end(lab: Lab, port: str) -> Link:
    ends = (obj for obj in lab.compiled.state.values() if isinstance(obj, Link) and obj.netns == "weft.lab.shop")
    return next(link for link in ends if port in (link.altnames or ()))


def test_a_link_that_is_down(lab: Lab) -> None:
    end = bridge_end(lab, "web")
    found = Lab(changes={end.key: replace(end, up=False)}).trace("ask", "web", "tcp/80")
    assert (found.fate, found.why) == (Fate.STOPS, "shop/web is down")
    assert end.key in found.there.hops[-1].keys
    own = Key("link", "ask", "ask")
    found = Lab(changes={own: replace(lab.state[own], up=False)}).trace("ask", "web", "tcp/80")
    assert found.why == "ask has no route to 10.0.0.10: ask is down"


def test_an_element_that_is_gone(lab: Lab) -> None:
    key = Key("nft-set", "weft.lab.shop", "bridge weft-lab in4.web.tcp")
    held = lab.state[key]
    assert isinstance(held, NftSet)
    found = Lab(changes={key: replace(held, elements=("8000-8100",))}).trace("ask", "web", "tcp/80")
    assert found.why == "security groups base and web of shop/web let in no such thing"


def test_an_element_that_nobody_asked_for(lab: Lab) -> None:
    key = Key("nft-set", "weft.lab.shop", "bridge weft-lab in4.web.tcp")
    held = lab.state[key]
    assert isinstance(held, NftSet)
    found = Lab(changes={key: replace(held, elements=(*held.elements, "443"))}).trace("ask", "web", "tcp/443")
    assert found.fate is Fate.PASSES
    said = [hop.said for hop in found.there.hops if hop.sort is Sort.GROUPS]
    assert said[-1] == "group web of shop/web lets in it, by what the file does not say"


def test_a_route_that_leads_elsewhere(lab: Lab) -> None:
    key = Route(netns="web", dst="0.0.0.0/0", ifname="web", via="10.0.0.1").key
    assert key in lab.state
    other = Route(netns="web", dst="0.0.0.0/0", ifname="web", via="10.0.0.99")
    found = Lab(changes={key: other}).trace("web", "db", "tcp/80", 4)
    assert found.why == "nobody has 10.0.0.99 where web leads to"


LEG = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24]}, back: {subnets: [{cidr: 10.1.0.0/24, gateway: 10.1.0.9}]}}
    routers: {edge: {interfaces: [front, {port: leg}]}}
    ports:
      web: {network: front, attach: {netns: web}}
      db: {network: back, attach: {netns: db}}
      leg: {network: back, attach: router, addresses: [10.1.0.9]}
"""


def test_a_routers_port_does_not_speak_as_itself() -> None:
    said = [hop.said for hop in Lab(LEG).trace("web", "db", "icmp").there.hops if hop.sort is Sort.SPOOFING]
    assert said[1:] == ["shop/leg is a router's: it sends on what others sent"]


def test_a_router_that_does_not_forward() -> None:
    key = Key("sysctl", "weft.lab.shop.front", "net/ipv4/ip_forward")
    sysctl = Sysctl(netns="weft.lab.shop.front", name="net/ipv4/ip_forward", value="0")
    lab = Lab(changes={key: sysctl})
    assert lab.trace("web", "db", "tcp/80", 4).why == "does not forward"
    assert lab.hint("web", "db", "tcp/80", 4) == "net/ipv4/ip_forward of router of shop/front must be 1 | weft.yaml:7:7"


def test_an_address_that_somebody_took_away(lab: Lab) -> None:
    key = next(key for key in lab.state if key.table == "address" and key.netns == "ask" and "10.0.0.20" in key.name)
    found = Lab(changes={key: None}).trace("ask", "web", "tcp/80", 4)
    assert found.why == "shop/ask has not its address 10.0.0.20 any more"


# words


@pytest.mark.parametrize(
    ("source", "target", "asked", "family", "told"),
    [
        ("wbe", "ask", "icmp", None, "wbe: no port has that name; did you mean web?"),
        ("shop/wbe", "ask", "icmp", None, "shop/wbe: no port has that name; did you mean shop/web?"),
        ("ask", "10.0.0.300", "icmp", None, "10.0.0.300: no port has that name; a port, an address or `external`; "
         "`weft show` lists the ports"),
        ("10.0.0.20", "fd00::10", "icmp", None, "10.0.0.20 fd00::10: IPv4 and IPv6 do not meet; say two of one family"),
        ("alone", "web", "icmp", 6, "alone: the port has no IPv6 address; ask in the other family, or give it one"),
    ],
)  # fmt: skip
def test_ends_that_nobody_is(lab: Lab, source: str, target: str, asked: str, family: int | None, told: str) -> None:
    with pytest.raises(IntentInvalid) as refused:
        lab.trace(source, target, asked, family)
    assert str(refused.value) == told


TWIN = """
  {name}:
    networks: {{n: {{subnets: [10.0.0.0/24]}}}}
    ports:
      p: {{network: n, addresses: [10.0.0.1], attach: {{netns: {name}}}}}
      q: {{network: n, attach: {{netns: {name}-q}}}}
      g: {{network: n, addresses: [10.0.0.2], attach: {{tap: {{name: {name}-tap}}}}}}
"""


def test_names_and_addresses_of_several() -> None:
    lab = Lab("weft: 1\nname: lab\ntenants:\n" + "".join(TWIN.format(name=name) for name in "ab"))
    for word, told in (
        ("p", "p: several ports have that name: a/p, b/p; say TENANT/PORT"),
        ("10.0.0.1", "10.0.0.1: several have it: a/p, b/p; say which: TENANT/PORT"),
    ):
        with pytest.raises(IntentInvalid) as refused:
            lab.trace(word, "external", "icmp")
        assert str(refused.value) == told
    assert lab.trace("a/p", "10.0.0.1", "icmp").fate is Fate.PASSES, "its own"
    assert lab.trace("b/q", "10.0.0.2", "icmp").fate is Fate.PASSES, "its neighbour, a guest, not the other tenant's"
    found = lab.trace("a/p", "b/p", "icmp")
    assert found.why == "10.0.0.1 is in a, which is not where b/p is"


def test_a_guest_without_a_gateway_asks_for_the_address_itself() -> None:
    networks = "{n: {subnets: [{cidr: 10.0.0.0/24, gateway: none}]}}"
    ports = "{vm: {network: n, attach: {tap: {}}, addresses: [10.0.0.7]}}"
    lab = Lab(f"weft: 1\nname: lab\ntenants: {{shop: {{networks: {networks}, ports: {ports}}}}}\n")
    assert lab.trace("vm", "192.0.2.1", "icmp").why.startswith("nobody has 192.0.2.1 where ")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("tpc/80", "tpc/80: is no protocol; did you mean tcp/80?"),
        ("tcp", "tcp: tcp is asked at a port; tcp/443, for instance"),
        ("tcp/", "tcp/: '' is no port; a number from 1 to 65535"),
        ("tcp/0", "tcp/0: '0' is no port; a number from 1 to 65535"),
        ("udp/99999", "udp/99999: '99999' is no port; a number from 1 to 65535"),
        ("tcp/80-90", "tcp/80-90: '80-90' is no port; a number from 1 to 65535"),
        ("icmp/8", "icmp/8: icmp has no ports; its echo is asked for: say icmp"),
        ("gre/1", "gre/1: gre has no ports; say gre"),
        ("300", "300: is no protocol; such as tcp/443, udp/53, icmp, gre or 89"),
    ],
)
def test_questions_that_nobody_can_ask(written: str, told: str) -> None:
    with pytest.raises(IntentInvalid) as refused:
        talk_of(written)
    assert str(refused.value) == told


@pytest.mark.parametrize(
    ("written", "protocol", "port"),
    [
        ("tcp/443", "tcp", 443),
        ("UDP/53", "udp", 53),
        ("6/22", "tcp", 22),
        ("icmp", "icmp", 0),
        ("47", "gre", 0),
        ("99", "99", 0),
    ],
)
def test_questions(written: str, protocol: str, port: int) -> None:
    talk = talk_of(written)
    assert (talk.protocol, talk.port) == (protocol, port)


def test_a_large_packet_that_may_be_split() -> None:
    lab = Lab(ROUTED)
    found = lab.tracer.trace("web", "db", talk_of("udp/53"), family=4, size=2000, whole=False)
    said = [(hop.place, hop.said) for hop in found.there.hops if hop.sort is Sort.MTU]
    mtus = [hop.mtu for hop in found.there.hops if hop.sort in (Sort.ROUTE, Sort.BRIDGE, Sort.ENDS)]
    assert mtus == [1500, 1500, 1400, 1400, 1400]
    assert found.fate is Fate.PASSES and said == [
        ("port shop/web", "goes by shop/web in 2 pieces of at most 1500 bytes"),
        ("router shop/edge", "goes by back of router shop/edge in 2 pieces of at most 1400 bytes"),
    ]
    told = "back of router shop/edge takes packets of 1400 bytes at most: router shop/edge tells who sent it, "
    smaller = "which then sends smaller ones"
    assert lab.trace("web", "db", "udp/53", 4, size=1500).why == told + smaller
    found = lab.tracer.trace("web", "db", talk_of("udp/53"), family=6, size=2000, whole=False)
    assert found.why == told + smaller, "of IPv6 only who sends it splits"
    first = next(hop.said for hop in found.there.hops if hop.sort is Sort.MTU)
    assert first == "goes by shop/web in 2 pieces of at most 1500 bytes"


ROUTED = """
weft: 1
name: lab
tenants:
  shop:
    networks:
      front: {subnets: [10.0.0.0/24, "fd00::/64"]}
      back: {subnets: [10.1.0.0/24, "fd01::/64"], mtu: 1400}
    routers: {edge: {interfaces: [front, back]}}
    ports:
      web: {network: front, attach: {netns: web}}
      db: {network: back, attach: {netns: db}}
"""
