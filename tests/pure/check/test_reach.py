"""What a check of reach sends and says: packets told from others', the choice of ports, cells and causes."""

from __future__ import annotations

import struct
from dataclasses import replace

import click
import pytest

from weft.check.reach import Outcome, Protocol
from weft.check.reach.icmp import checksum
from weft.check.reach.places import Places
from weft.check.reach.probes import NONCE_BYTES, Board, Probe
from weft.check.reach.services import turned_away
from weft.check.reach.tcp import NO_ROOM
from weft.compiler import compile
from weft.doors.cli import reach_text
from weft.doors.cli.reach_text import document
from weft.errors import IntentInvalid
from weft.facts import FEATURES, Facts, ForeignLink
from weft.files import load_text
from weft.kinds.ip.address import Address
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import OtherLink
from weft.kinds.link.macvlan import Macvlan
from weft.kinds.link.veth import Veth
from weft.model.intent import Intent
from weft.reach import Endpoint, Expectation, Reach, Talk, World, endpoints, expect
from weft.service.reach import Pair, Reached, on_its_ground
from weft.service.reach_choice import choose, pairs_of, select, targets
from weft.service.status import Difference, Drift
from weft.state import Key, State, link_key


def end(name: str, *, netns: str = "", is_guest: bool = False) -> Endpoint:
    tenant, port = name.split("/")
    return Endpoint(
        name=name,
        tenant=tenant,
        network="n",
        at=(tenant, "n"),
        path=("tenants", tenant, "ports", port),
        netns=netns or port,
        ifname=port,
        ipv4="10.0.0.1",
        ipv6="fd00::1",
        is_guest=is_guest,
    )


WEB, DB, OTHER, VM = end("red/web"), end("red/db"), end("blue/web"), end("blue/vm", is_guest=True)
ALL = [WEB, DB, OTHER, VM]


def expectation(
    reach: Reach = Reach.YES, family: int = 4, source: Endpoint = WEB, target: Endpoint = DB
) -> Expectation:
    mtu = 1500 if reach is Reach.YES else None
    link = Key("link", "web", "web")
    return Expectation(
        source=source, target=target, family=4, reach=reach, why="by a router", objects=frozenset({link}), mtu=mtu
    )


def test_packets_are_matched_by_nonce_number_and_who_answers() -> None:
    probe = Probe(0, Protocol.UDP, expectation())
    board, another = Board([probe], ALL), Board([probe], ALL)
    assert board.read(board.question(probe)) is probe
    assert board.read(another.question(probe)) is None, "of another run"
    assert board.read(b"short") is None
    assert board.read_answer(board.answer(probe, DB)) is probe
    assert board.read_answer(board.answer(probe, OTHER)) is None, "an equal address elsewhere"
    assert board.read_answer(board.question(probe)) is None, "a question is no answer"


def test_echoes_of_two_runs_have_different_identifiers() -> None:
    probes = [Probe(number, Protocol.ICMP, expectation()) for number in (0, 1, 0x10000)]
    boards = [Board(probes, ALL) for _ in range(20)]
    assert len({board.echo_number(probes[0]) for board in boards}) > 1
    for board in boards:
        first, second, later = map(board.echo_number, probes)
        assert second[0] == (first[0] + 1) & 0xFFFF and later == (first[0], first[1] + 1)


def test_a_number_that_is_no_probe() -> None:
    probe = Probe(0, Protocol.UDP, expectation())
    board = Board([probe], ALL)
    nonce = board.question(probe)[:NONCE_BYTES]
    assert board.read(nonce + struct.pack("!II", 1, 0)) is None


def test_the_checksum_is_that_of_rfc_1071() -> None:
    header = bytes.fromhex("0001f203f4f5f6f7")
    assert checksum(header) == 0x220D
    whole = header + struct.pack("!H", checksum(header))
    assert checksum(whole) == 0


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["red/web", "red/db", "blue/web", "blue/vm"]),
        (["web"], ["red/web", "blue/web"]),
        (["red/web", "vm"], ["red/web", "blue/vm"]),
        (["red/*"], ["red/web", "red/db"]),
        (["*/web", "d?"], ["red/web", "red/db", "blue/web"]),
    ],
)
def test_ports_are_chosen_by_name_and_pattern(words: list[str], names: list[str]) -> None:
    assert [chosen.name for chosen in select(ALL, words)] == names


def test_a_port_called_as_the_host_is_the_one_that_is_meant() -> None:
    mine, machine = replace(WEB, name="red/host"), replace(WEB, name="host", tenant="")
    assert select([mine, DB, machine], ["host"]) == [mine]
    assert select([DB, machine], ["host"]) == [machine]


def test_every_name_that_fits_nothing_is_told() -> None:
    with pytest.raises(IntentInvalid) as refused:
        select(ALL, ["web", "nobody", "green/*"])
    assert [problem.where for problem in refused.value.problems] == ["nobody", "green/*"]


