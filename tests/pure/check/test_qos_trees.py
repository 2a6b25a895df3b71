"""Who sends and receives for each class of a file, and why nothing can be measured of some."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.check.qos.lanes import Lane
from weft.check.qos.trees import NOBODY, OUTSIDE, Scene, trees_of, unmeasured
from weft.compiler import compile, planted
from weft.facts import FEATURES, Facts, ForeignLink
from weft.files import load_text
from weft.reach import endpoints

FILE = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.10.0.0/24, "fd00:1::/64"], uplink: nat}}
    ports:
      db: {network: front, attach: {netns: db}, qos: {ingress: {ceil: 5mbit}}}
      web: {network: front, attach: {netns: web}, qos: QOS}
      api: {network: front, attach: {netns: api}}
      vm: {network: front, attach: {tap: {}}, qos: {egress: {ceil: 5mbit}}}
host: {links: {eth0: {existing: true, capacity: 100mbit}}}
"""
FACTS = Facts(
    host_id="00000000-4096",
    features=frozenset(FEATURES),
    egress_links=("eth0",),
    links={"eth0": ForeignLink(ifname="eth0", mtu=1500)},
)


def scene(qos: str, facts: Facts = FACTS, peer: str = "") -> Scene:
    intent = load_text("weft.yaml", FILE.replace("QOS", qos)).intent
    compiled = compile(intent, facts)
    ends = endpoints(intent, compiled.state, compiled.paths)
    return Scene(planted=planted(intent, facts), endpoints=ends, state=compiled.state, peer=peer)


def lanes(of: Scene) -> dict[str, Lane]:
    return {str(lane): lane for tree in trees_of(of) for lane in tree.lanes}


def between(lane: Lane) -> tuple[str, str]:
    assert lane.sender is not None and lane.receiver is not None
    return lane.sender.name, lane.receiver.name


def test_who_has_room_for_it_is_at_the_other_end() -> None:
    wide = lanes(scene("{egress: {ceil: 20mbit}}"))["shop/web egress"]
    narrow = lanes(scene("{egress: {ceil: 4mbit}}"))["shop/web egress"]
    assert between(wide) == ("shop/web", "shop/api"), "db has room for 5 mbit only"
    assert between(narrow) == ("shop/web", "shop/db")
    assert set(wide.flows) == {"tcp", "udp"}


def test_who_has_a_bad_line_is_asked_nothing() -> None:
    """Its delay would be taken for the other's, or TCP would wait for its answers."""
    for line in ("impairment: {delay: 30ms}", "classes: {v: {match: {dscp: ef}, impairment: {loss: 2%}}}"):
        bad = FILE.replace("{ingress: {ceil: 5mbit}}", f"{{egress: {{{line}}}}}")
        intent = load_text("weft.yaml", bad.replace("QOS", "{egress: {ceil: 4mbit}}")).intent
        compiled = compile(intent, FACTS)
        ends = endpoints(intent, compiled.state, compiled.paths)
        of = Scene(planted=planted(intent, FACTS), endpoints=ends, state=compiled.state)
        assert between(lanes(of)["shop/web egress"]) == ("shop/web", "shop/api")
        alone = replace(of, endpoints=[end for end in ends if end.name in ("shop/web", "shop/db")])
        assert "shop/db's own line is made bad on purpose" in lanes(alone)["shop/web egress"].why


def test_what_is_answered_over_a_bad_line_of_its_own_is_known() -> None:
    found = lanes(scene("{egress: {ceil: 4mbit}, ingress: {ceil: 4mbit, impairment: {delay: 30ms}}}"))
    assert found["shop/web egress"].flows and found["shop/web egress"].answers_us == 30_000
    assert found["shop/web ingress"].why == "its line is made bad on purpose"
    assert found["shop/web ingress"].answers_us is None


