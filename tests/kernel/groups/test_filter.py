"""Groups as their users know them, by connections that come about or do not."""

from __future__ import annotations

import pytest

from tests.kernel.groups.lab import Lab

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

ONE = """
weft: 1
name: lab
tenants:
  shop:
    networks: {front: {subnets: [10.0.0.0/24, "fd00::/64"]}}
    security_groups:
      web: {ingress: [{protocol: tcp, ports: [80, 8000-8100]}]}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"], security_groups: [web]}
      ask: {network: front, attach: {netns: ask}, addresses: [10.0.0.20, "fd00::20"]}
"""


def test_one_group_with_one_rule_on_one_port(lab: Lab) -> None:
    before = lab.world.dump()
    lab.apply(ONE)
    lab.listen("web", "tcp/80", "tcp/81", "tcp/8050", "udp/80")
    lab.listen("ask", "tcp/1", "udp/1")
    lab.demand(
        "ask",
        passes=("tcp/10.0.0.10/80", "tcp/fd00::10/80", "tcp/10.0.0.10/8050"),
        stops=("tcp/10.0.0.10/81", "tcp/fd00::10/81", "udp/10.0.0.10/80", "udp/fd00::10/80"),
    )
    lab.demand("web", passes=("tcp/10.0.0.20/1", "tcp/fd00::20/1", "udp/10.0.0.20/1", "udp/fd00::20/1"))
    assert not lab.world.ping("10.0.0.10", netns="ask", wait_s=0)
    assert lab.world.ping("10.0.0.20", netns="web")
    assert lab.status().returncode == 0
    lab.close()
    lab.world.run("weft", "destroy", "-y", "lab")
    assert lab.world.dump(settle_s=5) == before
