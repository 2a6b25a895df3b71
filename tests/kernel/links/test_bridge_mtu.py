"""A bridge of somebody else's has the least MTU of its ports: what stands on it is made for what it is when weft has
joined its own to it, in one apply."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.world import World

pytestmark = pytest.mark.kernel

EMPTY = (
    "ip link add br5 type bridge; ip link set br5 up; ip link add eth0 type veth peer name far0; ip link set eth0 up"
)
JUMBO = f"{EMPTY}; ip link set eth0 mtu 9000; ip link set eth0 master br5; ip addr add 203.0.113.2/24 dev br5"
NETWORK = "tenants: {s: {networks: {n: {subnets: [10.1.0.0/24], segment: {link: br5}}}}}"
OUT = """
external_networks: {i: {link: br5, subnets: [{cidr: 203.0.113.0/24, gateway: 203.0.113.1}]}}
tenants: {s: {networks: {n: {subnets: [10.1.0.0/24]}}, routers: {e: {interfaces: [n], gateway: i}}}}
"""
CASES = {
    "a macvlan": (
        EMPTY,
        "host: {links: {t: {kind: tap, mtu: 1400, master: br5}, m: {kind: macvlan, link: br5}}}",
        1400,
    ),
    "a member": (
        EMPTY,
        "host: {links: {eth0: {existing: true, mtu: 1400, master: br5}, m: {kind: macvlan, link: br5}}}",
        1400,
    ),
    "a tunnel": (
        EMPTY,
        "host: {links: {v: {kind: vxlan, vni: 7, remote: 192.0.2.9, link: eth0, master: br5},"
        " m: {kind: macvlan, link: br5}}}",
        1450,
    ),
    "a network": (JUMBO, f"host: {{links: {{t: {{kind: tap, master: br5}}}}}}\n{NETWORK}", 1500),
    "a way out": (JUMBO, f"host: {{links: {{t: {{kind: tap, master: br5}}}}}}\n{OUT}", 1500),
    "nothing that is lower": (
        EMPTY,
        "host: {links: {t: {kind: tap, mtu: 9000, master: br5}}}\n" + NETWORK,
        1500,
    ),
}


@pytest.mark.needs("tap", "vxlan")
@pytest.mark.parametrize(("made", "text", "mtu"), CASES.values(), ids=CASES)
def test_one_apply_is_enough(world: World, tmp_path: Path, made: str, text: str, mtu: int) -> None:
    world.run("sh", "-ec", made)
    (tmp_path / "weft.yaml").write_text(f"weft: 1\nname: t\n{text}\n")
    world.run("weft", "apply", "--yes", cwd=tmp_path)
    (bridge,) = world.json("ip", "-j", "link", "show", "dev", "br5")
    assert bridge["mtu"] == mtu
    world.run("weft", "status", cwd=tmp_path)
    world.run("weft", "destroy", "--yes", "t")


def test_what_it_will_not_carry_is_refused_with_its_line(world: World, tmp_path: Path) -> None:
    world.run("sh", "-ec", EMPTY)
    text = "host: {links: {eth0: {existing: true, mtu: 1400, master: br5}, m: {kind: macvlan, link: br5, mtu: 1500}}}"
    (tmp_path / "weft.yaml").write_text(f"weft: 1\nname: t\n{text}\n")
    refused = world.run("weft", "apply", "--yes", cwd=tmp_path, check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("weft.yaml:3:") and "1500 is above the 1400 bytes of br5" in refused.stderr
