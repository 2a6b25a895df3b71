"""A network that two tenants' ports are on: each by its own groups, nothing else in common."""

from __future__ import annotations

import json

import pytest

from tests.kernel.groups import frames as f
from tests.kernel.groups.lab import Lab
from tests.kernel.groups.talking import connected, lives
from tests.kernel.groups.test_spoofing import heard

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

TEXT = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24, "fd00::/64"]}}
    security_groups:
      base: {ingress: [{protocol: tcp, ports: [22], remote: {group: base}}]}
      web: {ingress: [{protocol: tcp, ports: [80]}]}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"], security_groups: [base, web]}
      db: {network: front, attach: {netns: db}, addresses: [10.0.0.11, "fd00::11"], security_groups: [base]}
      ear: {network: front, attach: {netns: ear}}
    share: [{network: front, with: [dev]}]
  dev:
    networks: {lan: {subnets: [10.0.0.0/24, "fd00::/64"]}}
    security_groups:
      base: {ingress: [{protocol: tcp, ports: [22, 23], remote: {group: base}}]}
    ports:
      ci: {network: shop/front, attach: {netns: ci}, addresses: [10.0.0.20, "fd00::20"], security_groups: [base],
           mac: 02:00:00:00:00:20}
      run: {network: shop/front, attach: {netns: run}, addresses: [10.0.0.21, "fd00::21"], security_groups: [base]}
      lone: {network: lan, attach: {netns: lone}, addresses: [10.0.0.11, "fd00::11"], security_groups: [base]}
"""
MAC = "02:00:00:00:00:20"


def test_each_by_its_own_groups(lab: Lab) -> None:
    before = lab.world.dump()
    lab.apply(TEXT)
    assert lab.status().returncode == 0
    for netns in ("web", "db", "ci", "run", "lone"):
        lab.listen(netns, "tcp/22", "tcp/23", "tcp/80")
    lab.demand(
        "ci",
        passes=("tcp/10.0.0.10/80", "tcp/fd00::10/80", "tcp/10.0.0.21/22", "tcp/fd00::21/23"),
        stops=("tcp/10.0.0.10/22", "tcp/fd00::10/22", "tcp/10.0.0.11/22"),
    )
    lab.demand(
        "db",
        passes=("tcp/10.0.0.10/22", "tcp/fd00::10/22", "tcp/10.0.0.10/80"),
        stops=("tcp/10.0.0.20/22", "tcp/fd00::20/22", "tcp/10.0.0.20/23"),
    )
    lab.demand("lone", stops=("tcp/10.0.0.10/80", "tcp/10.0.0.20/22", "tcp/fd00::20/22"))
    assert lab.world.run("weft", "check", "reach", "-f", lab.file).returncode == 0
    shown = json.loads(lab.world.run("weft", "show", "-f", lab.file, "-o", "json").stdout)
    (front,) = next(tenant for tenant in shown["tenants"] if tenant["name"] == "shop")["networks"]
    assert [(port["name"], port["condition"]) for port in front["ports"]] == [
        (name, "up") for name in ("web", "db", "ear", "dev/ci", "dev/run")
    ]
    lab.close()
    lab.world.run("weft", "destroy", "-y", "lab")
    assert lab.world.dump(settle_s=5) == before


def test_a_visitor_speaks_as_itself_alone(lab: Lab) -> None:
    lab.apply(TEXT)
    sent = {
        "own": f.ipv4(MAC, "10.0.0.20", "10.0.0.255", f.udp(1, 1, "own")),
        "own-arp": f.arp(MAC, MAC, "10.0.0.20", "10.0.0.10", "own-arp"),
        "ip": f.ipv4(MAC, "10.0.0.10", "10.0.0.255", f.udp(1, 1, "ip")),
        "arp": f.arp(MAC, MAC, "10.0.0.10", "10.0.0.10", "arp"),
        "fellow": f.ipv4(MAC, "10.0.0.21", "10.0.0.255", f.udp(1, 1, "fellow")),
        "nd": f.neighbour(MAC, "fd00::20", "fd00::10", "nd"),
        "ra": f.ipv6(MAC, "fe80::ff:fe00:20", "ff02::1", f.advertisement("fe80::ff:fe00:20", "ra"), f.ICMPV6),
        "dhcp": f.ipv4(MAC, "10.0.0.20", "10.0.0.255", f.udp(67, 68, "dhcp")),
    }
    end = f.ipv4(MAC, "10.0.0.20", "10.0.0.255", f.udp(1, 1, "the-end"))
    assert heard(lab, "ci", "ear", sent.values(), end) == {"own", "own-arp"}


def test_what_changes_with_one_tenant_leaves_the_other(lab: Lab) -> None:
    lab.apply(TEXT)
    lab.listen("web", "tcp/80", "tcp/22")
    lab.listen("run", "tcp/22", "tcp/23")
    with (
        connected(lab, "ci", "10.0.0.10", 80) as bought,
        connected(lab, "db", "10.0.0.10", 22) as inside,
        connected(lab, "ci", "fd00::21", 23) as built,
        connected(lab, "ci", "10.0.0.21", 22) as logged_in,
    ):
        lab.apply(TEXT.replace("[22, 23], remote", "[22], remote"))
        assert not lives(built), "a rule of dev's went"
        assert lives(bought) and lives(inside) and lives(logged_in)
        lab.apply(TEXT.replace("[22], remote", "[24], remote").replace("[22, 23], remote", "[22], remote"))
        assert not lives(inside), "a rule of shop's went"
        assert lives(bought) and lives(logged_in)


def test_sharing_comes_and_goes(lab: Lab) -> None:
    """What is on the network stays in touch meanwhile; withdrawn while ports use it, it is refused with their names."""
    alone = TEXT.replace("    share: [{network: front, with: [dev]}]\n", "")
    apart = alone.replace("network: shop/front", "network: lan").replace("10.0.0.11", "10.0.0.31", 1)
    lab.apply(apart)
    lab.listen("web", "tcp/80", "tcp/22")
    with connected(lab, "db", "10.0.0.10", 22) as inside:
        lab.apply(TEXT.replace("10.0.0.11", "10.0.0.31", 1))
        lab.demand("ci", passes=("tcp/10.0.0.10/80",))
        assert lives(inside)
        refused = lab.apply(alone, check=False)
        assert refused.returncode == 2
        assert refused.stderr.count("network shop/front is not shared with tenant dev") == 2, "at ci and at run"
        lab.demand("ci", passes=("tcp/10.0.0.10/80",))
        lab.apply(apart)
        lab.demand("ci", stops=("tcp/10.0.0.10/80",))
        assert lives(inside)