def test_one_port_alone_is_paired_with_all() -> None:
    assert len(pairs_of(ALL, ALL)) == 12
    assert {(a.name, b.name) for a, b in pairs_of(ALL, [WEB])} == {
        pair for other in (DB, OTHER, VM) for pair in ((WEB.name, other.name), (other.name, WEB.name))
    }


FLOATING = replace(
    DB, name="red/203.0.113.10", path=("tenants", "red", "floating_ips", "203.0.113.10"), floating="203.0.113.10"
)


def test_a_floating_ip_is_asked_and_asks_nobody() -> None:
    assert (FLOATING.address(4), FLOATING.asked(4), DB.asked(4)) == ("10.0.0.1", "203.0.113.10", "10.0.0.1")
    everybody = [WEB, DB, FLOATING]
    assert select(everybody, ["203.0.113.10"]) == [FLOATING]
    asked = [(a.name, b.name) for a, b in pairs_of(everybody, [FLOATING])]
    assert asked == [(WEB.name, FLOATING.name), (DB.name, FLOATING.name)]
    assert len(pairs_of(everybody, everybody)) == 4
    one = pair(expectation(target=FLOATING))
    shown = text(found(one, ports=(WEB, FLOATING))).splitlines()
    assert [line.split() for line in shown[1:3]] == [["red/web", "1", "+"], ["red/203.0.113.10", "2"]]
    assert [port["floating"] for port in document(found(one, ports=(WEB, FLOATING)))["ports"]] == [None, "203.0.113.10"]


def pair(known: Expectation, *, lost: set[Protocol] | None = None, suspects: tuple[Difference, ...] = ()) -> Pair:
    """With all as it should be but for the `lost`, which are the opposite."""
    wanted = known.reach is Reach.YES
    protocols = [p for p in Protocol if p is not Protocol.MTU or wanted] if known.reach is not Reach.OPEN else []
    outcomes = (Outcome(expectation=known, protocol=p, reached=wanted != (p in (lost or set()))) for p in protocols)
    return Pair(
        source=known.source,
        target=known.target,
        expectations=(known,),
        outcomes=tuple(outcomes),
        suspects=suspects,
    )


def text(result: Reached) -> str:
    """Without its colours."""
    return click.unstyle(reach_text.text(result))


def found(*pairs: Pair, ports: tuple[Endpoint, ...] = (WEB, DB), unopened: tuple[str, ...] = ()) -> Reached:
    return Reached(scope="lab", ports=ports, unopened=frozenset(unopened), pairs=pairs, elapsed_s=0.5)


BACK = expectation(source=DB, target=WEB)
ROUTE = Difference(
    drift=Drift.CHANGED,
    key=Key("route", "web", "0.0.0.0/0"),
    subject=("tenants", "red", "ports", "web"),
    told="route 0.0.0.0/0@web: via 10.0.0.9 -> 10.0.0.1",
    where="weft.yaml:12:5",
)


def test_of_the_hosts_own_what_joins_networks_counts() -> None:
    """As it is wanted: up. Other bridges are others' affair."""
    port = Veth(netns="", ifname="p", master="br", peer_netns="t", peer_ifname="q")
    child = Macvlan(netns="t", ifname="m", parent=Key("link", "", "below"), mode="bridge")
    names = ("br", "below", "other")
    observed = {key: Bridge(netns="", ifname=key.name, up=False, mtu=1400) for key in (link_key("", n) for n in names)}
    own = Address(netns="", ifname="br", cidr="10.0.0.1/24")
    card = OtherLink(netns="", ifname="eth0")
    desired = State({port.key: port, child.key: child})
    ground = on_its_ground(desired, State({**observed, own.key: own, card.key: card}))
    joined = {key: obj for key, obj in ground.items() if isinstance(obj, Bridge)}
    assert {key.name: (obj.up, obj.mtu) for key, obj in joined.items()} == {"br": (None, 1400), "below": (None, 1400)}
    assert set(ground) == {port.key, child.key, own.key, *joined}
    mine = Bridge(netns="", ifname="br", mtu=1500)
    assert on_its_ground(State({**desired, mine.key: mine}), State(observed))[mine.key] is mine


def test_all_is_well() -> None:
    said = text(found(pair(expectation()), pair(BACK)))
    assert "red/web  1     +" in said and said.endswith("2 of 2 pairs as asked; 8 questions in 0.5 s.")


def test_a_call_that_waits_is_no_difference_and_told_of() -> None:
    known = expectation()
    waits = Outcome(expectation=known, protocol=Protocol.TCP, reached=True, note=NO_ROOM, is_waiting=True)
    pairs = [replace(pair(of), outcomes=(replace(waits, expectation=of),)) for of in (known, BACK)]
    said = text(found(*pairs))
    assert f"red/web -> red/db, red/db -> red/web: {NO_ROOM}\n2 of 2 pairs as asked; " in said
    probe = Probe(0, Protocol.TCP, known, arrived=True)
    assert not probe.reached
    probe.is_waiting = True
    assert probe.reached


