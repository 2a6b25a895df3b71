"""Clashes with others, made for real: found by the doctor, mended by the command it prints, and then not found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.world import World
from weft.netlink.namespaces import RUN_NETNS

LAB = """\
weft: 1
name: lab
firewall_integration: none
tenants:
  shop:
    networks: {front: {subnets: [10.10.0.0/24], uplink: nat}, open: {subnets: [10.30.0.0/24], uplink: routed}}
    ports: {web: {network: front, attach: {netns: web}}}
host: {links: {br-lab: {kind: bridge}}}
"""
OUTSIDE = "192.0.2.1"

WAY_OUT = """\
ip netns add world
ip link add eth0 type veth peer name eth0 netns world
ip link set eth0 up && ip address add 192.0.2.2/24 dev eth0 && ip route add default via 192.0.2.1
ip -n world link set lo up && ip -n world link set eth0 up && ip -n world address add 192.0.2.1/24 dev eth0
sysctl -q -w net/bridge/bridge-nf-call-iptables=0
cp -a /etc /run/etc && mount --bind /run/etc /etc
"""
"""A world outside, and an /etc of our own."""


@pytest.fixture
def host(world: World, tmp_path: Path) -> Iterator[World]:
    world.run("sh", "-e", "-c", WAY_OUT)
    (tmp_path / "weft.yaml").write_text(LAB)
    world.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml")
    assert world.ping(OUTSIDE, netns="web")
    yield world


def findings(host: World) -> list[dict[str, Any]]:
    done = host.run("weft", "doctor", "-o", "json", check=False)
    assert done.returncode in (0, 3), done.stderr
    listed: list[dict[str, Any]] = json.loads(done.stdout)
    assert done.returncode == (3 if any(one["level"] == "error" for one in listed) else 0)
    return listed


def find(host: World, what: str, level: str) -> dict[str, Any]:
    """The one finding that says so."""
    told = [one for one in findings(host) if what in one["what"] and one["level"] != "ok"]
    assert [one["level"] for one in told] == [level], told
    return told[0]


def mend(host: World, finding: dict[str, Any]) -> None:
    """Do what the finding says. What of it is for a program that does not run here may fail."""
    host.run("sh", "-c", finding["command"], check=False)


def is_well(host: World, what: str) -> bool:
    return not any(what in one["what"] for one in findings(host) if one["level"] != "ok")


DOCKER = """\
iptables -P FORWARD DROP
iptables -N DOCKER-USER && iptables -A DOCKER-USER -j RETURN && iptables -N DOCKER-ISOLATION-STAGE-1
iptables -A FORWARD -j DOCKER-USER && iptables -A FORWARD -j DOCKER-ISOLATION-STAGE-1
iptables -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DROP && iptables -A DOCKER-ISOLATION-STAGE-1 -j RETURN
iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
"""
FIREWALLD = """\
add table inet firewalld
add chain inet firewalld filter_FORWARD { type filter hook forward priority filter + 10; policy accept; }
add chain inet firewalld filter_FORWARD_ZONES
add chain inet firewalld filter_FWD_public
add rule inet firewalld filter_FORWARD ct state { established, related } accept
add rule inet firewalld filter_FORWARD iifname "lo" accept
add rule inet firewalld filter_FORWARD jump filter_FORWARD_ZONES
add rule inet firewalld filter_FORWARD ct state invalid drop
add rule inet firewalld filter_FORWARD_ZONES goto filter_FWD_public
add rule inet firewalld filter_FWD_public reject with icmpx admin-prohibited
"""
OWN_FIREWALL = "add table ip mine; add chain ip mine gate { type filter hook forward priority 0; policy drop; }"
UFW = """\
iptables -P FORWARD DROP
for c in before user after reject; do iptables -N ufw-$c-forward; iptables -A FORWARD -j ufw-$c-forward; done
iptables -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
"""


def test_docker_is_opened_by_what_it_leaves_to_others(host: World) -> None:
    host.run("sh", "-e", "-c", DOCKER)
    assert not host.ping(OUTSIDE, netns="web", wait_s=0)
    finding = find(host, "chain ip filter FORWARD drops what is forwarded (Docker)", "error")
    mend(host, finding)
    assert is_well(host, "ip filter FORWARD") and host.ping(OUTSIDE, netns="web")


def test_dockers_chain_holds_wefts_own_accept(host: World, tmp_path: Path) -> None:
    host.run("sh", "-e", "-c", DOCKER)
    (tmp_path / "weft.yaml").write_text(LAB.replace("firewall_integration: none\n", ""))
    host.run("weft", "apply", "-y", "-f", tmp_path / "weft.yaml")
    assert is_well(host, "ip filter FORWARD") and host.ping(OUTSIDE, netns="web")


def test_a_firewall_of_ones_own(host: World) -> None:
    host.run("nft", OWN_FIREWALL)
    assert not host.ping(OUTSIDE, netns="web", wait_s=0)
    mend(host, find(host, "chain ip mine gate drops", "error"))
    assert is_well(host, "ip mine gate") and host.ping(OUTSIDE, netns="web")


def test_firewalld_rejects_at_the_end_of_its_chain(host: World) -> None:
    """What its own command leads to is played by the rules that it makes of a zone's policies."""
    host.run("nft", "-f", "-", input=FIREWALLD)
    assert not host.ping(OUTSIDE, netns="web", wait_s=0)
    finding = find(host, "inet firewalld filter_FORWARD drops what is forwarded (firewalld)", "error")
    assert "--add-interface=wu+" in finding["command"]
    for way in ("iifname", "oifname"):
        host.run("nft", f'insert rule inet firewalld filter_FORWARD_ZONES {way} "wu*" accept')
    assert is_well(host, "filter_FORWARD") and host.ping(OUTSIDE, netns="web")


