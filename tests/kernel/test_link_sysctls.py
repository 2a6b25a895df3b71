"""Sysctls of a link that weft itself makes: they follow the link, whatever becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World

pytestmark = pytest.mark.kernel

INTENT = """
weft: 1
name: lab
host:
  sysctls: {{net.ipv4.conf.br7.rp_filter: 2, net.ipv4.conf.all.log_martians: 1}}
  links: {{br7: {{{link}, addresses: [10.97.0.1/24]}}}}
tenants:
  red:
    networks: {{lan: {{subnets: ["fd01::/64"]}}, more: {{subnets: ["fd02::/64"]}}}}
    ports: {{web: {{network: {network}, attach: {{netns: web}}, mac: {mac}}}}}
namespaces:
  web: {{sysctls: {{net.ipv6.conf.web.accept_ra: 0, net.ipv6.conf.all.use_tempaddr: 1}}}}
"""
STAGES = (
    {"link": "kind: bridge", "network": "lan", "mac": "02:00:00:00:00:01"},
    {"link": "kind: veth, peer: br8", "network": "more", "mac": "02:00:00:00:00:01"},
    {"link": "kind: bridge", "network": "lan", "mac": "02:00:00:00:00:02"},
)


def test_they_follow_their_link(world: World, tmp_path: Path) -> None:
    before = world.dump()
    file = tmp_path / "weft.yaml"
    for stage in STAGES:
        file.write_text(INTENT.format(**stage))
        world.run("weft", "apply", "-y", "-f", file)
        assert "Nothing to do" in world.run("weft", "apply", "-y", "-f", file).stdout
        assert world.run("cat", "/proc/sys/net/ipv4/conf/br7/rp_filter").stdout == "2\n"
        assert world.run("sysctl", "-n", "net.ipv6.conf.web.accept_ra", netns="web").stdout == "0\n"
    world.run("ip", "link", "del", "br7")
    world.run("ip", "netns", "del", "web")
    world.run("weft", "apply", "-y", "-f", file)
    assert world.run("cat", "/proc/sys/net/ipv4/conf/br7/rp_filter").stdout == "2\n"
    file.write_text(INTENT.format(**STAGES[0]).split("tenants:")[0].replace("net.ipv4.conf.br7.rp_filter: 2, ", ""))
    world.run("weft", "apply", "-y", "-f", file)
    world.run("weft", "destroy", "-y", "lab")
    assert world.dump(settle_s=3) == before
    assert world.run("sh", "-c", "cat /run/weft/*/ledger", check=False).stdout.count("br7") == 0
