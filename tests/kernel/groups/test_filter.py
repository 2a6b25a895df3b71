"""Groups as their users know them, by connections that come about or do not."""

from __future__ import annotations

import pytest

from tests.kernel.groups.lab import Lab

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

ONE = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24, "fd00::/64"]}}
    security_groups:
      web: {ingress: [{protocol: tcp, ports: [80, 8000-8100]}]}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"], security_groups: [web]}
      ask: {network: front, attach: {netns: ask}, addresses: [10.0.0.20, "fd00::20"]}
"""


def test_one_group_with_one_rule_on_one_port(lab: Lab) -> None:
    before = lab.world.dump()
    lab.apply(ONE)
    lab.listen("web", "tcp/80", "tcp/81", "tcp/8050", "udp/80")
    lab.listen("ask", "tcp/1", "udp/1")
    lab.demand(
        "ask",
        passes=("tcp/10.0.0.10/80", "tcp/fd00::10/80", "tcp/10.0.0.10/8050"),
        stops=("tcp/10.0.0.10/81", "tcp/fd00::10/81", "udp/10.0.0.10/80", "udp/fd00::10/80"),
    )
    lab.demand("web", passes=("tcp/10.0.0.20/1", "tcp/fd00::20/1", "udp/10.0.0.20/1", "udp/fd00::20/1"))
    assert not lab.world.ping("10.0.0.10", netns="ask", wait_s=0)
    assert lab.world.ping("10.0.0.20", netns="web")
    assert lab.status().returncode == 0
    lab.close()
    lab.world.run("weft", "destroy", "-y", "lab")
    assert lab.world.dump(settle_s=5) == before


EVERY_SHAPE = """
weft: 1
name: lab
tenants:
  shop:
    networks:
      front: {subnets: [10.0.0.0/24, "fd00::/64"], uplink: nat}
      twin: {subnets: [10.0.0.0/24]}
    address_groups: {office: [192.0.2.0/24, "2001:db8::/32", 198.51.100.7]}
    security_groups:
      every:
        ingress:
          - {protocol: tcp, ports: [80, 8000-8100, 1-79]}
          - {protocol: udp, ports: [1-65535], remote: 10.0.0.0/8}
          - {protocol: udp, ports: [5], remote: 10.0.0.0/25}
          - {protocol: sctp, ports: [7], remote: {group: every}}
          - {protocol: dccp, ports: [7]}
          - {protocol: udplite}
          - {protocol: gre, remote: {address_group: office}}
          - {protocol: tcp, remote: 203.0.113.0/24, action: deny, priority: 10}
          - {protocol: esp, remote: {group: every}}
          - {protocol: 253, remote: "fd00::/64"}
          - {protocol: icmp, type: echo-request}
          - {protocol: icmp, type: destination-unreachable, code: 4, remote: 192.0.2.0/24}
          - {protocol: icmp, type: 13, code: 0, remote: {group: every}}
          - {protocol: icmpv6, type: echo-request, code: 0}
          - {protocol: icmpv6, type: 200}
          - {remote: 198.18.0.0/15}
          - {remote: {group: every}}
          - {remote: 0.0.0.0/0, priority: 9000, action: deny}
        egress: [{family: ipv4}, {family: ipv6, priority: 1, remote: "fd00::bad"}]
      fast: {stateful: false, ingress: [{protocol: icmp}]}
    ports:
      web: {network: front, attach: {netns: web}, security_groups: [every]}
      fast: {network: front, attach: {netns: fast}, security_groups: [fast]}
      twin: {network: twin, attach: {netns: twin}, security_groups: [every]}
      pairs: {network: twin, attach: {netns: pairs}, allowed_address_pairs: [10.9.0.0/16, 10.0.0.0/8, "fd01::/64"]}
      vm: {network: front, attach: {tap: {}}, security_groups: []}
"""


def test_every_shape_of_rule_is_as_nft_prints_it(lab: Lab) -> None:
    lab.apply(EVERY_SHAPE)
    assert lab.status().returncode == 0
    lab.apply(EVERY_SHAPE.replace("8000-8100, 1-79", "90-8200").replace("10.0.0.0/25", "10.0.0.0/7"))
    assert lab.status().returncode == 0


SEVERAL = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24, "fd00::/64"], uplink: nat}}
    address_groups: {office: [10.0.0.20, "fd00::20"]}
    security_groups:
      office: {ingress: [{protocol: udp, ports: [53], remote: {address_group: office}}, {protocol: icmpv6}]}
      open:
        ingress: [{protocol: tcp}, {protocol: tcp, ports: [22], action: deny},
                  {protocol: tcp, ports: [23], priority: 5},
                  {protocol: tcp, ports: [23], action: deny, priority: 6}, {protocol: icmp, type: echo-request}]
      quiet: {egress: [{protocol: tcp, ports: [80]}]}
      plain: {stateful: false, ingress: [{protocol: udp, ports: [53]}], egress: []}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"], security_groups: [office, open]}
      ask: {network: front, attach: {netns: ask}, addresses: [10.0.0.20, "fd00::20"]}
      far: {network: front, attach: {netns: far}, addresses: [10.0.0.30, "fd00::30"], security_groups: [quiet]}
      old: {network: front, attach: {netns: old}, addresses: [10.0.0.40, "fd00::40"], security_groups: [plain]}
"""


def test_several_groups_on_a_port(lab: Lab) -> None:
    lab.apply(SEVERAL)
    lab.listen("web", "tcp/80", "tcp/22", "tcp/23", "udp/53", "udp/54")
    lab.listen("old", "udp/53")
    lab.demand(
        "ask",
        passes=("tcp/10.0.0.10/80", "tcp/fd00::10/80", "tcp/10.0.0.10/23", "udp/10.0.0.10/53", "udp/fd00::10/53"),
        stops=("tcp/10.0.0.10/22", "tcp/fd00::10/22", "udp/10.0.0.10/54", "udp/10.0.0.40/53"),
    )
    lab.demand("far", passes=("tcp/10.0.0.10/80",), stops=("tcp/10.0.0.10/23", "udp/10.0.0.10/53", "udp/10.0.0.40/53"))
    assert lab.world.ping("10.0.0.10", netns="ask") and lab.world.ping("fd00::10", netns="ask")
    assert not lab.world.ping("10.0.0.10", netns="far", wait_s=0)


def test_what_comes_from_the_router_is_filtered_too(lab: Lab) -> None:
    lab.apply(SEVERAL)
    lab.listen("web", "tcp/80", "tcp/22", "udp/53")
    lab.demand("weft.lab.shop.front", passes=("tcp/10.0.0.10/80",), stops=("tcp/10.0.0.10/22", "udp/10.0.0.10/53"))
    assert lab.world.ping("10.0.0.1", netns="web"), "answers come back"


def test_large_datagrams_in_fragments(lab: Lab) -> None:
    """Only the first has ports; connections are followed of the whole."""
    lab.apply(SEVERAL)
    assert lab.world.ping("10.0.0.10", netns="ask")
    for address in ("10.0.0.10", "fd00::10"):
        done = lab.world.run("ping", "-n", "-c", "3", "-i", "0.2", "-s", "4000", "-W", "2", address, netns="ask")
        assert " 0% packet loss" in done.stdout
