"""What `weft check qos` says of what it found, and whom it blames."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import click
import pytest

from tests.pure.check.test_qos import DEFAULT, counted, lane, tree
from weft.check.qos.lanes import Aim, Lane, Round, Run, Tree
from weft.check.qos.measuring import Manner
from weft.check.qos.verdict import Latency, Outcome, judge
from weft.doors.cli.commands.check_qos import peer_of
from weft.doors.cli.qos_proof_text import document, text
from weft.kinds.tc.qdisc import class_key, qdisc_key
from weft.service.qos_proof import Proved, QosProof, _suspects
from weft.service.status import Difference, Drift
from weft.state import Key

VOICE = replace(lane("voice", rate=2_000_000, ceil=4_000_000, minor="10"), name="voice")


def proved(held: Lane, rate_bps: float, *, into: Key | None = None, suspects: tuple[Difference, ...] = ()) -> Proved:
    of = tree(held)
    run = Run(lane=held, flow=held.flows["udp"], offered_bps=None)
    one = Round(tree=of, aim=Aim.ALONE, runs=(run,))
    classes = {held.key: counted(rate_bps)} | ({into: counted(4e6)} if into else {})
    late = Latency(p50_us=9_000, p99_us=15_000, arrived=100)
    judged = judge(one, (Outcome(run=run, classes=classes, goodput_bps=0.97 * rate_bps, latency=late),), 0.05)
    return Proved(
        lane=held,
        tree=of,
        outcomes=tuple((one, seen) for seen in judged.outcomes),
        faults=judged.faults,
        suspects=suspects,
    )


def proof(*classes: Proved, aside: tuple[tuple[str, str], ...] = ()) -> QosProof:
    return QosProof(scope="lab", manner=Manner(), classes=classes, aside=aside, elapsed_s=12.0)


def difference(key: Key, told: str = "changed") -> Difference:
    return Difference(drift=Drift.CHANGED, key=key, subject=("tenants",), told=told, where="weft.yaml:3:1")


def unmeasured(why: str) -> Proved:
    held = replace(lane("calls"), flows={}, why=why)
    return Proved(lane=held, tree=tree(held), outcomes=(), faults=(), suspects=())


def plain(found: QosProof) -> str:
    return click.unstyle(text(found))


def test_what_is_as_declared() -> None:
    found = proof(proved(VOICE, 4e6))
    said = plain(found)
    assert "shop/web egress voice  UDP   ceil 4mbit  4 mbit/s  3.88, 97.0%  9.0/15.0 ms    0     ok" in said
    assert said.endswith("1 of 1 class as declared; 5 % tolerated, 12 s.")
    assert found.clean


def test_what_differs_names_the_class_and_who_is_to_blame() -> None:
    suspect = difference(VOICE.key, "htb-class ifb0 77:10@t: rate_bps 1000000 -> 2000000")
    found = proof(proved(VOICE, 2e6, suspects=(suspect,)))
    said = plain(found)
    assert "shop/web egress voice: below ceil: 2 mbit/s by UDP, declared 4mbit" in said
    assert "    changed: htb-class ifb0 77:10@t: rate_bps 1000000 -> 2000000  (weft.yaml:3:1)" in said
    assert "0 of 1 class as declared, 1 differ" in said
    assert not found.clean


def test_where_packets_went_is_said_in_the_users_words() -> None:
    found = proof(proved(VOICE, 1e3, into=class_key("t", "ifb0", DEFAULT)))
    assert "shop/web egress voice: its packets were counted in default" in plain(found)
    assert document(found)["classes"][0]["faults"][0]["into"] == "default"


def test_where_nothing_differs_there_is_a_place_to_look() -> None:
    said = plain(proof(proved(VOICE, 2e6)))
    assert "nothing of its tree is other than asked for: ip netns exec t tc -s class show dev ifb0" in said


def test_what_differs_is_red_though_traffic_went_as_it_should() -> None:
    found = proof(proved(VOICE, 4e6, suspects=(difference(qdisc_key("t", "ifb0", "77:10")),)))
    assert "voice: went as it should, but it is not as it was asked for" in plain(found)
    assert not found.clean
    unseen = replace(found.classes[0], outcomes=())
    assert "voice: nothing of it was measured, but it is not as it was asked for" in plain(proof(unseen))


def test_what_is_not_measurable_is_never_green() -> None:
    found = proof(unmeasured("it is of icmp, and this is tcp"), aside=(("shop/db egress", "no rate is declared"),))
    said = plain(found)
    assert "not measurable, shop/web egress calls: it is of icmp, and this is tcp" in said
    assert "not counted, shop/db egress: no rate is declared" in said
    assert "0 of 1 class as declared, 1 not measurable" in said
    [shown] = document(found)["classes"]
    assert shown["clean"] is None and shown["why"] == "it is of icmp, and this is tcp"
    assert found.is_blind and document(found)["clean"] is None and said.endswith("\nNothing could be measured.")
    assert proof(aside=(("shop/db egress", "no rate is declared"),)).is_blind
    part = proof(unmeasured("it is of icmp, and this is tcp"), proved(VOICE, 4e6))
    assert not part.is_blind and document(part)["clean"] is True and "Nothing" not in plain(part)
    broken = proof(replace(unmeasured("no port reaches it"), suspects=(difference(VOICE.key),)))
    assert broken.is_blind and document(broken)["clean"] is False


def test_what_is_missing_is_told_once_for_all_that_would_stand_there() -> None:
    gone = Difference(drift=Drift.MISSING, key=Key("link", "", "eth1"), subject=(), told="no eth1", where="w.yaml:3:1")
    found = replace(proof(proved(VOICE, 4e6)), missing=tuple((f"eth1 egress {name}", gone) for name in "abcd"))
    said = plain(found)
    assert "missing, eth1 egress a, eth1 egress b, eth1 egress c and 1 more: no eth1  (w.yaml:3:1)" in said
    assert "1 of 5 classes as declared, 4 missing;" in said
    assert not found.clean and document(found)["clean"] is False
    assert document(found)["missing"][0] == {
        "what": "eth1 egress a",
        "drift": "missing",
        "table": "link",
        "netns": "",
        "name": "eth1",
        "told": "no eth1",
        "where": "w.yaml:3:1",
    }


def test_a_file_without_policies_has_nothing_to_measure() -> None:
    found = proof()
    assert plain(found) == "Nothing to measure: no port or link of the file has a policy."
    assert not found.is_blind and document(found)["clean"] is True


def test_programs_get_all_of_it() -> None:
    shown: dict[str, Any] = json.loads(json.dumps(document(proof(proved(VOICE, 4e6)))))
    [held] = shown["classes"]
    assert (held["carrier"], held["class"], held["number"]) == ("shop/web", "voice", "77:10")
    assert held["measured"] == [
        {
            "load": "alone",
            "protocol": "udp",
            "offered_bps": None,
            "rate_bps": 4_000_000,
            "goodput_bps": 3_880_000,
            "factor": 0.97,
            "p50_us": 9000,
            "p99_us": 15000,
            "drops": 0,
            "note": None,
        }
    ]


def test_the_nearest_is_blamed_first_and_neighbours_are_not() -> None:
    bulk = lane("bulk", minor="11")
    of: Tree = tree(VOICE, bulk)
    own, top = difference(VOICE.key), difference(class_key("t", "ifb0", "77:1"))
    queue, ifb = difference(qdisc_key("t", "ifb0", "77:10")), difference(Key("link", "t", "ifb0"))
    element = difference(Key("nft-element", "t", "netdev weft-lab qos-in-x-dport tcp . 80"))
    strange = [difference(bulk.key), difference(Key("link", "t", "other")), difference(Key("nft-chain", "u", "x"))]
    found = list(_suspects(of, VOICE, [], [element, *strange, ifb, top, queue, own]))
    assert found == [own, queue, top, ifb, element]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", ("", 5201)),
        ("192.0.2.1", ("192.0.2.1", 5201)),
        ("192.0.2.1:5301", ("192.0.2.1", 5301)),
        ("2001:db8::1", ("2001:db8::1", 5201)),
        ("[2001:db8::1]:5301", ("2001:db8::1", 5301)),
    ],
)
def test_a_peer_is_an_address_and_a_port(written: str, read: tuple[str, int]) -> None:
    assert peer_of(written) == read


@pytest.mark.parametrize("written", ["peer.example", "192.0.2.1:http", "300.1.1.1"])
def test_a_peer_that_is_no_address(written: str) -> None:
    with pytest.raises(click.BadParameter, match="is no address; such as"):
        peer_of(written)
