"""What rules and ports have counted, in the words of the file, against the frames that were sent by hand."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tests.kernel.groups import frames as f
from tests.kernel.groups.lab import HERE, Lab

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

WEB, ASK, TRIAL = "02:00:00:00:00:10", "02:00:00:00:00:20", "02:00:00:00:00:30"
TEXT = f"""
weft: 1
name: lab
namespaces:
  web: &quiet {{sysctls: {{net/ipv6/conf/default/disable_ipv6: 1, net/ipv6/conf/all/disable_ipv6: 1}}}}
  ask: *quiet
  trial: *quiet
tenants:
  shop:
    networks: {{front: {{subnets: [10.0.0.0/24]}}}}
    security_groups:
      web:
        ingress:
          - {{protocol: udp, ports: [53, 5000-5010]}}
          - {{protocol: udp, ports: [7], remote: {{group: asks}}}}
          - {{protocol: udp, ports: [9], action: deny}}
          - {{protocol: udp, ports: [11], action: deny, log: true}}
          - {{protocol: udp, ports: [13], log: true, remote: 10.0.0.0/24}}
        egress: [{{protocol: udp, ports: [1]}}, {{protocol: icmpv6}}]
      asks: {{ingress: [{{}}]}}
      trial: {{audit: true, ingress: [{{protocol: udp, ports: [53]}}, {{protocol: udp, ports: [9], action: deny}}]}}
    ports:
      web: {{network: front, attach: {{netns: web}}, addresses: [10.0.0.10], mac: {WEB}, security_groups: [web]}}
      ask: {{network: front, attach: {{netns: ask}}, addresses: [10.0.0.20], mac: {ASK}, security_groups: [asks]}}
      trial:
        {{network: front, attach: {{netns: trial}}, addresses: [10.0.0.30], mac: {TRIAL}, security_groups: [trial]}}
