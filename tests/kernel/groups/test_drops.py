"""`weft drops`: what dropped a packet, at which port, between whom, against frames that were sent by hand."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.kernel.groups import frames as f
from tests.kernel.groups.lab import HERE, Lab
from tests.kernel.groups.test_counters import ASK, WEB, send, speak, udp
from tests.kernel.groups.test_counters import TEXT as RECORDED

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge", "nft_log")]


NO_RULE = "no rule lets it in"
TEXT = RECORDED.replace("name: lab", "name: lab\ndrops: {recorder: false}")


def looking(lab: Lab, *words: str) -> subprocess.Popen[str]:
    """Somebody who looks for a while, and does so already."""
    started: subprocess.Popen[str] = lab.world.start("weft", "drops", "-o", "json", *words, stdout=subprocess.PIPE)
    group = " 30565 "

    def listens() -> bool:
        return group in f" {lab.world.run('cat', '/proc/net/netfilter/nfnetlink_log', netns='weft.lab.shop').stdout}"

    for _ in range(200):
        if listens():
            return started
        time.sleep(0.05)
    raise AssertionError("nobody listens")


def ended(look: subprocess.Popen[str]) -> str:
    look.send_signal(signal.SIGINT)
    told, _ = look.communicate(timeout=60)
    assert look.returncode == 0
    return told


def drops(told: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    """By fate, port and what."""
    (view,) = json.loads(told)
    return {(row["fate"], row["port"], row["what"]): row for row in view["drops"]}


def test_each_drop_is_told_with_its_rule_and_its_port(lab: Lab) -> None:
    lab.apply(TEXT)
    speak(lab)
    look = looking(lab, "--for", "5m")
    sent = {53: 3, 9: 5, 11: 6, 13: 7, 99: 8}
    send(lab, "ask", *(udp("ask", "web", port) for port, times in sent.items() for _ in range(times)))
    send(lab, "web", *[udp("web", "ask", 2)] * 2)
    send(lab, "ask", *[udp("ask", "web", 53, source="10.0.0.66")] * 3, *[udp("ask", "web", 53, mac=WEB)] * 2)
    send(lab, "ask", *[udp("ask", "trial", port) for port in (53, 9, 9, 77, 77, 77)])
    send(lab, "ask", f.arp(ASK, ASK, "10.0.0.77", "10.0.0.10", "arp"))
    found = drops(ended(look))
    seen = {key: (row["counted"]["packets"], row["talks"][0]["source"], row["talks"][0]["target"],
                  {talk["what"]: talk["seen"] for talk in row["talks"]}) for key, row in found.items()}  # fmt: skip
    assert seen[("drop", "shop/web", "no rule lets it in")] == (8, "shop/ask", "shop/web", {"udp/99": 8})
    assert seen[("drop", "shop/web", "no rule lets it out")] == (2, "shop/web", "shop/ask", {"udp/2": 2})
    assert seen[("drop", "shop/web", "group web: deny udp 9")] == (5, "shop/ask", "shop/web", {"udp/9": 5})
    assert seen[("drop", "shop/web", "group web: deny udp 11")] == (6, "shop/ask", "shop/web", {"udp/11": 6})
    assert seen[("audit", "shop/trial", "group trial: deny udp 9")] == (2, "shop/ask", "shop/trial", {"udp/9": 2})
    assert seen[("audit", "shop/trial", "no rule lets it in")][0] == 5
    assert seen[("audit", "shop/trial", "no rule lets it in")][3] == {"udp/77": 3, "udp/9": 2}
    (spoofed,) = [row for row in found.values() if row["reason"] == "spoofed"]
    assert (spoofed["port"], spoofed["counted"]["packets"], spoofed["seen"]) == ("shop/ask", 6, 6)
    assert (
        spoofed["what"].startswith("spoofed: an IPv4 address that is not its own")
        and "a MAC that is not" in spoofed["what"]
    )
    assert {talk["source"] for talk in spoofed["talks"]} >= {"shop/ask as 10.0.0.66", "shop/ask as 10.0.0.77"}
    assert "weft.yaml:" in found["drop", "shop/web", "group web: deny udp 9"]["where"]
    assert not any("13" in what for _, _, what in found)


def test_a_log_keeps_to_its_rate_and_tells_line_by_line(lab: Lab) -> None:
    text = TEXT.replace("log: true, remote", "log: {rate: 1/hour, burst: 7}, remote")
    lab.apply(text)
    speak(lab)
    look = looking(lab, "--for", "5m", "--lines")
    began = time.monotonic()
    send(lab, "ask", *[udp("ask", "web", 13)] * 500, *[udp("ask", "web", 11)] * 500, *[udp("ask", "web", 99)] * 500)
    told = [json.loads(line) for line in ended(look).splitlines()]
    of_rule = [line for line in told if line["what"] == "group web: allow udp 13 from 10.0.0.0/24"]
    assert len(of_rule) == 7
    assert {(line["fate"], line["port"], line["source"], line["target"], line["talk"]) for line in of_rule} == {
        ("allow", "shop/web", "shop/ask", "shop/web", "udp/13")
    }
    lasted_s = time.monotonic() - began
    usual = {what: sum(line["what"] == what for line in told) for what in ("group web: deny udp 11", NO_RULE)}
    assert all(20 <= times <= 21 + 10 * lasted_s for times in usual.values()), usual
    counted = {key: row["counted"]["packets"] for key, row in drops(json.dumps(everything(lab))).items()}
    assert counted == {}


def everything(lab: Lab) -> Any:
    return json.loads(lab.world.run("weft", "drops", "-o", "json", "--for", "0.1s").stdout)


AUDIT = """
weft: 1
name: lab
drops: {recorder: false}
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24, "fd00::/64"]}}
    security_groups:
      base: {ingress: [{protocol: tcp, ports: [80]}]}
      trial: {audit: AUDIT, ingress: [{protocol: tcp, ports: [82], action: deny}], egress: []}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"], security_groups: [base, trial]}
      ask: {network: front, attach: {netns: ask}, addresses: [10.0.0.20, "fd00::20"]}
