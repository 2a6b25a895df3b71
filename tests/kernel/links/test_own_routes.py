"""The routes that the kernel makes of addresses, on many kinds of links: none is missed in vain, and all come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dump import differences
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.needs("vrf", "bond", "vlan", "dummy", "ipvlan")]

FILE = """
weft: 1
name: lab
host:
  links:
    red: {kind: vrf, table: 1001}
    in0: {kind: dummy, master: red, addresses: [10.1.0.1/24, "fd01::1/64"]}
    bo: {kind: bond, mode: active-backup, addresses: [10.2.0.1/24, "fd02::1/64"]}
    br: {kind: bridge, addresses: [10.3.0.1/24, 10.3.0.2/24, "fd03::1/64"]}
    d: {kind: dummy, addresses: [10.4.0.1/24, 10.4.0.2/32, "fd04::1/64"]}
    v: {kind: vlan, link: d, vid: 7, addresses: [10.5.0.1/24, "fd05::1/64"]}
    m: {kind: macvlan, link: d, mode: bridge, addresses: [10.6.0.1/24, "fd06::1/64"]}
    still: {kind: dummy, up: false, addresses: [10.7.0.1/24, "fd07::1/64"]}
    t: {kind: tun, addresses: [10.8.0.1/24, "fd08::1/64"]}
    x: {kind: vxlan, vni: 7, local: 10.4.0.1, remote: 10.4.0.9, addresses: [10.9.0.1/24, "fd09::1/64"]}
    e: {kind: dummy}
    i: {kind: ipvlan, link: e, mode: l3, addresses: [10.10.0.1/24, "fd0a::1/64"]}
  routes: [{to: 10.20.0.0/16, via: 10.4.0.7}, {to: "fd20::/64", via: "fd04::7"}]
"""


def test_none_is_missed_that_is_there_and_all_come_back(world: World, tmp_path: Path) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text(FILE)
    world.run("weft", "apply", "-y", "-f", file)
    before = world.dump(settle_s=10)
    assert "is as asked" in world.run("weft", "status", "-f", file).stdout
    tables = ("main", "1001")
    flushes = (f"ip {family} route flush table {table}" for family in ("-4", "-6") for table in tables)
    world.run("sh", "-ec", "; ".join(flushes))
    told = world.run("weft", "status", "-f", file, check=False)
    assert told.returncode == 3 and "in0 10.1.0.1/24: own routes no -> yes" in told.stdout
    assert "still" not in told.stdout, "nothing is missed of a link that is down"
    world.run("weft", "apply", "-y", "-f", file)
    assert "is as asked" in world.run("weft", "status", "-f", file).stdout
    left = [line for line in differences(before, world.dump(settle_s=10)) if "'dst': 'fe80:" not in line]
    assert "\n".join(left) == "", "but for link-local addresses, which are the kernel's"
