"""A guarantee that goes from a port: the address that the host knew it by is given up, and its connections go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kernel.external import give_external
from tests.kernel.groups.lab import Lab
from tests.kernel.groups.test_change import connected, lives
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
            lab.apply(text)
            assert [who for who, one in held.items() if not lives(one)] == []
