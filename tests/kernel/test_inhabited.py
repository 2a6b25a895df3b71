"""What is not weft's stays, even where it stands in weft's own namespaces; what lost its mark is known again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World

pytestmark = pytest.mark.kernel

ONE = """
weft: 1
name: one
tenants: {t: {networks: {n: {subnets: [10.0.0.0/24], uplink: nat}}, ports: {web: {network: n, attach: {netns: web}}}}}
"""
TWO = """
weft: 1
name: two
tenants: {t: {networks: {n: {subnets: [10.1.0.0/24]}}, ports: {api: {network: n, attach: {netns: web}}}}}
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_namespace_with_somebody_elses_link_stays(world: World, tmp_path: Path) -> None:
    file = write(tmp_path / "one.yaml", ONE)
    world.run("weft", "apply", "-y", "-f", file)
    world.run("ip", "-n", "web", "link", "add", "theirs", "type", "bridge")
    gone = world.run("weft", "destroy", "-y", "one")
    assert "theirs" in gone.stderr, gone.stderr
    assert world.names() == ["web"]
    left = {link["ifname"]: link.get("ifalias") for link in world.json("ip", "-n", "web", "-j", "link")}
    assert left == {"lo": None, "theirs": None}
    assert "one" not in world.run("weft", "list").stdout
    world.run("weft", "apply", "-y", "-f", file)
    world.run("weft", "destroy", "-y", "one")
    assert world.names() == ["web"], "by now it is somebody else's"


def test_a_namespace_that_another_scope_uses_stays(world: World, tmp_path: Path) -> None:
    world.run("weft", "apply", "-y", "-f", write(tmp_path / "one.yaml", ONE))
    two = write(tmp_path / "two.yaml", TWO)
    world.run("weft", "apply", "-y", "-f", two)
    world.run("weft", "destroy", "-y", "one")
    assert world.run("weft", "status", "-f", two).returncode == 0
    assert "api" in world.run("ip", "-n", "web", "-br", "link").stdout


ON_HOST = """
weft: 1
name: one
tenants:
  t:
    networks: {n: {subnets: [10.10.0.0/24]}}
    ports:
      door: {network: n, attach: host}
      vm: {network: n, attach: {tap: {}}}
"""


def test_a_link_on_the_host_that_lost_its_mark_is_known_by_its_other_end(world: World, tmp_path: Path) -> None:
    file = write(tmp_path / "one.yaml", ON_HOST)
    world.run("weft", "apply", "-y", "-f", file)
    whole = world.dump(settle_s=4)
    world.run("ip", "link", "set", "door", "alias", "")
    assert "door" in world.run("weft", "status", "-f", file, check=False).stdout
    world.run("weft", "apply", "-y", "-f", file)
    assert world.dump(settle_s=4) == whole


def test_a_tap_that_lost_its_mark_stands_in_the_way_and_the_mend_is_said(world: World, tmp_path: Path) -> None:
    file = write(tmp_path / "one.yaml", ON_HOST)
    world.run("weft", "apply", "-y", "-f", file)
    whole = world.dump(settle_s=4)
    world.run("ip", "link", "set", "vm", "alias", "")
    found = world.run("weft", "status", "-f", file, check=False)
    assert found.returncode == 3
    (line,) = [line for line in found.stdout.splitlines() if line.startswith("foreign") and "link vm " in line]
    assert "tenants.t.ports.vm" in line and "stands in the way" in line
    refused = world.run("weft", "apply", "-y", "-f", file, check=False)
    assert refused.returncode == 5
    (_, mend) = refused.stderr.strip().split("took its mark: ")
    world.run("sh", "-c", mend)
    assert world.dump(settle_s=4) == whole
    assert "as asked" in world.run("weft", "status", "-f", file).stdout


@pytest.mark.parametrize("netns, ifname", [("web", "web"), ("weft.one.t.n", "uplink")])
def test_a_link_that_lost_its_mark_is_known_again(world: World, tmp_path: Path, netns: str, ifname: str) -> None:
    file = write(tmp_path / "one.yaml", ONE)
    before = world.dump()
    world.run("weft", "apply", "-y", "-f", file)
    whole = world.dump(settle_s=4)
    world.run("ip", "-n", netns, "link", "set", ifname, "alias", "")
    found = world.run("weft", "status", "-f", file, check=False)
    assert found.returncode == 3 and f"{ifname}@{netns}" in found.stdout
    world.run("weft", "apply", "-y", "-f", file)
    assert world.dump(settle_s=4) == whole
    world.run("ip", "-n", netns, "link", "set", ifname, "alias", "")
    world.run("weft", "destroy", "-y", "one")
    assert world.dump() == before


UPON = "weft: 1\nname: one\nhost: {links: {br: {kind: bridge}}}\n"


def test_links_of_others_that_fall_with_ours_are_named_before(world: World, tmp_path: Path) -> None:
    world.run("weft", "apply", "-y", "-f", write(tmp_path / "one.yaml", UPON))
    world.run("ip", "link", "add", "theirs", "link", "br", "type", "macvlan")
    gone = world.run("weft", "destroy", "-y", "one")
    assert "link theirs: warning: is not weft's, but stands upon link br" in gone.stderr, gone.stderr
    assert [link["ifname"] for link in world.json("ip", "-j", "link")] == ["lo"]
