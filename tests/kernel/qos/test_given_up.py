"""What the host led to a router by and leads no longer: router and host forget what went by it, and it goes on.

As of a port whose guarantee goes, and of a network that is translated or no longer is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kernel.external import give_external
from tests.kernel.groups.lab import Lab
from tests.kernel.groups.talking import connected, lives
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.needs("htb", "ifb", "nft_fwd", "nft_egress")]

TEXT = """
weft: 1
name: lab
external_networks:
  internet:
    link: ext0
    subnets: [{{cidr: 203.0.113.0/24, gateway: 203.0.113.1}}, {{cidr: "2001:db8:1::/64", gateway: "2001:db8:1::ffff"}}]
host: {{links: {{up0: {{existing: true, capacity: 50mbit}}, ext0: {{existing: true, capacity: 50mbit}}}}}}
tenants:
  shop:
    networks:
      front: {{subnets: [10.10.0.0/24, "fd00:10::/64"], uplink: nat}}
      back: {{subnets: [10.20.0.0/24, "fd00:20::/64"]}}
    routers: {{edge: {{interfaces: [back], gateway: internet}}}}
    ports:
      web: {{network: front, attach: {{netns: web}}{qos}}}
      db: {{network: back, attach: {{netns: db}}{qos}}}
"""
WITH = TEXT.format(qos=", qos: {egress: {rate: 2mbit, ceil: 20mbit}}")
WITHOUT = TEXT.format(qos="")
ENDS = (
    ("web", "outside", ("192.0.2.254", "2001:db8::fe")),
    ("db", "world", ("203.0.113.1", "2001:db8:1::ffff")),
)

FLOATING = """      api: {network: back, attach: {netns: api}}
    floating_ips: {203.0.113.77: {network: internet, port: api}}
"""
"""With it the router follows connections whether it translates others or not."""
WAY_IN = """
ip -n outside route replace 10.10.0.0/24 via 192.0.2.1
ip addr replace 203.0.113.2/24 dev ext0
ip -n world route replace 10.20.0.0/24 via 203.0.113.2
"""


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Lab]:
    give_external(world)
    made = Lab(world, tmp_path / "weft.yaml")
    yield made
    made.close()


def test_connections_go_on_when_a_guarantee_goes_and_comes(lab: Lab) -> None:
    lab.apply(WITH)
    for _, place, _ in ENDS:
        lab.listen(place, "tcp/7", "udp/7")
    with ExitStack() as stack:
        held = {
            (netns, address, protocol): stack.enter_context(connected(lab, netns, address, 7, protocol))
            for netns, _, addresses in ENDS
            for address in addresses
            for protocol in ("tcp", "udp")
        }
        for text in (WITH, WITHOUT, WITH, WITHOUT):
            assert "loses what" not in lab.apply(text).stdout
            assert [who for who, one in held.items() if not lives(one)] == []


def test_what_came_in_by_a_share_comes_in_without(lab: Lab) -> None:
    """It passes an ifb no longer; nobody notices."""
    lab.apply(TEXT.format(qos=", qos: {egress: {ceil: 9mbit}, ingress: {rate: 2mbit}}"))
    assert "lab.up0.in" in lab.world.run("ip", "link").stdout
    said = lab.apply(TEXT.format(qos=", qos: {egress: {ceil: 9mbit}}")).stdout
    assert "lab.up0.in" not in lab.world.run("ip", "link").stdout
    assert "No port loses connectivity." in said


def test_what_goes_on_is_translated_as_it_shall_be_now(lab: Lab) -> None:
    """Of UDP: who speaks TCP outside is asked by another address, and refuses that."""
    lab.world.run("sh", "-ec", WAY_IN)
    translated = WITHOUT + FLOATING
    bare = translated.replace("gateway: internet", "gateway: {network: internet, snat: false}")
    routed = WITHOUT.replace("uplink: nat", "uplink: routed")
    lab.apply(bare)
    for _, place, _ in ENDS:
        lab.listen(place, "udp/7")
    with ExitStack() as stack:
        held = {
            netns: stack.enter_context(connected(lab, netns, addresses[0], 7, "udp")) for netns, _, addresses in ENDS
        }
        for text in (bare, translated, routed, translated, bare):
            lab.apply(text)
            assert [who for who, one in held.items() if not lives(one)] == [], text
