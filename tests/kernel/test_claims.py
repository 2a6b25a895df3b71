"""Routes that change their ground: from a link of weft's own to what bears no mark, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World

pytestmark = pytest.mark.kernel

HOST = """
weft: 1
name: lab
host:
  links: {{br7: {{kind: bridge, addresses: [10.97.0.1/24]}}}}
  routes: [{{to: 10.98.0.0/16, {leads}}}]
"""
BY_SCRIPT = """
weft: 1
name: lab
host:
  routes: [{to: 10.98.0.0/16, type: unreachable}, {to: 10.99.0.0/16, dev: eth9}]
  rules: [{priority: 1000, src: 10.1.0.0/16, table: 100}]
"""
GROUNDS = ("via: 10.97.0.7", "type: unreachable", "dev: eth9", "dev: br7")


@pytest.mark.parametrize("ground", GROUNDS[1:3])
def test_a_route_that_leaves_our_link_stays_ours(world: World, tmp_path: Path, ground: str) -> None:
    world.run("ip", "link", "add", "eth9", "type", "veth", "peer", "eth8")
    world.run("ip", "link", "set", "eth9", "up")
    before = world.dump(settle_s=2)
    file = tmp_path / "weft.yaml"
    for leads in (GROUNDS[0], ground, GROUNDS[3], ground):
        file.write_text(HOST.format(leads=leads))
        world.run("weft", "apply", "-y", "-f", file)
        assert "Nothing to do" in world.run("weft", "apply", "-y", "-f", file).stdout
    world.run("weft", "destroy", "-y", "lab")
    assert world.dump(settle_s=3) == before


def test_what_the_script_of_a_plan_made_is_taken_over(world: World, tmp_path: Path) -> None:
    world.run("ip", "link", "add", "eth9", "type", "veth", "peer", "eth8")
    world.run("ip", "link", "set", "eth9", "up")
    before = world.dump(settle_s=2)
    file = tmp_path / "weft.yaml"
    file.write_text(BY_SCRIPT)
    script = world.run("weft", "plan", "-f", file, "--format", "script", check=False).stdout
    world.run("sh", input=script)
    assert "as asked" in world.run("weft", "status", "-f", file).stdout
    assert "Nothing to do" in world.run("weft", "apply", "-y", "-f", file).stdout
    world.run("weft", "destroy", "-y", "lab")
    assert world.dump(settle_s=3) == before


def test_a_route_of_the_same_place_that_another_made_stays_in_the_way(world: World, tmp_path: Path) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text("{weft: 1, name: lab, host: {routes: [{to: 10.98.0.0/16, type: unreachable}]}}")
    world.run("ip", "route", "add", "unreachable", "10.98.0.0/16")
    refused = world.run("weft", "apply", "-y", "-f", file, check=False)
    assert refused.returncode == 5 and "10.98.0.0/16" in refused.stderr
    assert [route["type"] for route in world.json("ip", "-j", "route")] == ["unreachable"]
