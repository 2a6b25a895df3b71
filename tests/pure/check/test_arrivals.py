"""What other machines send to tunnels of weft's, and who drops it."""

from __future__ import annotations

import pytest

from weft.check.arrivals import shut
from weft.check.block import Block
from weft.check.needs import tunnels
from weft.check.subjects import firewalls
from weft.check.symptoms import Symptoms, Tunnel
from weft.files import load_text
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.reach.foreign import nft_text
from weft.state import HOST, State

FILE = """
weft: 1
name: lab
tenants:
  t:
    networks:
      plain: {subnets: [10.1.0.0/24]}
      far: {subnets: [10.2.0.0/24], segment: {vni: 7, local: 192.0.2.1, remotes: [192.0.2.5, 192.0.2.6]}}
      group: {subnets: [10.3.0.0/24], segment: {vni: 8, link: eth0, group: 239.1.1.1, port: 8472}}
host:
  links:
    vx: {kind: vxlan, vni: 9, remote: 192.0.2.5, local: 192.0.2.1, fdb: [{mac: "02:00:00:00:00:01", remote: 192.0.2.9}]}
    gn: {kind: geneve, vni: 9, remote: 192.0.2.7}
    br: {kind: bridge}
"""
HOSTS = State.of(
    (
        Address(netns=HOST, ifname="eth0", cidr="192.0.2.1/24"),
        Route(netns=HOST, dst="0.0.0.0/0", ifname="eth0", via="192.0.2.254"),
    )
)
TWO = Tunnel(port=4789, remotes=("192.0.2.5", "192.0.2.6"), local="192.0.2.1", where="f:8:1")


def door(policy: str, *rules: str) -> str:
    lines = "".join(f"\t\t{rule}\n" for rule in (f"type filter hook input priority 0; policy {policy};", *rules))
    return f"table inet f {{\n\tchain in {{\n{lines}\t}}\n}}\n"


def test_what_an_intent_has_others_send() -> None:
    found = {(one.port, one.remotes, one.local) for one in tunnels(load_text("f", FILE))}
    assert found == {
        (4789, ("192.0.2.5", "192.0.2.6"), "192.0.2.1"),
        (8472, (), ""),
        (4789, ("192.0.2.5", "192.0.2.9"), "192.0.2.1"),
        (6081, ("192.0.2.7",), ""),
    }


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("", None),
        (door("accept"), None),
        (door("drop"), ("192.0.2.5", "192.0.2.6")),
        (door("drop", "ct state established accept"), ("192.0.2.5", "192.0.2.6")),
        (door("drop", "ip saddr 192.0.2.5 udp dport 4789 accept"), ("192.0.2.6",)),
        (door("drop", "ip saddr 192.0.2.0/24 udp dport 4789 accept"), None),
        (door("drop", 'iifname "eth0" udp dport 4000-5000 accept'), None),
        (door("accept", "udp dport 4789 reject"), ("192.0.2.5", "192.0.2.6")),
        (door("accept", "udp dport 4789 limit rate over 5/second drop"), None),
        (door("drop").replace("inet f", "ip6 f"), None),
        (door("drop").replace("inet f", "inet weft-lab"), None),
    ],
)
def test_who_is_shut_out(text: str, lost: tuple[str, ...] | None) -> None:
    found = list(shut(nft_text.read(text), [TWO], HOSTS))
    assert [tunnel.remotes for _, tunnel in found] == ([lost] if lost else [])
    assert all(str(block) == "inet f in" for block, _ in found)


def test_anybody_and_who_is_nowhere() -> None:
    chains = nft_text.read(door("drop"))
    ((_, tunnel),) = shut(chains, [Tunnel(port=8472, where="f:9:1")], HOSTS)
    assert tunnel.remotes == ()
    assert list(shut(chains, [Tunnel(port=8472, where="f:9:1")], State())) == [], "the host knows no way to anybody"


@pytest.mark.parametrize(
    ("block", "chain", "command"),
    [
        (
            Block(family="ip", table="filter", chain="INPUT"),
            "ufw-user-input",
            "ufw allow proto udp from 192.0.2.5 to any port 4789 && "
            "ufw allow proto udp from 192.0.2.6 to any port 4789",
        ),
        (
            Block(family="inet", table="firewalld", chain="filter_INPUT"),
            "x",
            "firewall-cmd --permanent --add-port=4789/udp && firewall-cmd --reload",
        ),
        (
            Block(family="iptables-legacy", table="filter", chain="INPUT"),
            "x",
            "iptables-legacy -I INPUT -p udp --dport 4789 -j ACCEPT",
        ),
        (
            Block(family="ip", table="filter", chain="INPUT"),
            "DOCKER",
            "nft 'insert rule ip filter INPUT udp dport 4789 accept'",
        ),
    ],
)
def test_each_owner_lets_in_in_its_own_way(block: Block, chain: str, command: str) -> None:
    chains = frozenset({(block.family, block.table, chain)})
    (found,) = firewalls.find(Symptoms(chains=chains, shut=((block, TWO),)))
    assert (found.level, found.command, found.where) == ("error", command, ("f:8:1",))
    assert "Docker" not in found.what, "it shuts out nobody"
    assert f"chain {block} drops what 192.0.2.5 and 192.0.2.6 send to udp/4789" in found.what
