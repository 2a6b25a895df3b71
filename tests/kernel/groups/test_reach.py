"""`weft check reach` expects what groups and anti-spoofing let through, and finds what somebody opened."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kernel.groups.lab import Lab

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

PINGED = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24, "fd00::/64"]}}
    security_groups:
      pinged: {ingress: [{protocol: icmp}, {protocol: icmpv6, remote: {group: friends}}]}
      friends: {ingress: [{}]}
      mute: {ingress: [{}], egress: []}
    ports:
      a: {network: front, attach: {netns: a}, security_groups: [pinged]}
      b: {network: front, attach: {netns: b}, security_groups: [friends]}
      c: {network: front, attach: {netns: c}, security_groups: [mute]}
      d: {network: front, attach: {netns: d}}
"""


def check(lab: Lab, code: int = 0) -> dict[tuple[str, str], dict[int, dict[str, bool]]]:
    """What reached what: by ports, family and protocol."""
    done = lab.world.run("weft", "check", "reach", "-f", lab.file, "-o", "json", check=False)
    assert done.returncode == code, done.stdout[-3000:] + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return {
        (pair["from"][5:], pair["to"][5:]): {of["family"]: of["reached"] for of in pair["families"]}
        for pair in found["pairs"]
    }


def test_what_groups_let_through(lab: Lab) -> None:
    lab.apply(PINGED)
    reached = check(lab)
    everything = {"icmp": True, "tcp": True, "udp": True, "mtu": True}
    nothing = dict.fromkeys(everything, False)
    pings = {"icmp": True, "tcp": False, "udp": False, "mtu": True}
    assert reached["b", "a"] == {4: pings, 6: pings}
    assert reached["d", "a"] == {4: pings, 6: nothing}
    assert reached["a", "b"] == reached["d", "c"] == reached["a", "d"] == {4: everything, 6: everything}
    assert reached["c", "d"] == {4: nothing, 6: nothing}


def test_a_rule_that_somebody_opened(lab: Lab) -> None:
    lab.apply(PINGED)
    lab.world.run("nft", "insert rule bridge weft-lab to4.pinged accept", netns="weft.lab.shop")
    assert check(lab, code=3)["d", "a"][4]["tcp"]
    assert "to4.pinged" in lab.status().stdout
    lab.world.run("weft", "apply", "-y", "-f", lab.file)
    assert not check(lab)["d", "a"][4]["tcp"]