def test_calls_that_were_turned_away_are_counted_by_the_namespace() -> None:
    head = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\n"
    assert turned_away(f"{head}TcpExt: 1 23 24\nIpExt: InNoRoutes\nIpExt: 7\n") == 23
    assert turned_away("TcpExt: SyncookiesSent\nTcpExt: 1\n") == 0
    assert turned_away("") == 0


def test_a_silence_names_protocols_families_and_the_suspect_with_its_line() -> None:
    lost = {Protocol.ICMP, Protocol.TCP, Protocol.MTU}
    result = found(pair(expectation(), lost=lost, suspects=(ROUTE,)), pair(BACK))
    said = text(result).splitlines()
    assert "red/web  1     X" in said and "red/db   2  +" in said
    assert "red/web -> red/db: no answer by ICMP, TCP over IPv4" in said
    assert "    changed: route 0.0.0.0/0@web: via 10.0.0.9 -> 10.0.0.1  (weft.yaml:12:5)" in said
    assert said[-1] == "1 of 2 pairs as asked, 1 differ; 8 questions in 0.5 s."
    (first, _) = document(result)["pairs"]
    assert first["clean"] is False and first["suspects"][0]["where"] == "weft.yaml:12:5"
    assert first["families"][0]["reached"] == {"icmp": False, "tcp": False, "udp": True, "mtu": False}


def test_only_large_packets_are_lost() -> None:
    said = text(found(pair(expectation(), lost={Protocol.MTU}), pair(BACK)))
    assert "packets as large as they may be are lost (1500 bytes over IPv4), smaller ones pass" in said
    assert "nothing on the way is other than asked for; it leads over link web@web" in said


def test_a_leak_says_why_it_should_not_be() -> None:
    said = text(found(pair(expectation(Reach.NO), lost={Protocol.UDP}), pair(BACK)))
    assert "red/web  1     !" in said
    assert "red/web -> red/db: reaches by UDP over IPv4, and should not: by a router" in said


def test_what_is_not_measurable_is_never_counted_as_well() -> None:
    guest = expectation(Reach.OPEN, source=WEB, target=VM)
    opened, unopened = (found(pair(guest), ports=(WEB, VM), unopened=names) for names in ((), (VM.name,)))
    assert "red/web  1     ?" in text(opened) and "not measurable, 1 pair: by a router" in text(opened)
    assert "not measurable, 1 pair: blue/vm is a tap that nobody has opened" in text(unopened)
    taps = [replace(VM, name=f"blue/vm{number}") for number in range(5)]
    many = [pair(expectation(Reach.OPEN, source=WEB, target=tap)) for tap in taps]
    said = text(found(*many, ports=(WEB, *taps), unopened=[tap.name for tap in taps]))
    assert "not measurable, 5 pairs: blue/vm0, blue/vm1, blue/vm2 and 2 more are taps that nobody has opened" in said
    assert text(opened).endswith(
        "0 of 1 pair as asked, 1 not measurable; 0 questions in 0.5 s.\nNothing could be measured."
    )
    assert document(opened)["clean"] is None
    part = found(opened.pairs[0], pair(BACK))
    assert not part.is_blind and document(part)["clean"] is True and "Nothing could" not in text(part)
    assert not found().is_blind and document(found())["clean"] is True, "nothing was asked for"
    assert document(unopened)["pairs"][0]["clean"] is None
    assert [port["tap"] for port in document(unopened)["ports"]] == [None, "unopened"]


def test_what_should_be_apart_is_not_asked_by_large_packets_alone() -> None:
    of = replace(pair(expectation(Reach.NO)), outcomes=())
    told = "only what should reach is asked by packets as large as they may be"
    assert document(found(of))["pairs"][0]["why"] == told
    assert f"not measurable, 1 pair: {told}" in text(found(of))


def test_of_many_ports_only_differences_are_shown_those_of_one_cause_once() -> None:
    many = [end(f"red/p{number}") for number in range(30)]
    pairs = [
        pair(
            expectation(source=source, target=target),
            lost=set(Protocol) if source is many[0] else None,
            suspects=(ROUTE,),
        )
        for source, target in pairs_of(many, many)
    ]
    lines = text(found(*pairs, ports=tuple(many))).splitlines()
    assert lines == [
        "red/p0 -> red/p1, red/p0 -> red/p2, red/p0 -> red/p3 and 26 more pairs: no answer by ICMP, TCP, UDP over IPv4",
        "    changed: route 0.0.0.0/0@web: via 10.0.0.9 -> 10.0.0.1  (weft.yaml:12:5)",
        "",
        "841 of 870 pairs as asked, 29 differ; 3,480 questions in 0.5 s.",
    ]