def test_ufw_drops_what_no_route_rule_allows(host: World) -> None:
    """What `ufw route allow` does is played by the rules that it makes."""
    host.run("sh", "-e", "-c", UFW)
    assert not host.ping(OUTSIDE, netns="web", wait_s=0)
    assert "ufw route allow" in find(host, "ip filter FORWARD drops what is forwarded (ufw)", "error")["command"]
    host.run("sh", "-c", "for w in -i -o; do iptables -A ufw-user-forward $w wu+ -j ACCEPT; done")
    assert is_well(host, "ip filter FORWARD") and host.ping(OUTSIDE, netns="web")


def test_a_route_that_tailscale_accepted_from_a_peer(host: World) -> None:
    """Its rules and its table, as it sets them up; a peer announces a network that weft has too."""
    host.run("sh", "-e", "-c", "ip tuntap add tailscale0 mode tun && ip link set tailscale0 up")
    for priority, words in {5210: "fwmark 0x80000/0xff0000 lookup main", 5270: "lookup 52"}.items():
        host.run("ip", "rule", "add", "priority", str(priority), *words.split())
    assert is_well(host, "Tailscale")
    host.run("ip", "route", "add", "10.30.0.0/16", "dev", "tailscale0", "table", "52")
    (route,) = host.json("ip", "-j", "route", "get", "10.30.0.7")
    assert route["dev"] == "tailscale0"
    mend(host, find(host, "rule 5270 asks table 52 (Tailscale's) first, where 10.30.0.0/16 leads", "error"))
    (route,) = host.json("ip", "-j", "route", "get", "10.30.0.7")
    assert is_well(host, "Tailscale") and route["dev"].startswith("wu")


def test_networkd_is_told_to_leave_weft_alone(host: World) -> None:
    host.run("sh", "-c", "rm -rf /etc/systemd/network* && mkdir -p /etc/systemd/network /run/systemd/netif")
    host.run("sh", "-c", r"printf '[Match]\nName=*\n[Network]\nDHCP=yes\n' > /etc/systemd/network/10-all.network")
    foreign = find(host, "ManageForeignRoutes=yes", "error")
    taken = find(host, "/etc/systemd/network/10-all.network has systemd-networkd manage", "warning")
    assert "br-lab" in taken["what"]
    mend(host, foreign)
    assert is_well(host, "ManageForeignRoutes")
    mend(host, taken)
    assert is_well(host, "networkd")


def test_network_manager_is_told_to_leave_weft_alone(host: World) -> None:
    host.run("mkdir", "-p", "/run/NetworkManager")
    mend(host, find(host, "NetworkManager may manage", "warning"))
    assert is_well(host, "NetworkManager")


def test_somebody_turned_forwarding_off(host: World) -> None:
    host.run("sysctl", "-q", "-w", "net/ipv4/conf/eth0/forwarding=0")
    assert not host.ping(OUTSIDE, netns="web", wait_s=0)
    mend(host, find(host, "forwarding is on, but not for eth0", "error"))
    assert is_well(host, "not for eth0") and host.ping(OUTSIDE, netns="web")
    host.run("sysctl", "-q", "-w", "net/ipv4/ip_forward=0")
    mend(host, find(host, "IPv4 forwarding is off", "error"))
    assert is_well(host, "IPv4 forwarding") and host.ping(OUTSIDE, netns="web")


def test_strict_reverse_paths_with_two_ways_out(host: World) -> None:
    host.run("sh", "-e", "-c", "ip link add eth1 type veth peer name eth1x && ip link set eth1 up")
    host.run("ip", "route", "add", "default", "dev", "eth1", "metric", "9")
    host.run("sysctl", "-q", "-w", "net/ipv4/conf/eth0/rp_filter=1")
    mend(host, find(host, "strict reverse path filter on eth0", "warning"))
    assert is_well(host, "reverse path")


@pytest.mark.needs("br_netfilter")
def test_iptables_is_asked_about_what_the_hosts_bridge_carries(host: World) -> None:
    host.run("sysctl", "-q", "-w", "net/bridge/bridge-nf-call-iptables=1")
    mend(host, find(host, "iptables is asked about what br-lab carries", "note"))
    assert is_well(host, "br-lab")


def test_a_private_directory_of_names(host: World) -> None:
    host.run("mount", "--make-private", RUN_NETNS)
    mend(host, find(host, "/run/netns is a private mount", "warning"))
    assert is_well(host, "/run/netns")


def test_the_file_of_the_directory_counts_too(host: World, tmp_path: Path) -> None:
    """Whether this kernel has them or not, what the file needs is told with its line."""
    (tmp_path / "weft.yaml").write_text("weft: 1\nname: more\nhost: {links: {d0: {kind: dummy}}}\n")
    done = host.run("weft", "doctor", "-o", "json", cwd=tmp_path, check=False)
    told = {one["what"]: one for one in json.loads(done.stdout)}
    if "kernel feature dummy" in told:
        assert told["kernel feature dummy"]["level"] == "ok"
    else:
        assert told["kernel feature dummy is missing"]["level"] == "error"
        assert told["kernel feature dummy is missing"]["where"] == ["weft.yaml:3:16"]
