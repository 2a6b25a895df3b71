"""What others on the machine do to packets is part of a trace: their firewalls, old and new, and reverse path filters.
Each is said before a packet is sent, and the packet says the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.trace.lab import BRIDGE, OUTSIDE, ROUTER, Lab, hops
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

FILE = """
weft: 1
name: lab
tenants:
  shop:
    networks:
      front: {subnets: [10.0.0.0/24, "fd00::/64"], uplink: nat}
      back: {subnets: [10.1.0.0/24, "fd01::/64"], uplink: routed}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"]}
      ask: {network: front, attach: {netns: ask}, addresses: [10.0.0.20, "fd00::20"]}
      db: {network: back, attach: {netns: db}, addresses: [10.1.0.10, "fd01::10"]}
"""
BACK = "weft.lab.shop.back"


class OthersLab(Lab):
    """Each trace is sent as well."""

    def stops(self, *words: str) -> tuple[str, str, str]:
        """Where, why, and what would have to change; a packet agrees."""
        found = self.live(*words, code=3)
        assert found["verdict"] == "stops" and found["live"]["differs"] == "", found["live"]
        last = (found["answer"] or found["question"])["hops"][-1]
        assert last["passes"] is False and last["said"] in found["why"]
        return last["place"], found["why"], found["hints"][0]["said"]

    def passes(self, *words: str) -> list[str]:
        """What is said of firewalls; a packet agrees."""
        found = self.live(*words)
        assert found["verdict"] == "passes" and found["live"]["differs"] == "", found
        assert set(found["live"]["confirmed"]) == {True}
        return firewalls(found)


def firewalls(found: dict[str, Any]) -> list[str]:
    return [hop["said"] for hop in hops(found) if hop["sort"] == "firewall"]


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[OthersLab]:
    made = OthersLab(world, tmp_path / "weft.yaml")
    world.run("sh", "-c", OUTSIDE)
    made.put(FILE)
    yield made


DOCKER = """
set -e
iptables-nft -P FORWARD DROP
iptables-nft -N DOCKER-USER; iptables-nft -A DOCKER-USER -j RETURN
iptables-nft -A FORWARD -j DOCKER-USER
iptables-nft -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables-nft -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
iptables-nft -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
"""
FORWARD = "chain FORWARD in table ip filter"


def test_docker_that_came_later(lab: OthersLab) -> None:
    lab.world.run("sh", "-c", DOCKER)
    dropped = f"dropped by the policy of {FORWARD}, which is not weft's"
    hint = f"{FORWARD} must let it pass: an accept elsewhere does not undo a drop; `weft doctor` says how"
    assert lab.stops("web", "db", "tcp/80") == ("the host", dropped, hint)
    assert lab.stops("web", "external") == ("the host", dropped, hint)
    assert lab.passes("web", "ask") == [], "it is none of the host's business"
    assert lab.passes("web", "db", "tcp/80", "-6") == [], "nor of a table of IPv4"
    lab.world.run("iptables-nft", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j", "ACCEPT")
    place, why, _ = lab.stops("web", "db", "tcp/80")
    assert (place, why) == ("the host", f"of the answer: {dropped}"), "the answer comes from that port, not to it"
    lab.mend()
    let = lab.passes("web", "db", "tcp/80")
    assert len(let) == 2 and all("let through by `" in said and "chain DOCKER-USER in table" in said for said in let)


def test_rules_that_nobody_can_tell_of_before(lab: OthersLab) -> None:
    lab.world.run(
        "sh", "-c", "nft add table inet f; nft 'add chain inet f way { type filter hook forward priority 0; }'"
    )
    lab.world.run("nft", "add rule inet f way tcp dport 80 limit rate 1/hour burst 1 packets drop")
    found = lab.live("web", "db", "tcp/81")
    assert found["verdict"] == "passes" and firewalls(found) == []
    found = lab.live("web", "db", "tcp/80", "--state", "desired")
    told = (
        "perhaps dropped by `tcp dport 80 limit rate 1/hour burst 1 packets drop` of chain way in table inet f, which "
    )
    assert found["verdict"] == "open" and found["why"] == f"{told}is not weft's"
    assert found["live"]["answer"] == "refused", "the first is dropped, the second is not"
    lab.world.run("nft", "flush chain inet f way")
    lab.world.run("nft", "add rule inet f way meta mark 0 meta length 40-2000 tcp dport 80 drop")
    found = lab.live("web", "db", "tcp/80", code=3)
    assert found["verdict"] == "open" and "is dropped by `meta mark 0x00000000 meta length" in found["live"]["differs"]


def test_tables_on_the_way(lab: OthersLab) -> None:
    """In a router, at the port, over the bridge, with sets and jumps: each by its place."""
    lab.world.run("nft", "table ip evil { set bad { type ipv4_addr; elements = { 10.0.0.10 }; }\n"
                  "chain deep { ip daddr 10.1.0.0/16 drop; }\n"
                  "chain way { type filter hook prerouting priority -200; ip saddr @bad jump deep; }; }",
                  netns=ROUTER)  # fmt: skip
    told = "dropped by `ip daddr 10.1.0.0/16 drop` of chain deep in table ip evil, which is not weft's"
    assert lab.stops("web", "db", "tcp/80")[:2] == ("router of shop/front", told)
    assert lab.passes("ask", "db", "tcp/80") == []
    lab.world.run("nft", "table inet mine { chain in { type filter hook input priority 0; policy drop;\n"
                  "ct state established accept; tcp dport 443 accept; }; }", netns="ask")  # fmt: skip
    told = "dropped by the policy of chain in in table inet mine, which is not weft's"
    assert lab.stops("web", "ask", "tcp/80")[:2] == ("port shop/ask", told)
    assert lab.passes("web", "ask", "tcp/443") == [
        "let through by `tcp dport 443 accept` of chain in in table inet mine, which is not weft's"
    ]
    assert lab.passes("ask", "db", "tcp/22")[0].startswith("let through by `ct state established accept`")
    lab.world.run("nft", "delete table inet mine", netns="ask")
    lab.world.run("nft", "table bridge odd { chain over { type filter hook forward priority 0;\n"
                  "ip6 daddr fd00::10 drop; }; }", netns=BRIDGE)  # fmt: skip
    told = "dropped by `ip6 daddr fd00::10 drop` of chain over in table bridge odd, which is not weft's"
    assert lab.stops("ask", "web", "icmp", "-6")[:2] == ("network shop/front", told)


@pytest.mark.skipif(shutil.which("iptables-legacy") is None, reason="iptables is not installed")
def test_iptables_of_the_old_kind(lab: OthersLab) -> None:
    made = lab.world.run("iptables-legacy", "-P", "FORWARD", "DROP", check=False)
    if made.returncode:
        pytest.skip("this kernel lacks ip_tables")
    chain = "chain FORWARD in table iptables-legacy filter"
    told = f"dropped by the policy of {chain}, which is not weft's"
    assert lab.stops("web", "db", "tcp/80")[:2] == ("the host", told)
    lab.world.run("iptables-legacy", "-A", "FORWARD", "-i", "wu+", "-j", "ACCEPT")
    assert all(said.startswith("let through by `-i wu+ -j ACCEPT`") for said in lab.passes("web", "db", "tcp/80"))
    place, why, _ = lab.stops("web", "external")
    assert (place, why) == ("the host", f"of the answer: {told}")


def test_a_strict_reverse_path_filter(lab: OthersLab) -> None:
    """What comes in by a link by which nothing would be sent back."""
    setting = f"net.ipv4.conf.{wire(lab, 'back')}.rp_filter"
    lab.world.run("sysctl", "-q", "-w", f"{setting}=1")
    assert lab.passes("web", "db") == [], "it comes as it should"
    lab.world.run("ip", "route", "add", "default", "via", "192.0.2.254", "table", "77")
    lab.world.run("ip", "rule", "add", "pref", "100", "to", "10.1.0.10", "lookup", "77")
    place, why, hint = lab.stops("db", "external", "icmp")
    name = setting.replace(".", "/")
    link = wire(lab, "back")
    assert (place, why) == (
        "the host", f"10.1.0.10 may not come in by {link}: its way back is by up0, and {name} is 1"
    )  # fmt: skip
    assert hint == f"{name} of the host must be 0, or 2 where any way back will do"
    lab.world.run("sysctl", "-q", "-w", f"{setting}=2")
    found = lab.live("db", "external", "icmp", code=3)
    assert "may not come in" not in found["why"], "any way back will do"


def wire(lab: OthersLab, network: str) -> str:
    """The host's link that leads to a network's router."""
    routes = lab.world.json("ip", "-j", "route", "show", "10.1.0.0/24")
    assert network == "back" and len(routes) == 1
    return str(routes[0]["dev"])
