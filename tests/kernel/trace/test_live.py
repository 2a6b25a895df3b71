"""`weft trace --live`: what passes is seen at each hop, and what somebody broke is named where it happens."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.faults.held_tap import HeldTap
from tests.kernel.trace.lab import BRIDGE, OUTSIDE, ROUTER, Lab, hops
from tests.world import World
from weft.backends import nft_tracing
from weft.check.trace import Live
from weft.files import load
from weft.service import Service
from weft.service.trace import Basis, Question, trace
from weft.trace import talk_of

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

FILE = """
weft: 1
name: lab
tenants:
  shop:
    networks:
      front: {subnets: [10.0.0.0/24, "fd00::/64"], uplink: nat}
      back: {subnets: [10.1.0.0/24, "fd01::/64"], uplink: routed}
    security_groups:
      web: {ingress: [{protocol: tcp, ports: [80]}, {protocol: icmp}, {protocol: icmpv6}]}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"], security_groups: [web]}
      ask: {network: front, attach: {netns: ask}, addresses: [10.0.0.20, "fd00::20"]}
      db: {network: back, attach: {netns: db}, addresses: [10.1.0.10, "fd01::10"], security_groups: [web]}
      vm: {network: front, attach: {tap: {name: vm}}, addresses: [10.0.0.30], mac: "52:54:00:12:34:56"}