def test_what_is_declared_is_told_as_it_was_said_whatever_htb_is_told() -> None:
    said = "{egress: {layer: LAYER, ceil: 10mbit, classes: {voice: {match: {dscp: ef}, rate: 2001kbit, ceil: 4mbit}}}}"
    for layer, added in (("ethernet", 0), ("ip", -14)):
        voice = lanes(scene(said.replace("LAYER", layer)))["shop/web egress voice"]
        assert (voice.rate_bps, voice.ceil_bps, voice.overhead_bytes) == (2_001_000, 4_000_000, added)
        assert (voice.frame_bytes, voice.burst_bytes) == (1514, 2 * 1514)


@pytest.mark.parametrize(("layer", "overhead", "added"), [("ip", 0, -14), ("ethernet", 20, 20), ("atm", 8, 8)])
def test_a_share_is_told_as_its_port_counts(layer: str, overhead: int, added: int) -> None:
    said = f"{{egress: {{rate: 2mbit, ceil: 4mbit, layer: {layer}, overhead: {overhead}}}}}"
    share = lanes(scene(said, peer="192.0.2.1"))["shop/web egress by eth0"]
    assert (share.rate_bps, share.ceil_bps) == (2_000_000, 4_000_000)
    assert (share.overhead_bytes, share.cells) == (added, layer == "atm")
    narrow = FILE.replace("capacity: 100mbit", "capacity: 3mbit")
    intent = load_text("weft.yaml", narrow.replace("QOS", said)).intent
    compiled = compile(intent, FACTS)
    ends = endpoints(intent, compiled.state, compiled.paths)
    of = Scene(planted=planted(intent, FACTS), endpoints=ends, state=compiled.state, peer="192.0.2.1")
    limited = lanes(of)["shop/web egress by eth0"]
    assert limited.ceil_bps < 4_000_000 and limited.rate_bps == 2_000_000


def test_what_is_received_is_sent_by_the_others() -> None:
    assert between(lanes(scene("{ingress: {ceil: 20mbit}}"))["shop/web ingress"]) == ("shop/db", "shop/web")


def test_each_leaf_has_a_name_and_ports_of_its_own() -> None:
    classes = "{voice: {match: {dscp: ef}, rate: 1mbit}, web: {match: {protocol: tcp, ports: [80]}, rate: 1mbit}}"
    found = lanes(scene(f"{{egress: {{ceil: 4mbit, classes: {classes}}}}}"))
    own = {name: lane for name, lane in found.items() if name.startswith("shop/web egress")}
    assert set(own) == {"shop/web egress (default)", "shop/web egress voice", "shop/web egress web"}
    assert set(own["shop/web egress web"].flows) == {"tcp"}
    ports = [flow.port for lane in own.values() for flow in list(lane.flows.values())[:1]]
    assert len(set(ports)) == len(ports), "all can be sent at once"
    assert own["shop/web egress (default)"].ceil_bps == 4_000_000
    assert own["shop/web egress voice"].ceil_bps == 1_000_000, "its rate, for it says no ceil"
    assert own["shop/web egress voice"].rate_bps == 1_000_000


def test_a_class_of_an_address_is_sent_to_who_has_it() -> None:
    of = scene("{egress: {ceil: 4mbit, classes: {api: {match: {destination: 10.10.0.4}, rate: 1mbit}}}}")
    api = next(end for end in of.endpoints if end.ipv4 == "10.10.0.4")
    assert between(lanes(of)["shop/web egress api"])[1] == api.name


def test_a_class_of_ipv6_is_sent_over_ipv6() -> None:
    of = scene('{egress: {ceil: 4mbit, classes: {six: {match: {destination: "fd00:1::/64"}, rate: 1mbit}}}}')
    assert {flow.family for flow in lanes(of)["shop/web egress six"].flows.values()} == {6}


def test_what_cannot_be_sent_says_why() -> None:
    of = scene("{egress: {ceil: 4mbit, classes: {ping: {match: {protocol: icmp}, rate: 1mbit}}}}")
    found = lanes(replace(of, unopened=frozenset({"shop/vm"})))
    assert "it is of icmp, and this is udp" in found["shop/web egress ping"].why
    assert found["shop/vm egress"].why == "shop/vm is a tap that nobody has opened"
    assert lanes(of)["shop/vm egress"].why == "shop/vm is a tap, and only its guest could speak for it"
    wide = lanes(scene("{ingress: {ceil: 4mbit}}"))["shop/db ingress"]
    assert not wide.why


