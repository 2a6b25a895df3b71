"""Sizes and offloads of weft's own links: set, seen by status, and back at the kernel's own when the file is silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World

pytestmark = pytest.mark.kernel

FILE = """
weft: 1
name: lab
host: {{links: {{br7: {{kind: bridge{host}}}}}}}
tenants:
  red:
    networks: {{lan: {{subnets: [10.10.0.0/24]}}}}
    ports:
      web: {{network: lan, attach: {{netns: web}}{port}}}
      vm: {{network: lan, attach: {{tap: {{}}}}{tap}}}
"""
TUNED = ", tuning: {gso_max_size: 20000, gso_max_segs: 30, gro_max_size: 30000, offloads: {gro: true, tso: false}}"
PLAIN = FILE.format(host="", port="", tap="")
LINKS = (("web", "web"), (None, "vm"), (None, "br7"))
SIZES = ("gso_max_size", "gso_max_segs", "gro_max_size")


def apply(world: World, file: Path, text: str) -> str:
    file.write_text(text)
    return world.run("weft", "apply", "-y", "-f", file).stdout


def tuning(world: World) -> list[list[str]]:
    """The sizes and the offloads of the three links, as ip and ethtool tell them."""
    return [_of(world, netns, ifname) for netns, ifname in LINKS]


def _of(world: World, netns: str | None, ifname: str) -> list[str]:
    (seen,) = world.json("ip", "-j", "-d", "link", "show", ifname, netns=netns)
    features = world.run("ethtool", "-k", ifname, netns=netns).stdout.splitlines()
    switches = [line for line in features if "generic-receive" in line or "tx-tcp-segmentation:" in line]
    return [*(str(seen[name]) for name in SIZES), *map(str.strip, switches)]


@pytest.fixture
def file(world: World, tmp_path: Path) -> Path:
    file = tmp_path / "weft.yaml"
    apply(world, file, PLAIN)
    return file


def test_what_the_file_no_longer_says_is_the_kernel_s_again(world: World, file: Path) -> None:
    before, clean = tuning(world), world.dump(settle_s=2)
    apply(world, file, FILE.format(host=TUNED, port=TUNED, tap=TUNED))
    assert [found[:3] for found in tuning(world)] == [["20000", "30", "30000"]] * 3
    assert all(found[-1].startswith("tx-tcp-segmentation: off") for found in map(sorted, tuning(world)))
    assert "as asked" in world.run("weft", "status", "lab").stdout
    file.write_text(PLAIN)
    status = world.run("weft", "status", "-f", file, check=False)
    assert status.returncode == 3 and status.stdout.count("gso_max_size") == 3
    apply(world, file, PLAIN)
    assert tuning(world) == before and world.dump(settle_s=2) == clean
    assert "Nothing to do" in apply(world, file, PLAIN)


def test_what_somebody_tuned_back_is_named_and_mended(world: World, file: Path) -> None:
    apply(world, file, FILE.format(host="", port=TUNED, tap=""))
    wanted = tuning(world)
    world.run("ip", "link", "set", "web", "gso_max_size", "65536", netns="web")
    status = world.run("weft", "status", "lab", check=False)
    assert status.returncode == 3 and "65536 -> 20000" in status.stdout
    world.run("weft", "apply", "-y", "-f", file)
    assert tuning(world) == wanted


def test_a_tuned_link_is_made_anew_and_goes(world: World, file: Path) -> None:
    text = FILE.format(host="", port=TUNED, tap=TUNED)
    apply(world, file, text)
    wanted = tuning(world)
    world.run("ip", "link", "del", "web", netns="web")
    apply(world, file, text)
    assert tuning(world) == wanted
    world.run("weft", "destroy", "-y", "lab")
    assert world.run("sh", "-c", "cat /run/weft/*/ledger").stdout.count("link-setting") == 0
