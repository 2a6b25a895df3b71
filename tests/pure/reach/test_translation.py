"""Translations as a packet meets them: other destinations on the way in, other sources on the way out, and back."""

from __future__ import annotations

import pytest

from weft.compiler.floating import layout
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.link.veth import Veth
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.kinds.setting.sysctl import Sysctl
from weft.reach import Talk, Verdict, World
from weft.reach.translation import MASQUERADE, Flow, Translator
from weft.state import KernelObject, State

WEB, API, DB, OUT = "10.1.0.10", "10.1.0.11", "10.2.0.10", "198.51.100.7"
OWN, WEB_F, DB_F, FORWARD = "203.0.113.5", "203.0.113.10", "203.0.113.11", "203.0.113.12"


def chain(hook: str, *rules: str) -> NftChain:
    return NftChain(netns="r", family="inet", table="weft-lab", name=hook, rules=rules, type="nat", hook=hook)


def element(of: str, key: str, value: str = "") -> NftElement:
    return NftElement(netns="r", family="inet", table="weft-lab", set=of, element=key, value=value)


TABLE: tuple[KernelObject, ...] = (
    chain("prerouting", *layout.destinations(4), layout.forwarded(4, FORWARD, "udp", (5000, 5009), DB)),
    chain(
        "postrouting",
        *layout.sources(4),
        layout.hairpin(4, OWN),
        f'ip saddr 10.0.0.0/8 oifname "uplink" snat ip to {OWN}-203.0.113.9',
    ),
    element("floating4", WEB_F, WEB),
    element("floating4", DB_F, DB),
    element("sources4", WEB, WEB_F),
    element("sources4", DB, DB_F),
    element("forwards4", f"{FORWARD} . 6 . 2222", f"{DB} . 22"),
)


def wire(one: str, other: str, near: str, far: str = "") -> list[KernelObject]:
    ends = [tuple(name.split("/")) for name in (one, other)]
    links: list[KernelObject] = [
        Veth(netns=netns, ifname=ifname, peer_netns=peer, peer_ifname=peer_ifname)
        for (netns, ifname), (peer, peer_ifname) in (ends, reversed(ends))
    ]
    cidrs = ((ends[0], near), (ends[1], far))
    return [*links, *(Address(netns=at[0], ifname=at[1], cidr=cidr) for at, cidr in cidrs if cidr)]


def default(netns: str, ifname: str, via: str) -> Route:
    return Route(netns=netns, dst="0.0.0.0/0", ifname=ifname, via=via)


WORLD = World(
    State.of(
        [
            *TABLE,
            *wire("web/eth0", "r/front", f"{WEB}/24", "10.1.0.1/24"),
            *wire("db/eth0", "r/back", f"{DB}/24", "10.2.0.1/24"),
            *wire("out/eth0", "r/uplink", f"{OUT}/24", "198.51.100.1/24"),
            *(default(netns, "eth0", via) for netns, via in (("web", "10.1.0.1"), ("db", "10.2.0.1"))),
            default("out", "eth0", "198.51.100.1"),
            default("r", "uplink", OUT),
            Sysctl(netns="r", name="net/ipv4/ip_forward", value="1"),
        ]
    )
)


@pytest.mark.parametrize(
    ("talk", "target", "there", "port"),
    [
        (None, WEB_F, WEB, 0),
        (Talk(protocol="tcp", port=2222), FORWARD, DB, 22),
        (Talk(protocol="udp", port=5009), FORWARD, DB, 0),
    ],
)
def test_from_outside_and_back(talk: Talk | None, target: str, there: str, port: int) -> None:
    found = WORLD.walk("out", OUT, target, talk)
    assert (found.verdict, found.source, found.target, found.port) == (Verdict.ARRIVES, OUT, there, port)
    back = WORLD.answer(found)
    assert (back.verdict, back.netns, back.source, back.target, back.port) == (Verdict.ARRIVES, "out", target, OUT, 0)


@pytest.mark.parametrize("talk", [None, Talk(protocol="tcp", port=22), Talk(protocol="udp", port=5010)])
def test_what_is_not_forwarded_is_as_before(talk: Talk | None) -> None:
    assert WORLD.walk("out", OUT, FORWARD, talk).target == FORWARD


@pytest.mark.parametrize(("source", "seen"), [(WEB, WEB_F), (API, OWN)])
def test_a_hairpin_comes_from_an_address_outside(source: str, seen: str) -> None:
    """Whose answer would else go straight to the asking port, which knows no such address."""
    there = WORLD.walk("web", source, DB_F)
    assert (there.verdict, there.source, there.target, there.netns) == (Verdict.ARRIVES, seen, DB, "db")
    back = WORLD.answer(there)
    assert (back.source, back.target) == (DB_F, source)


def test_a_port_asks_itself_by_its_own_floating_ip() -> None:
    there = WORLD.walk("web", WEB, WEB_F)
    assert (there.verdict, there.source, there.target, there.netns) == (Verdict.ARRIVES, WEB_F, WEB, "web")
    back = WORLD.answer(there)
    assert (back.verdict, back.source, back.target) == (Verdict.ARRIVES, WEB_F, WEB)


@pytest.mark.parametrize(("source", "seen"), [(WEB, WEB_F), (API, OWN)])
def test_on_the_way_out_a_port_speaks_as_its_floating_ip(source: str, seen: str) -> None:
    there = WORLD.walk("web", source, OUT)
    assert (there.source, there.target) == (seen, OUT)
    assert any(key.name.endswith(f"sources4 {WEB}") for key in there.passed) is (source == WEB)
    assert WORLD.answer(there).target == source


def test_between_legs_nothing_is_translated() -> None:
    there = WORLD.walk("web", WEB, DB)
    assert (there.source, there.target, there.translations) == (WEB, DB, {})


@pytest.mark.parametrize(
    ("rule", "flow", "gives"),
    [
        ('oifname "uplink" masquerade', Flow(source=WEB, target=OUT, oif="uplink"), MASQUERADE),
        ('oifname != "uplink" masquerade', Flow(source=WEB, target=OUT, oif="uplink"), None),
        ("oifname @links masquerade", Flow(source=WEB, target=OUT, oif="uplink"), MASQUERADE),
        ("ip saddr != 10.1.0.0/24 masquerade", Flow(source=WEB, target=OUT), None),
        ("ip saddr 10.1.0.9-10.1.0.11 masquerade", Flow(source=WEB, target=OUT), MASQUERADE),
        ("ip6 saddr != fd00::/64 masquerade", Flow(source=WEB, target=OUT), None),
        ("ip daddr 198.51.100.7 accept", Flow(source=WEB, target=OUT), None),
        ("snat ip6 to fd00::1", Flow(source=WEB, target=OUT), None),
        ("snat ip to 192.0.2.8-192.0.2.9 persistent", Flow(source=WEB, target=OUT), "192.0.2.8"),
        ("snat ip to 192.0.2.8/29 persistent", Flow(source=WEB, target=OUT), "192.0.2.8"),
        (
            "snat ip to jhash ip saddr mod 2 map { 0 : 192.0.2.8, 1 : 192.0.2.12 }",
            Flow(source=WEB, target=OUT),
            "192.0.2.8",
        ),
        ("meta mark 1 masquerade", Flow(source=WEB, target=OUT), None),
    ],
)
def test_forms_of_rules(rule: str, flow: Flow, gives: str | None) -> None:
    last = () if gives else ("snat ip to 192.0.2.1",) if "accept" in rule else ()
    found = Translator.of([chain("postrouting", rule, *last), element("links", '"uplink"')]).source(flow)
    assert (found.address if found else None) == gives
