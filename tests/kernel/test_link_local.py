"""Taps and their stitches get no address of the kernel's own: only frames pass them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.rtnl_world import link
from tests.world import World

pytestmark = pytest.mark.kernel

FILE = """
weft: 1
name: lab
tenants:
  red:
    networks: {lan: {subnets: [10.10.0.0/24], mtu: MTU}}
    ports: {vm: {network: lan, attach: {tap: {}}}}
"""


@pytest.mark.parametrize("mtu", [1500, 600])
def test_no_link_local_address_comes_with_a_carrier(world: World, tmp_path: Path, mtu: int) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text(FILE.replace("MTU", str(mtu)))
    world.run("weft", "apply", "-y", "-f", file)
    holder = world.start("python3", "-c", OPEN, stdout=-1)
    assert holder.stdout is not None and holder.stdout.readline() == "open\n"
    world.dump(settle_s=3)
    for seen in world.json("ip", "-j", "addr"):
        assert seen["ifname"] == "lo" or ("LOWER_UP" in seen["flags"] and seen["addr_info"] == []), seen
    holder.kill()
    assert holder.wait() != 0
    assert "as asked" in world.run("weft", "status", "-f", file).stdout


def test_what_somebody_switched_on_is_named_and_mended(world: World, tmp_path: Path) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text(FILE.replace("MTU", "1500"))
    world.run("weft", "apply", "-y", "-f", file)
    world.run("ip", "link", "set", "vm", "addrgenmode", "eui64")
    assert "addr_gen_mode eui64 -> none" in world.run("weft", "status", "-f", file, check=False).stdout
    world.run("weft", "apply", "-y", "-f", file)
    assert link(world, None, "vm")["inet6_addr_gen_mode"] == "none"


OPEN = """
import fcntl, struct, time
tap = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", b"vm", 0x1002))
print("open", flush=True)
time.sleep(60)
"""