"""
REMEMBER = "ip -4 neigh | while read to _ dev _ mac _; do ip neigh replace $to dev $dev lladdr $mac nud permanent; done"
"""However long a test takes, nobody asks anew for a MAC, which would be lost as well."""
TABLE = "table bridge weft-lab"
MAC = "52:54:00:12:34:56"
GUEST = Path(__file__).parents[1] / "qos" / "guest_behind.py"
RULESETS = "for n in $(ls /run/netns); do nsenter --net=/run/netns/$n nft -s -t list ruleset; done"


def nft(lab: Lab, netns: str, text: str) -> None:
    lab.world.run("nft", text, netns=netns)


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Lab]:
    made = Lab(world, tmp_path / "weft.yaml")
    world.run("sh", "-c", OUTSIDE)
    made.put(FILE)
    yield made


def lost_at(found: dict[str, Any]) -> dict[str, Any]:
    """The hop at which reality is other."""
    return dict(hops(found)[found["live"]["hop"]])


def drift(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["drift"], one["table"], one["netns"]) for one in found["drift"]]


def test_what_passes_is_seen_at_every_hop_and_nothing_is_left(lab: Lab) -> None:
    before = lab.world.run("sh", "-c", RULESETS).stdout
    for words, answer in (
        (("ask", "web", "tcp/80"), "refused"),
        (("ask", "web", "icmp"), "answered"),
        (("ask", "web", "icmp", "-6"), "answered"),
        (("web", "db", "tcp/80"), "refused"),
        (("web", "db", "tcp/80", "-6"), "refused"),
        (("web", "external", "icmp"), "answered"),
    ):
        live = lab.live(*words)["live"]
        assert (live["differs"], live["answer"]) == ("", answer), words
        assert set(live["confirmed"]) == {True}, words
    nobody = ("ask", "10.0.0.99", "icmp")
    for words in (("ask", "web", "tcp/81"), ("web", "db", "tcp/81"), ("db", "web", "tcp/80"), nobody):
        live = lab.live(*words, code=3)["live"]
        assert (live["differs"], live["answer"]) == ("", ""), words
        assert set(live["confirmed"]) == {True}, words
    after = lab.world.run("sh", "-c", RULESETS).stdout
    assert before.count("chain") > 20 and after == before


def test_a_udp_service_that_says_nothing_is_no_difference(lab: Lab) -> None:
    found = lab.live("web", "ask", "udp/9")
    assert found["live"]["differs"] == "" and all(found["live"]["confirmed"][: len(found["question"]["hops"])])


def test_an_element_that_somebody_deleted(lab: Lab) -> None:
    nft(lab, BRIDGE, "delete element bridge weft-lab in4.web.tcp { 80 }")
    found = lab.live("ask", "web", "tcp/80", code=3)
    assert found["verdict"] == "stops" and found["wanted"]["verdict"] == "passes" and found["live"]["differs"] == ""
    assert found["hints"][0]["said"].startswith("the file says otherwise")
    assert ("changed", "nft-set", BRIDGE) in drift(found)
    wanted = lab.live("ask", "web", "tcp/80", "--state", "desired", code=3)
    assert wanted["verdict"] == "passes"
    assert "at network shop/front the question is dropped by" in wanted["live"]["differs"]
    assert "chain to4.web in table bridge weft-lab" in wanted["live"]["differs"]
    assert lost_at(wanted)["place"] == "network shop/front"


def test_elements_of_maps_that_decide(lab: Lab) -> None:
    """What a link leads to: without its element nothing passes it (but by a lane, docs/adr/0029), and what drops it is
    named."""
    end = lab.world.json("ip", "-j", "link", "show", "dev", "web", netns=BRIDGE)[0]["ifname"]
    for way, name, chain, words, place in (
        ("question", "receivers", "receiving", ("ask", "web", "tcp/80"), "network shop/front"),
        ("question", "entry", "prerouting", ("web", "db", "icmp"), "network shop/front"),
        ("answer", "entry", "prerouting", ("ask", "web", "icmp"), "network shop/front"),
    ):
        assert lab.live(*words)["live"]["differs"] == ""
        for netns in ("ask", "web"):
            lab.world.run("sh", "-ec", REMEMBER, netns=netns)
        nft(lab, BRIDGE, f'delete element bridge weft-lab {name} {{ "{end}" }}')
        wanted = lab.live(*words, "--state", "desired", code=3)
        assert wanted["verdict"] == "passes"
        told = wanted["live"]["differs"]
        assert told.startswith(f"at {place} the {way} is dropped by ") and told.endswith(
            f" of chain {chain} in {TABLE}"
        )
        where = lost_at(wanted)
        assert (where["place"], where["netns"]) == (place, BRIDGE)
        at = wanted["live"]["hop"]
        assert (at < len(wanted["question"]["hops"])) == (way == "question")
        assert ("missing", "nft-element", BRIDGE) in drift(wanted), name
        assert lab.trace(*words, code=3)["wanted"]["verdict"] == "passes", "as the machine is it stops"
        lab.mend()


def test_counters_alone_where_the_kernel_does_not_trace(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made so here: they tell how far it came, and never by which rule it was dropped."""
    monkeypatch.setattr(nft_tracing, "TRACING", "meta nftrace set 1 nobody knows this")
    end = lab.world.json("ip", "-j", "link", "show", "dev", "web", netns=BRIDGE)[0]["ifname"]
    with lab.world.inside():
        service = Service(command="test")
        loaded = load(str(lab.file))

        def live(source: str, target: str, asked: str) -> Live:
            question = Question(source=source, target=target, talk=talk_of(asked))
            found = trace(service, loaded, question, Basis.DESIRED, live=True).live
            assert found is not None
            return found

        passed = live("ask", "web", "tcp/80")
        assert (passed.differs, passed.answered.how) == ("", "refused") and set(passed.confirmed) == {True}
        assert live("web", "db", "icmp").differs == ""
        nft(lab, BRIDGE, f'delete element bridge weft-lab receivers {{ "{end}" }}')
        told = "the question came to network shop/front and is not sent on: this kernel does not trace by what"
        assert live("ask", "web", "tcp/80").differs == told
        lab.world.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=0", netns=ROUTER)
        told = "the question came to router of shop/front and is not sent on by uplink"
        assert live("web", "db", "icmp").differs.startswith(told)
    for netns in (BRIDGE, ROUTER, "web", "ask"):
        assert "weft_trace" not in lab.world.run("nft", "list", "tables", netns=netns).stdout


def test_a_rule_that_somebody_opened(lab: Lab) -> None:
    nft(lab, BRIDGE, "insert rule bridge weft-lab to4.web accept")
    found = lab.live("ask", "web", "tcp/81")
    assert found["live"]["differs"] == "" and found["wanted"]["verdict"] == "stops"
    wanted = lab.live("ask", "web", "tcp/81", "--state", "desired", code=3)
    assert wanted["live"]["differs"] == "the question goes on from network shop/front, and should not"


def test_a_route_that_somebody_turned(lab: Lab) -> None:
    lab.world.run("ip", "route", "replace", "default", "via", "10.0.0.99", netns="web")
    found = lab.live("web", "db", "tcp/80", code=3)
    assert found["why"] == "nobody has 10.0.0.99 where web leads to"
    assert ("changed", "route", "web") in drift(found) and found["live"]["differs"] == ""
    lab.world.run("ip", "neigh", "flush", "all", netns="web")
    wanted = lab.live("web", "db", "tcp/80", "--state", "desired", code=3)
    told = "the question left port shop/web and never came to network shop/front: nobody answers for 10.0.0.99"
    assert wanted["live"]["differs"] == told
    assert ("changed", "route", "web") in drift(wanted)


