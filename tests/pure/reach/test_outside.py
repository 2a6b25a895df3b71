"""Somebody outside, beside the link of an external network: what reaches him, and what has to answer for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from weft.compiler import compile
from weft.errors import IntentInvalid
from weft.facts import FEATURES, Facts, ForeignLink
from weft.files import load_text
from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.kinds.link.common import OtherLink
from weft.model.intent import Intent
from weft.reach import (
    Endpoint,
    Expectation,
    Reach,
    World,
    endpoints,
    expect,
    floating,
    forwardings,
    host,
    network_around,
    outsider,
    routers,
)
from weft.service.reach_choice import choose, outsiders, pairs_of
from weft.state import HOST, KernelObject, Key, State

FILE = """
weft: 1
name: lab
external_networks:
  net: {link: eth1, subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.1}, "2001:db8:1::/64"]}
  far: {link: eth2, subnets: [198.51.100.0/24]}
tenants:
  red:
    networks: {a: {subnets: [10.1.0.0/24, "fd01::/64"]}}
    routers: {edge: {interfaces: [a], gateway: {network: net, addresses: [203.0.113.5]}}, old: {}}
    security_groups: {none: {}}
    ports:
      web: {network: a, attach: {netns: web}}
      shut: {network: a, attach: {netns: shut}, security_groups: [none]}
      bare: {network: a, attach: {netns: bare}}
    floating_ips:
      203.0.113.10: {network: net, port: web}
      203.0.113.11: {network: net, port: shut}
      203.0.113.12: {network: net, forward: [{protocol: tcp, ports: 22, port: shut, to: 22}]}
      "2001:db8:1::10": {network: net, port: web}