def test_nobody_at_the_other_end() -> None:
    of = scene("{egress: {ceil: 20mbit}}")
    alone = replace(of, endpoints=[end for end in of.endpoints if end.name in ("shop/web", "shop/db")])
    assert "shop/db's own ingress is narrower" in lanes(alone)["shop/web egress"].why
    alone = replace(of, endpoints=[end for end in of.endpoints if end.name == "shop/web"])
    assert lanes(alone)["shop/web egress"].why == NOBODY


def test_a_figure_that_cannot_be_reached_is_not_judged() -> None:
    assert "bad on purpose" in lanes(scene("{egress: {ceil: 4mbit, impairment: {loss: 10%}}}"))["shop/web egress"].why
    few = lanes(scene("{egress: {ceil: 4mbit, packets_per_second: 100}}"))["shop/web egress"]
    assert few.why == "100 packets a second are fewer than its rate has room for"
    endless = lanes(scene("{egress: {classes: {voice: {match: {dscp: ef}, rate: 1mbit}}}}"))
    assert endless["shop/web egress (default)"].why == "nothing limits it, so there is nothing to reach"


def test_what_leaves_the_machine_needs_a_peer() -> None:
    qos = "{egress: {rate: 2mbit, ceil: 4mbit}}"
    alone, met = lanes(scene(qos)), lanes(scene(qos, peer="192.0.2.7"))
    assert alone["shop/web egress by eth0"].why == OUTSIDE
    shared = met["shop/web egress by eth0"]
    assert between(shared) == ("shop/web", "192.0.2.7")
    assert shared.receiver is not None and shared.receiver.netns is None
    assert (shared.rate_bps, shared.ceil_bps) == (2_000_000, 4_000_000)


def test_without_htb_no_class_counts() -> None:
    lesser = replace(FACTS, features=FACTS.features - {"htb"})
    of = scene("{egress: {ceil: 4mbit}}", lesser)
    assert "shop/web egress" not in lanes(of)
    assert ("shop/web egress", "nft limit keeps it, and no class counts") in list(unmeasured(of))


GROUPS = """
    security_groups:
      shut: {ingress: [{protocol: icmp}]}
      some: {ingress: [{protocol: tcp, ports: [5301]}, {protocol: udp}]}
    ports:"""


def grouped(text: str) -> dict[str, Lane]:
    intent = load_text("weft.yaml", text.replace("\n    ports:", GROUPS)).intent
    compiled = compile(intent, FACTS)
    ends = endpoints(intent, compiled.state, compiled.paths)
    return lanes(Scene(planted=planted(intent, FACTS), endpoints=ends, state=compiled.state))


def test_whose_groups_let_it_in_is_at_the_other_end_by_a_port_that_they_allow() -> None:
    text = FILE.replace("QOS", "{egress: {ceil: 4mbit}}").replace("{netns: db}", "{netns: db}, security_groups: [shut]")
    open_end = grouped(text)["shop/web egress"]
    assert between(open_end) == ("shop/web", "shop/api")
    some = grouped(text.replace("{netns: api}", "{netns: api}, security_groups: [some]"))["shop/web egress"]
    assert between(some) == ("shop/web", "shop/api")
    assert {protocol: flow.port for protocol, flow in some.flows.items()} == {"tcp": 5301, "udp": 5301}, (
        "iperf3 speaks by TCP first"
    )


def test_who_is_shut_off_by_groups_says_by_which() -> None:
    text = FILE.replace("QOS", "{egress: {ceil: 4mbit}}").replace(
        "attach: {netns: ", "security_groups: [shut], attach: {netns: "
    )
    assert grouped(text)["shop/web egress"].why.startswith(
        "of tcp/5201, which it takes to measure, no rule of security group shut lets it in"
    )