def test_a_link_that_somebody_took_down(lab: Lab) -> None:
    end = lab.world.json("ip", "-j", "link", "show", "dev", "web", netns=BRIDGE)[0]["ifname"]
    lab.world.run("ip", "link", "set", end, "down", netns=BRIDGE)
    found = lab.live("ask", "web", "tcp/80", code=3)
    assert found["why"] == "shop/web is down" and found["live"]["differs"] == ""
    assert ("changed", "link", BRIDGE) in drift(found)
    lab.world.run("ip", "neigh", "flush", "all", netns="ask")
    wanted = lab.live("ask", "web", "tcp/80", "--state", "desired", code=3)
    told = "the question left port shop/ask and never came to network shop/front: nobody answers for 10.0.0.10"
    assert wanted["live"]["differs"] == told
    assert ("changed", "link", BRIDGE) in drift(wanted)


def test_a_rule_of_somebody_elses_in_a_router(lab: Lab) -> None:
    nft(lab, ROUTER, "add table inet evil")
    nft(lab, ROUTER, "add chain inet evil way { type filter hook forward priority 0; }")
    nft(lab, ROUTER, "add rule inet evil way ip saddr 10.0.0.10 tcp dport 80 drop")
    found = lab.live("web", "db", "tcp/80", code=3)
    told = "dropped by `ip saddr 10.0.0.10 tcp dport 80 drop` of chain way in table inet evil, which is not weft's"
    assert (found["verdict"], found["why"], found["live"]["differs"]) == ("stops", told, "")
    assert found["question"]["hops"][-1]["place"] == "router of shop/front"
    assert lab.live("web", "db", "icmp")["live"]["differs"] == "", "it drops no ping"
    nft(lab, ROUTER, "delete table inet evil")
    nft(lab, "db", "table inet mine { chain in { type filter hook input priority 0; policy drop; }; }")
    found = lab.live("web", "db", "tcp/80", code=3)
    assert found["why"] == "dropped by the policy of chain in in table inet mine, which is not weft's"
    nft(lab, "db", "flush ruleset")
    nft(lab, ROUTER, "table netdev evil { chain way { type filter hook ingress device uplink priority 0; }; }")
    nft(lab, ROUTER, "add rule netdev evil way ip saddr 10.1.0.10 drop")
    found = lab.live("web", "db", "tcp/80", code=3)
    assert found["verdict"] == "passes", "weft does not look at these"
    lost = "the answer left router of shop/back and never came to router of shop/front"
    assert lost in found["live"]["differs"] or "never came to" in found["live"]["differs"]


def test_forwarding_that_somebody_turned_off(lab: Lab) -> None:
    lab.world.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=0", netns=ROUTER)
    found = lab.live("web", "db", "tcp/80", code=3)
    assert found["why"] == "does not forward" and found["live"]["differs"] == ""
    wanted = lab.live("web", "db", "tcp/80", "--state", "desired", code=3)
    assert wanted["live"]["differs"].startswith(
        "the question came to router of shop/front and is not sent on by uplink"
    )
    assert ("changed", "sysctl", ROUTER) in drift(wanted)


def bridge_end(lab: Lab, port: str) -> str:
    return str(lab.world.json("ip", "-j", "link", "show", "dev", port, netns=BRIDGE)[0]["ifname"])


def test_what_cannot_be_measured(lab: Lab) -> None:
    assert lab.live("vm", "web", "icmp")["live"]["why"] == "shop/vm is a tap that nobody has opened"
    assert lab.live("web", "vm", "icmp")["live"]["why"] == "shop/vm is a tap that nobody has opened"
    assert lab.live("external", "db", "tcp/80")["live"]["why"] == "external is outside of this machine"
    assert lab.live("ask", "db", "sctp/80", code=3)["live"]["why"] == "only icmp, icmpv6, tcp, udp can be sent"