MANY = """
weft: 1
name: lab
external_networks: {net: {link: eth1, subnets: [203.0.113.0/24]}}
tenants:
  red:
    networks: {a: {subnets: [10.1.0.0/16]}, b: {subnets: [10.2.0.0/16]}}
    routers: {edge: {interfaces: [a, b], gateway: net}}
    security_groups: {web: {ingress: [{protocol: tcp}]}}
    ports:
      p[1-60]: {network: a, attach: {netns: "a{name}"}}
      q[1-20]: {network: b, attach: {netns: "b{name}"}}
      s[1-20]: {network: b, attach: {netns: "s{name}"}, security_groups: [web]}
    floating_ips:
      203.0.113.9:
        network: net
        forward: [{protocol: tcp, ports: [22, 80-81], port: p1}, {protocol: sctp, ports: 7, port: p1}]
%s"""


def test_of_many_that_are_alike_one_asks_floating_ips() -> None:
    intent, ends = many(50)
    whole = choose(intent, ends, [])
    assert (whole.asking, whole.able, whole.outside) == (3, 100, ("net",))
    asked = [(a.name, b.name) for a, b in whole.pairs if b.floating]
    assert {a for a, _ in asked} == {"red/p1", "red/q1", "red/s1", "host"} and len(asked) == 4 * 53
    assert len(whole.pairs) == 100 * 99 + len(asked), "ports ask each other as ever"
    one = choose(intent, ends, ["203.0.113.9"])
    assert (one.asking, one.able) == (100, 100)
    assert [end.name for end in one.selected] == [
        f"red/203.0.113.9 {what}" for what in ("tcp/22", "tcp/80-81", "sctp/7")
    ]
    shown = text(replace(found(), asking=3, able=100, outside=("net",)))
    assert "floating IPs asked from 3 of 100 ports, one of those alike (network and groups)" in shown
    assert "not asked: floating IPs from outside (net)" in shown


def many(floating: int) -> tuple[Intent, list[Endpoint]]:
    lines = "".join(f"      203.0.113.{at}: {{network: net, port: q1}}\n" for at in range(10, 10 + floating))
    intent = load_text("f", MANY % lines).intent
    facts = Facts(host_id="h", features=frozenset(FEATURES), links={"eth1": ForeignLink(ifname="eth1")})
    made = compile(intent, facts)
    ports = endpoints(intent, made.state, made.paths)
    return intent, [*ports, *targets(intent, made.state, ports)]


def test_forwardings_of_protocols_that_are_not_asked() -> None:
    intent, ends = many(1)
    made = [end for end in ends if end.talk]
    assert [(end.talk.port, end.own_port) for end in made if end.talk] == [(22, 22), (80, 80), (7, 7)]
    unasked = expect(World(State()), ends[0], made[2], 4)
    assert (unasked.reach, unasked.why) == (Reach.OPEN, "what is forwarded is sctp, which nobody asks by")
    udp = choose(intent, ends, [], [Protocol.UDP])
    assert {b.name for _, b in udp.pairs if b.talk} == {"red/203.0.113.9 sctp/7"}
    tcp = choose(intent, ends, ["203.0.113.9 tcp/22", "red/p2"], [Protocol.TCP])
    assert [end.name for end in tcp.selected] == ["red/p2", "red/203.0.113.9 tcp/22"]
    whole = choose(intent, ends, ["203.0.113.9", "p1"], [Protocol.ICMP])
    assert {end.name for end in whole.selected} == {"red/p1", "red/203.0.113.9 sctp/7"}


def test_a_word_for_a_forwarding_that_is_not_asked_by() -> None:
    """It is there: only the protocol is another."""
    intent, ends = many(1)
    with pytest.raises(IntentInvalid) as refused:
        choose(intent, ends, ["203.0.113.9 tcp/*", "red/p1"], [Protocol.ICMP, Protocol.UDP])
    told = "203.0.113.9 tcp/*: it is forwarded by tcp alone, and asked by nothing else; --protocol tcp"
    assert told in str(refused.value)


def test_two_forwardings_to_one_place_share_a_listener() -> None:
    one = replace(FLOATING, name="red/203.0.113.10 tcp/22", talk=Talk(protocol="tcp", port=22), own_port=22)
    same = replace(one, name="red/203.0.113.11 tcp/2222", floating="203.0.113.11", talk=Talk(protocol="tcp", port=2222))
    places = Places(4)
    assert one not in places
    places.add(one)
    assert same in places and replace(same, own_port=23) not in places
    assert one.is_at(same, 4) and not DB.is_at(FLOATING, 4) and not one.is_at(replace(same, netns="x"), 4)