"""
LINKS = {name: ForeignLink(ifname=name, mtu=1400) for name in ("eth1", "eth2")}


@pytest.fixture(scope="module")
def intent() -> Intent:
    return load_text("f", FILE).intent


@pytest.fixture(scope="module")
def state(intent: Intent) -> State:
    made = compile(intent, Facts(host_id="h", features=frozenset(FEATURES), links=LINKS))
    link = OtherLink(netns=HOST, ifname="eth1", up=True, mtu=1400)
    return State({**made.state, link.key: link})


def asked(intent: Intent, state: State, *addresses: str) -> dict[str, Expectation]:
    """What is expected of somebody outside, by address."""
    made = compile(intent, Facts(host_id="h", features=frozenset(FEATURES), links=LINKS))
    ends = endpoints(intent, made.state, made.paths)
    targets = [*floating(intent, made.state, ends), *routers(intent, made.state, made.paths)]
    who = outsider("net", intent.external_networks["net"], addresses)
    found = (expect(World(state), who, target, 6 if ":" in target.floating else 4) for target in targets)
    return {one.target.floating: one for one in found}


def without(state: State, is_gone: Callable[[KernelObject], bool]) -> State:
    return State((key, obj) for key, obj in state.items() if not is_gone(obj))


def test_what_is_reached_and_by_what(intent: Intent, state: State) -> None:
    found = asked(intent, state, "203.0.113.77", "2001:db8:1::77")
    reached = {address for address, one in found.items() if one.reach is Reach.YES}
    assert reached >= {"203.0.113.10", "203.0.113.11", "2001:db8:1::10", "203.0.113.5"}
    one = found["2001:db8:1::10"]
    assert {Key("neighbour", HOST, "eth1 proxy 2001:db8:1::10"), Key("link", HOST, "eth1")} <= one.objects
    assert Key("sysctl", HOST, "net/ipv6/conf/eth1/proxy_ndp") in one.objects
    assert one.mtu == 1400 and one.there and one.back


def test_nobody_answers_for_it_there(intent: Intent, state: State) -> None:
    bare = without(state, lambda obj: isinstance(obj, Neighbour) and obj.address == "203.0.113.10")
    found = asked(intent, bare, "203.0.113.77")
    assert (found["203.0.113.10"].reach, found["203.0.113.10"].why) == (
        Reach.NO,
        "nobody answers for 203.0.113.10 on eth1",
    )
    assert found["203.0.113.11"].reach is Reach.YES
    own = Address(netns=HOST, ifname="eth1", cidr="203.0.113.10/24")
    local = asked(intent, State({**bare, own.key: own}), "203.0.113.77")
    assert local["203.0.113.10"].reach is Reach.NO, "then it is the host's"


def test_an_answer_that_leaves_by_another_link(intent: Intent, state: State) -> None:
    wrong = State(
        (key, Route(netns=HOST, dst=obj.dst, ifname="eth2", table=obj.table, metric=obj.metric))
        if isinstance(obj, Route) and obj.ifname == "eth1" and obj.dst == "203.0.113.0/24"
        else (key, obj)
        for key, obj in state.items()
    )
    assert asked(intent, wrong, "203.0.113.77")["203.0.113.10"].reach is Reach.NO


def test_a_family_that_he_does_not_speak(intent: Intent, state: State) -> None:
    one = asked(intent, state, "203.0.113.77")["2001:db8:1::10"]
    assert (one.reach, one.why) == (Reach.OPEN, "outside net has no IPv6 address")


def test_the_host_asks_with_an_address_that_is_not_of_one_link_alone(intent: Intent, state: State) -> None:
    """A transit link has a link-local one, which no router sends on."""
    made = compile(intent, Facts(host_id="h", features=frozenset(FEATURES), links=LINKS))
    (target,) = (one for one in floating(intent, made.state, endpoints(intent, made.state, made.paths)) if one.ipv6)
    one = expect(World(state), host(), target, 6)
    assert (one.reach, one.why) == (Reach.OPEN, "host has no IPv6 address to ask 2001:db8:1::10 with")
    own = Address(netns=HOST, ifname="eth2", cidr="2001:db8:7::1/64")
    assert expect(World(State({**state, own.key: own})), host(), target, 6).reach is Reach.YES


def test_whom_he_asks(intent: Intent) -> None:
    made = compile(intent, Facts(host_id="h", features=frozenset(FEATURES), links=LINKS))
    ends = endpoints(intent, made.state, made.paths)
    targets = [host(), *floating(intent, made.state, ends), *routers(intent, made.state, made.paths)]
    strangers = outsiders(intent, State(), ["203.0.113.77", "198.51.100.7"])
    found: list[Endpoint] = [*ends, *targets, *strangers]
    pairs = [(a.name, b.name) for a, b in pairs_of(found, found)]
    assert {b for a, b in pairs if a == "outside net"} == {end.name for end in targets[1:]}
    assert not [pair for pair in pairs if pair[1] in ("outside net", "outside far") or pair[0] == "outside far"]
    assert {a for a, b in pairs if b == "red/203.0.113.5 router edge"} == {"outside net"}
    assert [end.name for end in choose(intent, found, ["203.0.113.5"]).selected] == ["red/203.0.113.5 router edge"]
    assert choose(intent, found, []).outside == () and choose(intent, found[:-2], []).outside == ("net",)
    port = ends[0].name
    assert choose(intent, found, [port]).outside == () and choose(intent, found[:-2], [port]).outside == ("net",)
    assert [end.name for end in strangers] == ["outside net", "outside far"]
    assert (choose(intent, found, []).idle, choose(intent, found[:-2], []).idle) == (("far",), ())


def test_of_a_port_he_asks_what_leads_to_it(intent: Intent) -> None:
    made = compile(intent, Facts(host_id="h", features=frozenset(FEATURES), links=LINKS))
    ends = endpoints(intent, made.state, made.paths)
    targets = [host(), *floating(intent, made.state, ends), *forwardings(intent, made.state, ends)]
    found = [*ends, *targets, *routers(intent, made.state, made.paths), *outsiders(intent, State(), ["203.0.113.77"])]
    leading = {
        "web": ["red/203.0.113.10", "red/2001:db8:1::10"],
        "shut": ["red/203.0.113.11", "red/203.0.113.12 tcp/22"],
    }
    for words, names in (
        (["web"], leading["web"]),
        (["red/shut"], leading["shut"]),
        (["web", "shut"], [*leading["web"], *leading["shut"]]),
        (["203.0.113.10"], ["red/203.0.113.10"]),
        (["bare"], []),
    ):
        choice = choose(intent, found, words)
        assert sorted(b.name for a, b in choice.pairs if a.comes_by) == sorted(names), words
        assert len(set(choice.pairs)) == len(choice.pairs)
        assert choice.outside == () and choice.idle == (() if names else ("net",)), words
    assert choose(intent, found[:-1], ["web"]).outside == ("net",)


@pytest.mark.parametrize(
    ("addresses", "told"),
    [
        (["192.0.2.1"], "it is in no external network; a free one of 203.0.113.0/24 of net or 2001:db8:1::/64 of net"),
        (["203.0.113.1"], "it is the gateway of net"),
        (["203.0.113.255"], "it is the network's own, or for all on it"),
        (["203.0.113.0"], "it is the network's own, or for all on it"),
        (["203.0.113.10"], "it is a floating IP; an address of net that nobody has"),
        (["203.0.113.7"], "it is the host's, on eth1"),
        (["203.0.113.8"], "it is answered for on eth1"),
        (["203.0.113.77", "203.0.113.78"], "a second address of one family on net"),
    ],
)
def test_whose_address_it_cannot_be(intent: Intent, addresses: list[str], told: str) -> None:
    held = Address(netns=HOST, ifname="eth1", cidr="203.0.113.7/24")
    proxied = Neighbour(netns=HOST, ifname="eth1", address="203.0.113.8", proxy=True)
    with pytest.raises(IntentInvalid) as refused:
        outsiders(intent, State({held.key: held, proxied.key: proxied}), addresses)
    assert f"--external {addresses[-1]}: {told}" in str(refused.value)


def test_the_network_of_an_address(intent: Intent) -> None:
    found = [network_around(intent, one) for one in ("203.0.113.9", "2001:db8:1::9", "198.51.100.9", "10.1.0.9")]
    assert found == ["net", "net", "far", ""]