def test_a_guest_behind_a_tap(lab: Lab) -> None:
    """One that answers, and one that only listens: a process that has the tap open."""
    lab.world.run("sh", "-ec", "ip netns add guest; ip -n guest link set lo up")
    holding = lab.world.start(sys.executable, "-IS", GUEST, "vm", "guest", stdout=subprocess.PIPE)
    assert holding.stdout is not None and holding.stdout.readline() == "ready\n"
    deaf = lab.live("ask", "vm", "icmp", code=3)["live"]
    assert "nobody answers for 10.0.0.30" in deaf["differs"], "it has no address yet"
    lab.world.run("ip", "link", "set", "eth0", "address", MAC, "up", netns="guest")
    lab.world.run("ip", "addr", "add", "10.0.0.30/24", "dev", "eth0", netns="guest")
    lab.world.run("ip", "route", "add", "default", "via", "10.0.0.1", netns="guest")
    assert lab.world.ping("10.0.0.30", netns="ask")
    for words, answer in ((("ask", "vm", "icmp"), "answered"), (("web", "vm", "tcp/80"), "refused")):
        live = lab.live(*words)["live"]
        assert (live["differs"], live["answer"]) == ("", answer) and False not in live["confirmed"], words
    lab.world.run(
        "nft", "table inet mine { chain in { type filter hook input priority 0; policy drop; }; }", netns="guest"
    )
    live = lab.live("ask", "vm", "udp/53")["live"]
    assert live["differs"] == "" and live["answer"] == "", "a guest need not answer"
    lab.world.run("nft", "flush ruleset", netns="guest")
    speaking = lab.world.start(*"ping -q -i 0.02 -c 150 10.0.0.20".split(), netns="guest", stdout=subprocess.PIPE)
    for words, answer in ((("vm", "ask", "icmp"), "answered"), (("vm", "db", "tcp/80"), "refused")):
        live = lab.live(*words)["live"]
        assert (live["differs"], live["answer"]) == ("", answer) and set(live["confirmed"]) == {True}, words
    told = speaking.communicate(timeout=30)[0]
    assert "150 received" in told, "the guest goes on meanwhile"
    holding.terminate()
    holding.wait(20)
    assert lab.live("ask", "vm", "icmp")["live"]["why"] == "shop/vm is a tap that nobody has opened"


def test_as_the_guest_of_a_tap(lab: Lab) -> None:
    """By its own way in, with its address and MAC, whatever it does itself, and nothing is left."""
    guest = HeldTap(lab.world, "vm", MAC, "10.0.0.30")
    looks = RULESETS + "; nft -s -t list ruleset; ip -o link | cut -d: -f2"
    before = lab.world.run("sh", "-c", looks).stdout
    for words, answer in ((("vm", "ask", "icmp"), "answered"), (("vm", "db", "tcp/80"), "refused")):
        live = lab.live(*words)["live"]
        assert (live["differs"], live["answer"]) == ("", answer) and set(live["confirmed"]) == {True}, words
    stops = lab.live("vm", "web", "tcp/81", code=3)["live"]
    assert (stops["differs"], stops["answer"]) == ("", "")
    assert lab.world.run("sh", "-c", looks).stdout == before
    nft(lab, BRIDGE, f'delete element bridge weft-lab entry {{ "{bridge_end(lab, "vm")}" }}')
    wanted = lab.live("vm", "ask", "icmp", "--state", "desired", code=3)
    assert wanted["live"]["differs"] == "no question leaves network shop/front"
    assert ("missing", "nft-element", BRIDGE) in drift(wanted)
    lab.mend()
    lab.world.run("nft", "flush", "chain", "netdev", "weft-lab", "in-vm")
    wanted = lab.live("vm", "ask", "icmp", "--state", "desired", code=3)
    assert wanted["live"]["differs"] == "no question leaves network shop/front"
    guest.close()


def test_nothing_is_left_of_one_that_is_killed(lab: Lab) -> None:
    """A packet that nobody answers is waited for: time to kill who waits."""
    lab.world.run("ip", "route", "replace", "default", "via", "10.0.0.99", netns="web")
    command = ("weft", "trace", "-f", lab.file, "web", "db", "tcp/80", "--live", "--state", "desired")
    running = lab.world.start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while "weft_trace" not in lab.world.run("nft", "list", "tables", netns=BRIDGE).stdout:
        assert time.monotonic() < until and running.poll() is None
    running.send_signal(signal.SIGKILL)
    running.wait(20)
    for netns in (BRIDGE, ROUTER, "web"):
        assert "weft_trace" not in lab.world.run("nft", "list", "tables", netns=netns).stdout
    lab.mend()
    assert lab.world.run("weft", "status", "-f", lab.file).returncode == 0


def test_somebody_elses_table_is_no_drift_while_it_watches(lab: Lab) -> None:
    """Another weft that looks meanwhile finds nothing strange."""
    command = ("weft", "trace", "-f", lab.file, "ask", "10.0.0.99", "icmp", "--live")
    running = lab.world.start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert lab.world.run("weft", "status", "-f", lab.file).returncode == 0
    assert running.wait(20) == 3
