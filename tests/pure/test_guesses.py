"""What follows from an MTU that nobody knows is what is there."""

from __future__ import annotations

from dataclasses import replace

from tests.pure.compiler.intents import MACHINE, facts, intent, port
from weft.compiler import compile
from weft.facts import ForeignLink
from weft.kinds.link.common import Link
from weft.model.intent import Network, Subnet
from weft.model.segment import SegmentSpec
from weft.service.absent import left_as_it_is
from weft.service.guesses import as_guessed, without_guesses
from weft.state import State, link_key

WANTED = intent(Network(subnets=(Subnet(cidr="10.1.0.0/24"),), segment=SegmentSpec(link="eth1")), port())
GONE = [link_key("", "eth1")]


def applied(mtu: int) -> State:
    return compile(WANTED, facts(links={**MACHINE.links, "eth1": ForeignLink(ifname="eth1", mtu=mtu)})).state


def test_what_is_there_is_what_is_wanted_whatever_the_mtu_was() -> None:
    compiled = compile(WANTED, MACHINE, lenient=True)
    others = as_guessed(WANTED, MACHINE, GONE)
    for mtu in (1400, 1500, 4000, 9000):
        assert without_guesses(compiled, others, applied(mtu)).state == applied(mtu)


def test_what_is_otherwise_by_itself_is_still_told() -> None:
    compiled, there = compile(WANTED, MACHINE, lenient=True), applied(4000)
    key = next(key for key, obj in there.items() if isinstance(obj, Link) and obj.netns == "x")
    link = there[key]
    assert isinstance(link, Link)
    broken = State({**there, key: replace(link, mac="02:00:00:00:00:01")})
    known = without_guesses(compiled, as_guessed(WANTED, MACHINE, GONE), broken)
    assert known.state == there


def test_what_is_not_there_is_made_as_usual() -> None:
    compiled = compile(WANTED, MACHINE, lenient=True)
    assert without_guesses(compiled, as_guessed(WANTED, MACHINE, GONE), State()).state == compiled.state
    assert as_guessed(WANTED, MACHINE, [link_key("x", "eth1")]) == (), "of other namespaces nothing is known"


def test_what_is_left_out_stays_as_it_is() -> None:
    compiled, there = compile(WANTED, MACHINE, lenient=True), applied(1500)
    key, *_ = compiled.state
    less = replace(compiled, state=State((k, obj) for k, obj in compiled.state.items() if k != key))
    assert left_as_it_is(less, there) == {key: there[key]} and left_as_it_is(less, State()) == {}
