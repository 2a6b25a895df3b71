"""`weft drops`: what dropped a packet, at which port, between whom, against frames that were sent by hand."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import pytest

from tests.kernel.groups import frames as f
from tests.kernel.groups.lab import Lab
from tests.kernel.groups.test_counters import ASK, TEXT, WEB, send, speak, udp

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge", "nft_log")]


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


def drops(told: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    """By fate, port and what."""
    (view,) = json.loads(told)
    return {(row["fate"], row["port"], row["what"]): row for row in view["drops"]}


def test_each_drop_is_told_with_its_rule_and_its_port(lab: Lab) -> None:
    lab.apply(TEXT)
    speak(lab)
    look = looking(lab, "--for", "3s")
    sent = {53: 3, 9: 5, 11: 6, 13: 7, 99: 8}
    send(lab, "ask", *(udp("ask", "web", port) for port, times in sent.items() for _ in range(times)))
    send(lab, "web", *[udp("web", "ask", 2)] * 2)
    send(lab, "ask", *[udp("ask", "web", 53, source="10.0.0.66")] * 3, *[udp("ask", "web", 53, mac=WEB)] * 2)
    send(lab, "ask", *[udp("ask", "trial", port) for port in (53, 9, 9, 77, 77, 77)])
    send(lab, "ask", f.arp(ASK, ASK, "10.0.0.77", "10.0.0.10", "arp"))
    found = drops(look.communicate(timeout=30)[0])
    seen = {key: (row["counted"]["packets"], row["talks"][0]["source"], row["talks"][0]["target"],
                  {talk["what"]: talk["seen"] for talk in row["talks"]}) for key, row in found.items()}  # fmt: skip
    assert seen[("drop", "shop/web", "no rule lets it in")] == (8, "shop/ask", "shop/web", {"udp/99": 8})
    assert seen[("drop", "shop/web", "no rule lets it out")] == (2, "shop/web", "shop/ask", {"udp/2": 2})
    assert seen[("drop", "shop/web", "group web: deny udp 9")] == (5, "shop/ask", "shop/web", {"udp/9": 5})
    assert seen[("drop", "shop/web", "group web: deny udp 11")] == (6, "shop/ask", "shop/web", {"udp/11": 6})
    assert seen[("audit", "shop/trial", "group trial: audit udp 9")] == (2, "shop/ask", "shop/trial", {"udp/9": 2})
    assert seen[("audit", "shop/trial", "no rule lets it in")][0] == 5
    assert seen[("audit", "shop/trial", "no rule lets it in")][3] == {"udp/77": 3, "udp/9": 2}
    (spoofed,) = [row for row in found.values() if row["reason"] == "spoofed"]
    assert (spoofed["port"], spoofed["counted"]["packets"], spoofed["seen"]) == ("shop/ask", 6, 6)
    assert "an IPv4 address that is not its own" in spoofed["what"] and "a MAC that is not" in spoofed["what"]
    assert {talk["source"] for talk in spoofed["talks"]} >= {"shop/ask as 10.0.0.66", "shop/ask as 10.0.0.77"}
    assert "weft.yaml:" in found["drop", "shop/web", "group web: deny udp 9"]["where"]
    assert not any("13" in what for _, _, what in found)
