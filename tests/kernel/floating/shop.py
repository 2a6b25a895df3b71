"""A shop with two networks behind one router, and another tenant behind one of its own: what floating IPs lead to."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.world import World

HEAD = """
weft: 1
name: lab
external_networks:
  internet:
    link: ext0
    subnets:
      - {cidr: 203.0.113.0/24, gateway: 203.0.113.1}
      - {cidr: "2001:db8:1::/64", gateway: "2001:db8:1::ffff"}
tenants:
"""
SHOP = """
  shop:
    networks:
      front: {{subnets: [10.10.0.0/24, "fd00:10::/64"]}}
      back: {{subnets: [10.20.0.0/24, "fd00:20::/64"]}}
    routers:
      edge: {{interfaces: [front, back], gateway: {{network: internet, addresses: [203.0.113.5, "2001:db8:1::5"]}}}}
    ports:
      web: {{network: front, attach: {{netns: web}}, addresses: [10.10.0.10, "fd00:10::10"]}}
      api: {{network: front, attach: {{netns: api}}, addresses: [10.10.0.11, "fd00:10::11"]}}
      db: {{network: back, attach: {{netns: db}}, addresses: [10.20.0.10, "fd00:20::10"]}}
    floating_ips: {{{floating}}}
"""
DEV = """
  dev:
    networks: {{front: {{subnets: [10.10.0.0/24, "fd00:10::/64"]}}}}
    routers:
      edge: {{interfaces: [front], gateway: {{network: internet, addresses: [203.0.113.6, "2001:db8:1::6"]}}}}
    ports:
      ci: {{network: front, attach: {{netns: ci}}, addresses: [10.10.0.10, "fd00:10::10"]}}
    floating_ips: {{{floating}}}
"""
VISITOR = """    share: [{{network: front, with: [dev]}}]
  dev:
    ports:
      ci: {{network: shop/front, attach: {{netns: ci}}, addresses: [10.10.0.20, "fd00:10::20"]}}
      run: {{network: shop/front, attach: {{netns: run}}, addresses: [10.10.0.21, "fd00:10::21"]}}
    floating_ips: {{{floating}}}
"""
WEB4, WEB6, DB4, DB6 = "203.0.113.10", "2001:db8:1::10", "203.0.113.20", "2001:db8:1::20"
FORWARD4, FORWARD6 = "203.0.113.11", "2001:db8:1::11"
WEB, DB = (
    f'{WEB4}: {{network: internet, port: web}}, "{WEB6}": {{network: internet, port: web}}',
    f'{DB4}: {{network: internet, port: db}}, "{DB6}": {{network: internet, port: db}}',
)
_FORWARDS = (
    "{protocol: tcp, ports: 2222, port: db, to: 22}, {protocol: tcp, ports: 2201-2203, port: web, to: 21-23}, "
    "{protocol: udp, ports: 5000-5009, port: api}"
)
FORWARDS = (
    f"{FORWARD4}: {{network: internet, forward: [{_FORWARDS}]}}, "
    f'"{FORWARD6}": {{network: internet, forward: [{_FORWARDS}]}}'
)


def shop(*floating: str, dev: str = "") -> str:
    """The file: the shop's floating IPs, and the other tenant's."""
    return HEAD + SHOP.format(floating=", ".join(floating)) + DEV.format(floating=dev)


def visited(*floating: str, dev: str = "") -> str:
    """The same, where the other tenant's ports are on the shop's network, behind the shop's router."""
    return HEAD + SHOP.format(floating=", ".join(floating)) + VISITOR.format(floating=dev)


@contextmanager
def heard(world: World, words: str, netns: str = "world", link: str = "ext1") -> Iterator[list[str]]:
    """The first packet that is heard in the block and fits: a line, there after it."""
    command = ("timeout", "10", "tcpdump", "--immediate-mode", "-l", "-n", "-c", "1", "-i", link, *words.split())
    seen = world.start(*command, netns=netns, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert seen.stderr is not None
    while "listening" not in seen.stderr.readline():
        pass
    lines: list[str] = []
    yield lines
    lines += seen.communicate()[0].splitlines()
