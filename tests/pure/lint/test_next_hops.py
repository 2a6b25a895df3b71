"""Next hops that no link reaches, or that nobody has: shown, and silent where it is not known who is there."""

# ruff: noqa: E501 (whole sentences, as they are printed)

from __future__ import annotations

import pytest

from tests.pure.lint.test_lint import said
from weft.facts import Facts, ForeignLink

NOBODY = Facts(host_id="h")
ETH0 = Facts(host_id="h", links={"eth0": ForeignLink(ifname="eth0", addresses=("192.0.2.5/24", "2001:db8::5/64"))})


@pytest.mark.parametrize(
    ("route", "silent"),
    [
        ("{to: 10.0.0.0/8, via: 198.51.100.1, dev: eth0}", False),
        ("{to: 10.0.0.0/8, via: 192.0.2.1, dev: eth0}", True),
        ("{to: 'fd00::/8', via: '2001:db8::1', dev: eth0}", True),
        ("{to: 'fd00::/8', via: '2001:db8:1::1', dev: eth0}", False),
        ("{to: 'fd00::/8', via: 'fe80::1', dev: eth0}", True),
        ("{to: 10.0.0.0/8, via: 198.51.100.1, dev: eth0, onlink: true}", True),
        ("{to: 10.0.0.0/8, via: 198.51.100.1, dev: eth0}, {to: 198.51.100.1, dev: eth0}", True),
        ("{to: 10.0.0.0/8, nexthops: [{via: 192.0.2.1, dev: eth0}, {via: 198.51.100.1, dev: eth0}]}", False),
        ("{to: 10.0.0.0/8, dev: eth0}", True),
    ],
)
def test_of_the_host(route: str, silent: bool) -> None:
    text = f"host: {{routes: [{route}]}}"
    found = said(text, ETH0)
    assert (found == []) == silent and said(text, NOBODY) == []
    other = Facts(host_id="h", links=ETH0.links, host_routes=("0.0.0.0/0", "198.51.100.0/24", "2001:db8:1::/48"))
    assert said(text, other) == [], "a route of somebody else's leads there"


def test_what_is_said() -> None:
    route = "{to: 10.0.0.0/8, nexthops: [{via: 192.0.2.1, dev: eth0}, {via: 198.51.100.1, dev: eth0}]}"
    assert said(f"host: {{routes: [{route}]}}", ETH0) == [
        "host.routes.0.nexthops.1: 198.51.100.1 is in no subnet of eth0 (192.0.2.0/24, 2001:db8::/64): the kernel refuses the route; another `via`, an address of its subnet there, or `onlink: true` if it is on the wire anyway"
    ]


def test_of_a_namespace() -> None:
    text = "namespaces: {lab: {links: {v: {kind: dummy, addresses: [10.1.0.1/24]%s}}, routes: [{to: 10.9.0.0/16, via: %s, dev: %s}]}}"
    assert said(text % ("", "10.1.0.2", "v"), NOBODY) == []
    assert said(text % ("", "10.1.0.2", "other"), NOBODY) == [], "nobody knows what that has"
    assert said(text % (", accept_ra: true", "10.2.0.2", "v"), NOBODY) == [], "it gets others by itself"
    (one,) = said(text % ("", "10.2.0.2", "v"), NOBODY)
    assert one.startswith("namespaces.lab.routes.0: 10.2.0.2 is in no subnet of v (10.1.0.0/24): the kernel refuses")


def test_of_a_port() -> None:
    text = "tenants: {t: {networks: {lan: {subnets: [10.1.0.0/24, 10.2.0.0/24]}}, ports: {p: {network: lan, attach: {netns: p}, addresses: [%s], routes: [{to: 10.9.0.0/16, via: %s}]}}}}"
    for addresses, via in (("", "10.2.0.9"), ("10.1.0.4", "10.1.0.9")):
        assert said(text % (addresses, via), NOBODY) == []
    assert said(text.replace("via: %s", "via: %s, dev: e2") % ("10.1.0.4", "10.2.0.9"), NOBODY) == []
    (one,) = said(text % ("10.1.0.4", "10.2.0.9"), NOBODY)
    assert one.startswith("tenants.t.ports.p.routes.0: 10.2.0.9 is in no subnet of the port (10.1.0.0/24)")


ROUTED = """
tenants:
  t:
    networks:
      a: {subnets: [10.1.0.0/24]%s}
      b: {subnets: [10.2.0.0/24]}
    routers:
      edge: {interfaces: [a, b], routes: [{to: 10.9.0.0/16, via: %s}]}
      inner: {interfaces: [{network: a, address: 10.1.0.253}]}
    ports:
      vpn: {network: a, attach: {netns: vpn}, addresses: [10.1.0.4], allowed_address_pairs: [{ip: 10.1.0.64/30}]}
      web: {network: a, attach: {netns: web}%s}
"""
GIVEN = ", addresses: [10.1.0.5]"


@pytest.mark.parametrize("via", ["10.1.0.4", "10.1.0.253", "10.1.0.65", "10.1.0.1"])
def test_somebody_of_a_routers_network_has_it(via: str) -> None:
    assert said(ROUTED % ("", via, GIVEN), NOBODY) == []


def test_nobody_of_a_routers_network_has_it() -> None:
    assert said(ROUTED % ("", "10.1.0.99", GIVEN), NOBODY) == [
        "tenants.t.routers.edge.routes.0: nobody on network a has 10.1.0.99: what goes to 10.9.0.0/16 is lost; give it to a port or a router's interface there, or another `via`"
    ]
    held = Facts(host_id="h", held={("t", "web"): ("10.1.0.7",)})
    assert said(ROUTED % ("", "10.1.0.99", ""), held) != [] and said(ROUTED % ("", "10.1.0.7", ""), held) == []


def test_where_nobody_can_tell() -> None:
    assert said(ROUTED % ("", "10.1.0.99", ""), NOBODY) == [], "a port that may be given it"
    assert said(ROUTED % (", segment: {link: eth0}", "10.1.0.99", GIVEN), NOBODY) == [], "machines on the wire"
