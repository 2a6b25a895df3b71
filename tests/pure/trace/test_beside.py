"""Traces to and from who is on another network of the host's: containers and machines that are not weft's."""

from __future__ import annotations

import pytest

from tests.pure.trace.lab import Lab
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.kinds.link.common import OtherLink
from weft.reach.foreign import Chain, nft_text
from weft.state import HOST, KernelObject, State
from weft.trace import Fate, Sort, Tracer, talk_of
from weft.trace.records import Trace

INSIDE = "172.17.0.2"
BESIDE: tuple[KernelObject, ...] = (
    OtherLink(netns=HOST, ifname="docker0", mtu=1500, up=True),
    Address(netns=HOST, ifname="docker0", cidr="172.17.0.1/16"),
)
DOCKERS = """
table ip nat {
	chain PREROUTING {
		type nat hook prerouting priority -100; policy accept;
		fib daddr type local jump DOCKER
	}
	chain DOCKER {
		iifname "docker0" return
		iifname != "docker0" tcp dport 8080 dnat to 172.17.0.2:80
		iifname != "docker0" udp dport 53 dnat ip to 172.17.0.2
	}
}
"""


class Dockers:
    """What Docker's rules are on the host."""

    def chains(self, netns: str) -> list[Chain]:
        return nft_text.read(DOCKERS) if netns == HOST else []

    def setting(self, netns: str, name: str) -> str | None:
        return None


def traced(source: str, target: str, asked: str) -> Trace:
    lab = Lab()
    state = State(lab.state | State.of(BESIDE))
    tracer = Tracer(lab.loaded.intent, lab.compiled.state, lab.compiled.paths, state, others=Dockers())
    return tracer.trace(source, target, talk_of(asked))


def test_a_container_asks_and_is_asked() -> None:
    """It comes in by the link on whose network it is, and its answer goes there."""
    asks, asked = traced(INSIDE, "db", "tcp/80"), traced("db", INSIDE, "tcp/80")
    assert (asks.fate, asked.fate) == (Fate.PASSES, Fate.PASSES)
    assert asks.back is not None and "172.17.0.0/16 is on docker0" in [hop.said for hop in asks.back.hops]
    assert asked.there.hops[-1].said.startswith("leaves by docker0")


def test_who_is_near_is_not_reached_by_another_link() -> None:
    lab = Lab()
    elsewhere = Route(netns=HOST, dst="172.17.0.0/24", ifname="eth0", via="192.0.2.9", table=7)
    rule = Rule(netns=HOST, family=4, priority=100, table=7, src="10.1.0.0/24")
    state = State(lab.state | State.of((*BESIDE, elsewhere, rule)))
    tracer = Tracer(lab.loaded.intent, lab.compiled.state, lab.compiled.paths, state)
    for source, target in ((INSIDE, "db"), ("db", INSIDE)):
        found = tracer.trace(source, target, talk_of("tcp/80"))
        assert found.fate is Fate.STOPS
        assert found.why.endswith("172.17.0.2 is on docker0, and it leaves by eth0")
    assert tracer.trace("db", "198.51.100.7", talk_of("tcp/80")).fate is Fate.PASSES


@pytest.mark.parametrize(("asked", "onward"), [("tcp/8080", "172.17.0.2 tcp/80"), ("udp/53", "172.17.0.2 udp/53")])
def test_where_a_published_port_leads(asked: str, onward: str) -> None:
    found = traced("web", "192.0.2.10", asked)
    assert found.fate is Fate.OPEN and found.there.hops[-2].sort is Sort.FIREWALL
    assert [hint.said for hint in found.hints] == [f"from there on it is `weft trace shop/web {onward}`"]
    assert traced("web", "192.0.2.10", "tcp/22").fate is Fate.PASSES