"""


def test_audit_lets_pass_and_tells_and_ends_with_its_connections(lab: Lab) -> None:
    lab.apply(AUDIT.replace("AUDIT", "true"))
    lab.listen("web", "tcp/80", "tcp/81", "tcp/82")
    look = looking(lab, "--for", "5m")
    lab.demand("ask", passes=("tcp/10.0.0.10/80", "tcp/fd00::10/81", "tcp/10.0.0.10/82"))
    found = drops(ended(look))
    assert ("audit", "shop/web", "group trial: deny tcp 82") in found
    told = found["audit", "shop/web", NO_RULE]
    assert {talk["what"] for talk in told["talks"]} >= {"tcp/81", "tcp/82"}
    assert not {talk["what"] for talk in told["talks"]} & {"tcp/80"}
    reach = lab.world.run("weft", "check", "reach", "-f", lab.file, check=False)
    assert reach.returncode == 0, reach.stdout
    lab.apply(AUDIT.replace("AUDIT", "false"))
    lab.demand("ask", passes=("tcp/10.0.0.10/80",), stops=("tcp/fd00::10/81", "tcp/10.0.0.10/82"))
    assert lab.status().returncode == 0


def test_a_link_that_is_not_wefts_and_a_router_without_a_route(lab: Lab) -> None:
    lab.apply(TEXT.replace("front: {subnets: [10.0.0.0/24]}", "front: {subnets: [10.0.0.0/24], uplink: routed}"))
    room = "weft.lab.shop"
    bridge = json.loads(lab.world.run("ip", "-j", "link", "show", "type", "bridge", netns=room).stdout)[0]["ifname"]
    lab.world.run("ip", "link", "add", "hand", "type", "veth", "peer", "name", "byhand", netns=room)
    for link in ("hand", "byhand"):
        lab.world.run("ip", "link", "set", link, "up", netns=room)
    lab.world.run("ip", "link", "set", "hand", "master", bridge, netns=room)
    router = f"{room}.front"
    lab.world.run("ip", "route", "del", "default", netns=router)
    look = looking(lab, "--for", "5m")
    lab.world.run("ping", "-c", "3", "-i", "0.1", "-W", "0.1", "203.0.113.5", netns="ask", check=False)
    frame = f.ipv4(ASK, "10.0.0.20", "10.0.0.10", f.udp(1, 53, "x"), to=WEB)
    lab.world.run(sys.executable, HERE / "wire.py", "send", "byhand", *[frame.hex()] * 4, netns=room)
    found = drops(ended(look))
    stranger = found["drop", "", "hand is on the bridge and is not weft's"]
    assert stranger["counted"]["packets"] >= 4 and stranger["seen"] >= 4
    unrouted = found["drop", "router shop/front", "no route for an IPv4 packet"]
    assert unrouted["counted"]["packets"] == 3 and "weft.yaml:" in unrouted["where"]


def test_a_router_of_its_own_without_a_way_out(lab: Lab) -> None:
    edge = "    routers: {edge: {interfaces: [front]}}\n    security_groups:\n"
    lab.apply(TEXT.replace("    security_groups:\n", edge, 1))
    look = looking(lab, "--for", "5m")
    lab.world.run("ping", "-c", "3", "-i", "0.1", "-W", "0.1", "203.0.113.5", netns="ask", check=False)
    unrouted = drops(ended(look))["drop", "router shop/edge", "no route for an IPv4 packet"]
    assert unrouted["counted"]["packets"] == 3 and "weft.yaml:" in unrouted["where"]
