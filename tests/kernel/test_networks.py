"""Networks that carry traffic: tenants apart, both families, NAT and routed uplinks, a host whose firewall drops."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.outside import host as host
from tests.world import World

pytestmark = pytest.mark.kernel

TWO_TENANTS = """
weft: 1
name: lab
tenants:
  red: &tenant
    networks: {front: {subnets: [10.10.0.0/24, "fd00:1::/64"], uplink: nat}}
    ports:
      web: {network: front, attach: {netns: red-web}, addresses: [10.10.0.10, "fd00:1::10"]}
      db: {network: front, attach: {netns: red-db}, addresses: [10.10.0.11, "fd00:1::11"]}
  blue:
    networks: {front: {subnets: [10.10.0.0/24, "fd00:1::/64"], uplink: nat}}
    ports:
      web: {network: front, attach: {netns: blue-web}, addresses: [10.10.0.10, "fd00:1::10"]}
"""

ROUTED = """
weft: 1
name: lab
tenants:
  red:
    networks: {front: {subnets: [10.20.0.0/24, "fd00:20::/64"], uplink: routed}}
    ports:
      web: {network: front, attach: {netns: red-web}, addresses: [10.20.0.10, "fd00:20::10"]}
"""

DOCKER = """
set -e
iptables-nft -N DOCKER-USER
iptables-nft -A DOCKER-USER -j RETURN
iptables-nft -P FORWARD DROP
iptables-nft -A FORWARD -j DOCKER-USER
"""


def apply(world: World, tmp_path: Path, text: str) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text(text)
    world.run("weft", "apply", "-y", "-f", file)


def test_two_tenants_with_equal_addresses(host: World, tmp_path: Path) -> None:
    apply(host, tmp_path, TWO_TENANTS)
    assert host.ping("10.10.0.11", netns="red-web")
    assert host.ping("fd00:1::11", netns="red-web")
    assert not host.ping("10.10.0.11", netns="blue-web", wait_s=0), "db is red's alone"
    assert not host.ping("fd00:1::11", netns="blue-web", wait_s=0)


@pytest.mark.parametrize("port", ["red-web", "blue-web"])
@pytest.mark.parametrize("far", ["192.0.2.254", "2001:db8::fe", "192.0.2.1"])
def test_nat_reaches_outside_from_both(host: World, tmp_path: Path, port: str, far: str) -> None:
    apply(host, tmp_path, TWO_TENANTS)
    assert host.ping(far, netns=port)


def test_outside_sees_only_the_host(host: World, tmp_path: Path) -> None:
    apply(host, tmp_path, TWO_TENANTS)
    seen = host.start(
        *("timeout", "5", "tcpdump", "-n", "-c", "1", "-i", "up1", "icmp", "and", "dst", "192.0.2.254"),
        netns="outside",
        stdout=-1,
        stderr=-1,
    )
    assert seen.stderr is not None
    seen.stderr.readline()
    assert host.ping("192.0.2.254", netns="red-web")
    assert "192.0.2.1 > 192.0.2.254" in seen.communicate()[0]


def test_routed_keeps_its_addresses(host: World, tmp_path: Path) -> None:
    apply(host, tmp_path, ROUTED)
    assert not host.ping("192.0.2.254", netns="red-web", wait_s=0), "nobody outside knows the way back"
    host.run("ip", "-n", "outside", "route", "add", "10.20.0.0/24", "via", "192.0.2.1")
    host.run("ip", "-n", "outside", "-6", "route", "add", "fd00:20::/64", "via", "2001:db8::1")
    assert host.ping("192.0.2.254", netns="red-web")
    assert host.ping("2001:db8::fe", netns="red-web")
    assert host.ping("10.20.0.10", netns="outside")
    assert host.ping("fd00:20::10", netns="outside")


def test_nat_on_a_host_whose_firewall_drops(host: World, tmp_path: Path) -> None:
    host.run("sh", "-c", DOCKER)
    before = host.run("iptables-nft", "-S").stdout
    apply(host, tmp_path, TWO_TENANTS)
    assert host.ping("192.0.2.254", netns="red-web")
    shown = host.run("iptables-nft", "-S").stdout
    assert "wu" in shown, "iptables can still read its table, and shows the accept"
    host.run("weft", "destroy", "-y", "lab")
    assert host.run("iptables-nft", "-S").stdout == before


def test_without_the_accept_nothing_passes_and_doctor_says_why(host: World, tmp_path: Path) -> None:
    host.run("sh", "-c", DOCKER)
    apply(host, tmp_path, TWO_TENANTS + "firewall_integration: none\n")
    assert not host.ping("192.0.2.254", netns="red-web", wait_s=0)
    said = host.run("weft", "doctor", check=False).stdout
    assert "FORWARD" in said
    assert "DOCKER-USER" in said


def test_one_port_changes_while_another_is_pinged(host: World, tmp_path: Path) -> None:
    apply(host, tmp_path, TWO_TENANTS)
    assert host.ping("10.10.0.11", netns="red-web")
    pinging = host.start(
        "ping", "-n", "-q", "-i", "0.02", "-c", "100", "10.10.0.11", netns="red-web", stdout=-1, stderr=-1
    )
    apply(host, tmp_path, TWO_TENANTS + "      more: {network: front, attach: {netns: blue-more}, mtu: 1400}\n")
    apply(host, tmp_path, TWO_TENANTS + "      more: {network: front, attach: {netns: blue-more}, mtu: 1300}\n")
    said = pinging.communicate(timeout=30)[0]
    assert " 0% packet loss" in said, said
