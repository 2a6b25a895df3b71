"""Which connections of a router end when a floating IP leads elsewhere, and which go on."""

from __future__ import annotations

import pytest

from tests.pure.reach.test_translation import API, DB, DB_F, FORWARD, OUT, OWN, TABLE, WEB, WEB_F, chain, element
from weft.compiler.floating import layout
from weft.diff import Changes, diff
from weft.model.security import ICMP, TCP, UDP
from weft.plan.diverted import left, moved
from weft.reach.connection import Connection
from weft.reach.redirection import Redirection
from weft.state import KernelObject, State


def connection(
    source: str, target: str, seen: str, by: str, protocol: int = TCP, port: int = 80, to: int = 0
) -> Connection:
    """From `source` to `target`, answered by `by` to `seen`. `to`: the port that answers, else the same."""
    answer = (by, seen, to or port, 40000)
    return Connection(source=source, target=target, protocol=protocol, sport=40000, dport=port, answer=answer)


def edited(*out: KernelObject, put: tuple[KernelObject, ...] = ()) -> tuple[State, Changes]:
    """What the router shall hold, and what that changes: without `out`, with `put`."""
    before = State.of(TABLE)
    after = State.of([obj for obj in TABLE if obj not in out and obj.key not in {one.key for one in put}] + [*put])
    return after, diff(before, after)


def refused(after: State, changes: Changes, one: Connection) -> bool:
    return Redirection(after.values(), moved(changes).get("r", ())).refuses(one)


IN, OUTWARD, HAIRPIN = (
    connection(OUT, WEB_F, OUT, WEB),
    connection(WEB, OUT, WEB_F, OUT),
    connection(WEB, DB_F, WEB_F, DB),
)
OTHERS = (
    connection(OUT, DB_F, OUT, DB),
    connection(API, OUT, OWN, OUT),
    connection(WEB, DB, WEB, DB),
    connection(OUT, FORWARD, OUT, DB, port=2222, to=22),
)
MOVES = {
    "to another port": edited(
        element("sources4", WEB, WEB_F), put=(element("floating4", WEB_F, API), element("sources4", API, WEB_F))
    ),
    "to another router": edited(element("floating4", WEB_F, WEB), element("sources4", WEB, WEB_F)),
}


@pytest.mark.parametrize(("after", "changes"), MOVES.values(), ids=MOVES.keys())
def test_a_move_ends_both_directions_and_nothing_else(after: State, changes: Changes) -> None:
    assert moved(changes) == {"r": {WEB_F}}
    assert all(refused(after, changes, one) for one in (IN, OUTWARD, HAIRPIN))
    assert not any(refused(after, changes, one) for one in OTHERS)


def test_what_already_leads_there_goes_on() -> None:
    """Made between the transaction and the look at connections."""
    after, changes = MOVES["to another port"]
    assert not refused(after, changes, connection(OUT, WEB_F, OUT, API))
    assert not refused(after, changes, connection(API, OUT, WEB_F, OUT))
    assert not refused(after, changes, connection(API, OUT, OWN, OUT)), "it began by the router's address"


def test_an_address_that_comes_here_ends_what_went_there_from_here() -> None:
    there = "203.0.113.77"
    after, changes = edited(put=(element("floating4", there, API),))
    assert refused(after, changes, connection(WEB, there, WEB_F, there)), "it went out, to another router"


def test_a_forward_that_goes_ends_its_own() -> None:
    gone = element("forwards4", f"{FORWARD} . 6 . 2222", f"{DB} . 22")
    after, changes = edited(gone)
    assert refused(after, changes, connection(OUT, FORWARD, OUT, DB, port=2222, to=22))
    assert not refused(after, changes, connection(OUT, FORWARD, OUT, DB, UDP, port=5001))
    after, changes = edited(put=(element("forwards4", f"{FORWARD} . 6 . 2222", f"{DB} . 2022"),))
    assert refused(after, changes, connection(OUT, FORWARD, OUT, DB, port=2222, to=22)), "it is another port now"


def test_a_range_that_shrinks_ends_what_is_outside() -> None:
    rules = (*layout.destinations(4), layout.forwarded(4, FORWARD, "udp", (5000, 5004), DB))
    after, changes = edited(put=(chain("prerouting", *rules),))
    assert moved(changes) == {"r": {FORWARD}}
    assert refused(after, changes, connection(OUT, FORWARD, OUT, DB, UDP, port=5009))
    assert not refused(after, changes, connection(OUT, FORWARD, OUT, DB, UDP, port=5004))


def test_a_port_that_speaks_as_another_keeps_what_it_has_begun() -> None:
    """The former address still leads to it."""
    other = "203.0.113.9"
    after, changes = edited(put=(element("floating4", other, WEB), element("sources4", WEB, other)))
    assert moved(changes) == {"r": {other}} and left(changes) == ()
    assert not refused(after, changes, OUTWARD) and not refused(after, changes, IN)


def test_what_is_told_to_lead_elsewhere() -> None:
    assert {left(changes) for _, changes in MOVES.values()} == {(WEB_F,)}
    rules = layout.destinations(4)
    wider = edited(put=(chain("prerouting", *rules, layout.forwarded(4, FORWARD, "udp", (4000, 6000), DB)),))
    other = edited(put=(chain("prerouting", *rules, layout.forwarded(4, FORWARD, "udp", (4000, 6000), WEB)),))
    assert left(wider[1]) == () and left(other[1]) == left(edited(put=(chain("prerouting"),))[1]) == (FORWARD,)


def test_echoes_have_types_for_ports() -> None:
    after, changes = edited(put=(element("floating4", DB_F, DB), element("sources4", DB, DB_F)))
    assert not changes
    _, changes = MOVES["to another port"]
    one = Connection(source=OUT, target=WEB_F, protocol=ICMP, sport=8, answer=(WEB, OUT, 0, 0))
    assert refused(MOVES["to another port"][0], changes, one)
    assert not refused(after, changes, one)


def test_what_has_nothing_to_do_with_floating_ips_moves_none() -> None:
    _, changes = edited(element("floating4", WEB_F, WEB), put=(chain("postrouting", "masquerade"),))
    assert moved(changes) == {"r": {WEB_F}}
    assert moved(edited(put=(chain("postrouting"),))[1]) == {}