"""
PORTS = {"web": (WEB, "10.0.0.10"), "ask": (ASK, "10.0.0.20"), "trial": (TRIAL, "10.0.0.30")}


def send(lab: Lab, netns: str, *frames: bytes) -> None:
    lab.world.run(sys.executable, HERE / "wire.py", "send", netns, *(frame.hex() for frame in frames), netns=netns)


def udp(sender: str, target: str, port: int, *, source: str = "", mac: str = "") -> bytes:
    (own_mac, own), (to, address) = PORTS[sender], PORTS[target]
    return f.ipv4(mac or own_mac, source or own, address, f.udp(1000, port, "x"), to=to)


def speak(lab: Lab) -> None:
    """Everybody lets the bridge know where he is."""
    for name, (mac, address) in PORTS.items():
        send(lab, name, f.arp(mac, mac, address, "10.0.0.99", "here", operation=1))


def groups(lab: Lab, *words: str) -> dict[str, Any]:
    told: list[dict[str, Any]] = json.loads(lab.world.run("weft", "groups", "-o", "json", *words).stdout)
    (view,) = told
    return view


def rules(view: dict[str, Any], group: str) -> dict[str, tuple[int, int]]:
    """Packets and bytes of each rule."""
    (found,) = (held for held in view["groups"] if held["name"] == group)
    return {
        f"{rule['direction']} {rule['action']} {rule['words']}": (rule["counted"]["packets"], rule["counted"]["bytes"])
        for rule in found["rules"]
    }


def losses(view: dict[str, Any], port: str) -> dict[str, int]:
    (found,) = (held for held in view["ports"] if held["name"] == port)
    return {fate: held["packets"] for fate, held in found.items() if isinstance(held, dict) and held["packets"]}


def test_every_packet_counts_for_its_rule_and_its_port(lab: Lab) -> None:
    before = lab.world.dump()
    lab.apply(TEXT)
    speak(lab)
    start = {name: losses(groups(lab), f"shop/{name}") for name in PORTS}
    sent = {53: 3, 5005: 2, 7: 4, 9: 5, 11: 6, 13: 7, 99: 8}
    send(lab, "ask", *(udp("ask", "web", port) for port, times in sent.items() for _ in range(times)))
    send(lab, "web", *[udp("web", "ask", 2)] * 2)
    send(lab, "ask", *[udp("ask", "web", 53, source="10.0.0.66")] * 3, *[udp("ask", "web", 53, mac=WEB)] * 2)
    send(lab, "ask", *[udp("ask", "trial", port) for port in (53, 9, 9, 77, 77, 77)])
    view, size = groups(lab), len(f.udp(1000, 1, "x")) + 20
    counted = rules(view, "shop/web")
    assert counted["ingress allow udp 53, 5000-5010"][0] == 5
    assert counted["ingress allow udp 53, 5000-5010"][1] >= 5 * size
    assert counted["ingress allow udp 7 from group asks"][0] == 4
    assert counted["ingress deny udp 9"][0] == 5
    assert counted["ingress deny udp 11"][0] == 6
    assert counted["ingress allow udp 13 from 10.0.0.0/24"][0] == 7
    trial = rules(view, "shop/trial")
    assert (trial["ingress allow udp 53"][0], trial["ingress audit udp 9"][0]) == (1, 2)

    def more(port: str) -> dict[str, int]:
        now, was = losses(view, f"shop/{port}"), start[port]
        return {fate: count - was.get(fate, 0) for fate, count in now.items() if count > was.get(fate, 0)}

    assert more("web") == {"no_rule_in": 8, "denied_in": 11, "no_rule_out": 2}
    assert more("ask") == {"spoofed": 5}
    assert more("trial") == {"would_drop_in": 5}
    lab.close()
    lab.world.run("weft", "destroy", "-y", "lab")
    assert lab.world.dump(settle_s=5) == before


def test_counters_of_others_go_on_when_a_port_and_a_rule_come(lab: Lab) -> None:
    lab.apply(TEXT)
    speak(lab)
    send(lab, "ask", *[udp("ask", "web", 53)] * 3, *[udp("ask", "web", 99)] * 4, *[udp("ask", "web", 13)] * 5)
    was = groups(lab)
    more = TEXT.replace("ports: [53, 5000-5010]}", "ports: [53, 5000-5010]}\n          - {protocol: gre, log: true}")
    lab.apply(more + "      new: {network: front, attach: {netns: new}, security_groups: [web]}\n")
    now = groups(lab)
    assert {name: count for name, count in rules(now, "shop/web").items() if " gre" not in name} == rules(
        was, "shop/web"
    )
    assert losses(now, "shop/web")["no_rule_in"] >= losses(was, "shop/web")["no_rule_in"] >= 4
    assert lab.status().returncode == 0


def test_names_as_long_as_can_be_make_lines_that_are_cut(lab: Lab) -> None:
    long = "x" * 63
    text = (
        TEXT.replace("shop:", f"{long}:")
        .replace("      trial:\n", f"      {long}:\n")
        .replace("name: lab", f"name: {long[:31]}")
    )
    text = text.replace("      trial: {audit", f"      {long}: {{audit").replace("[trial]}", f"[{long}]}}")
    lab.apply(text)
    assert lab.status().returncode == 0
    rule = f"weft ingress audit {long[:31]} {long}/{long}"[:127]
    room = f"weft.{long[:31]}.{long}"
    assert f'log prefix "{rule}" group' in lab.world.run("nft", "list", "ruleset", netns=room).stdout


def test_a_name_chooses_and_a_wrong_one_is_refused(lab: Lab) -> None:
    lab.apply(TEXT)
    assert [held["name"] for held in groups(lab, "shop/web")["groups"]] == ["shop/web"]
    assert groups(lab, "asks")["ports"] == []
    told = lab.world.run("weft", "groups", "shop/wep", check=False)
    assert told.returncode == 2 and "did you mean shop/web?" in told.stderr
    said = lab.world.run("weft", "groups").stdout
    assert "group shop/web  (" in said and "audit udp 9" in said and "WOULD DROP IN" in said
    two = lab.world.run("weft", "groups", "-o", "json", "--count", "2", "--watch", "0.2").stdout.splitlines()
    assert json.loads(two[1])[0]["groups"][0]["rules"][0]["counted"]["rate_pps"] == 0
