"""Floating IPs of one file, asked from behind a declared router of another on the same machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kernel.external import BEYOND4
from tests.kernel.groups.lab import Lab

pytestmark = pytest.mark.kernel

TEXT = """
weft: 1
name: {name}
external_networks:
  internet:
    link: {link}
    subnets:
      - {{cidr: 203.0.113.0/24, gateway: 203.0.113.1}}
      - {{cidr: "2001:db8:1::/64", gateway: "2001:db8:1::ffff"}}
tenants:
  shop:
    networks: {{front: {{subnets: [10.10.0.0/24, "fd00:10::/64"]}}}}
    routers:
      edge: {{interfaces: [front], gateway: {{network: internet, addresses: [203.0.113.{own}, "2001:db8:1::{own}"]}}}}
    ports: {{{port}: {{network: front, attach: {{netns: {port}}}}}}}
    floating_ips:
      203.0.113.{at}: {{network: internet, port: {port}}}
      "2001:db8:1::{at}": {{network: internet, port: {port}}}
"""
ONE = TEXT.format(name="lab", link="ext0", port="web", own=5, at=10)
TWO = TEXT.format(name="other", link="ext0", port="ci", own=6, at=20)


def both(lab: Lab, tmp_path: Path) -> Path:
    other = tmp_path / "other.yaml"
    other.write_text(TWO)
    lab.apply(ONE)
    lab.world.run("weft", "apply", "-y", "-f", other)
    return other


def test_each_reaches_the_others_and_both_go(lab: Lab, tmp_path: Path) -> None:
    before = lab.world.dump(settle_s=5)
    other = both(lab, tmp_path)
    for asking, address in (("web", "203.0.113.20"), ("ci", "203.0.113.10"), ("web", "203.0.113.6")):
        assert lab.world.ping(address, netns=asking), f"{asking} asks {address}"
    for asking, address in (("web", "2001:db8:1::20"), ("ci", "2001:db8:1::10")):
        assert lab.world.ping(address, netns=asking), f"{asking} asks {address}"
    assert lab.world.ping("203.0.113.1", netns="web") and lab.world.ping(BEYOND4, netns="ci"), "the wire, as ever"
    traced = lab.world.run("weft", "trace", "-f", lab.file, "web", "203.0.113.20", "--live", "-o", "json")
    assert json.loads(traced.stdout)["live"]["differs"] == ""
    for file in (lab.file, other):
        lab.world.run("weft", "plan", "-f", file)
    lab.world.run("sh", "-ec", "ip rule | grep -q 'to 203.0.113.0/24'; ip rule del to 203.0.113.0/24 pref 1090")
    states = [lab.world.run("weft", "status", "-f", file, check=False) for file in (lab.file, other)]
    assert sorted(state.returncode for state in states) == [0, 3]
    assert "rule inet 1090" in "".join(state.stdout for state in states)
    for file in (lab.file, other):
        lab.world.run("weft", "apply", "-y", "-f", file)
    assert lab.world.ping("203.0.113.20", netns="web") and lab.world.ping("203.0.113.10", netns="ci")
    lab.close()
    lab.world.run("weft", "destroy", "-y", "other")
    assert lab.status().returncode == 0 and not lab.world.ping("203.0.113.20", netns="web", wait_s=0)
    lab.world.run("weft", "destroy", "-y", "lab")
    assert lab.world.dump(settle_s=5) == before


def test_an_address_of_another_external_network_is_still_reached_by_the_wire_alone(lab: Lab, tmp_path: Path) -> None:
    """What two external networks have between them is not this machine's to say."""
    lab.world.run(
        "sh", "-ec", "ip link add away0 type veth peer name away1; ip link set away0 up; ip link set away1 up"
    )
    lab.apply(ONE)
    text = (
        TWO.replace("link: ext0", "link: away0")
        .replace("203.0.113.", "192.168.77.")
        .replace("2001:db8:1:", "2001:db8:2:")
    )
    (tmp_path / "other.yaml").write_text(text)
    lab.world.run("weft", "apply", "-y", "-f", tmp_path / "other.yaml")
    assert lab.world.ping("192.168.77.20"), "the host leads there"
    assert not lab.world.ping("192.168.77.20", netns="web", wait_s=0)
