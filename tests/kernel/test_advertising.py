"""Router advertisements: guests make their addresses and find their way out by them, through the bridge and its guard;
who forges them is not heard; the radvd that sends them is kept running and told of what changes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kernel.faults import intents
from tests.kernel.linked_guest import NIC, LinkedGuest
from tests.patience import until
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.needs("tap", "nft_bridge")]

VM_MAC, EVIL_MAC, FREE_MAC = "52:54:00:12:34:56", "52:54:00:00:00:66", "52:54:00:00:00:77"
OF_VM = "5054:ff:fe12:3456"

INTENT = """
weft: 1
name: lab
tenants:
  shop:
    networks:
      front:
        subnets: [10.10.0.0/24, {{cidr: "{prefix}", ra: slaac, dns: ["fd00:10::53"]}}]
        uplink: routed
        mtu: 1400
    ports:
      web: {{network: front, attach: {{netns: web}}}}
      vm: {{network: front, attach: {{tap: {{}}}}, mac: "52:54:00:12:34:56"}}
      evil: {{network: front, attach: {{tap: {{}}}}, mac: "52:54:00:00:00:66"}}
      free: {{network: front, attach: {{tap: {{}}}}, mac: "52:54:00:00:00:77", port_security: false}}
"""

ROUTER = """
weft: 1
name: lab
tenants:
  shop:
    networks:
      front: {subnets: [{cidr: "fd00:10::/64", ra: slaac}]}
      back: {subnets: ["fd00:20::/64"]}
    routers:
      edge: {interfaces: [front, back]}
    ports:
      vm: {network: front, attach: {tap: {}}, mac: "52:54:00:12:34:56"}
      db: {network: back, attach: {netns: db}}
"""


@pytest.fixture
def host(world: World) -> Iterator[World]:
    intents.give_way_out(world)
    yield world
    world.run("weft", "destroy", "-y", "lab", check=False)


def apply(world: World, tmp_path: Path, text: str, **said: str) -> str:
    file = tmp_path / "weft.yaml"
    file.write_text(text.format(**said))
    return world.run("weft", "apply", "-y", "-f", str(file)).stdout


def advertisers(world: World) -> list[int]:
    """The radvds of this world that lead a session."""
    found = world.run("pgrep", "-x", "radvd", check=False).stdout.split()
    return [pid for pid in map(int, found) if os.getsid(pid) == pid and pid in world.processes()]


def supervisor(world: World) -> int:
    (pid,) = (int(one) for one in keepers(world) if int(one) in world.processes())
    return pid


def keepers(world: World) -> list[str]:
    """The supervisors of all worlds."""
    return world.run("pgrep", "-f", "supervisor import started", check=False).stdout.split()


def forge(world: World, netns: str, prefix: str) -> None:
    """A router that nobody asked for, in a guest."""
    file = Path(f"/tmp/forged-{os.getpid()}-{netns}.conf")
    file.write_text(
        f"interface {NIC} {{ AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; prefix {prefix} {{ }}; }};\n"
    )
    world.run("sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1", netns=netns)
    world.run("radvd", "-C", str(file), "-p", f"/run/{netns}.pid", "-m", "none", netns=netns)
    file.unlink()


def test_guests_get_addresses_and_a_way_out_and_hear_no_forgeries(host: World, tmp_path: Path) -> None:
    apply(host, tmp_path, INTENT, prefix="fd00:10::/64")
    with ExitStack() as stack:
        vm = stack.enter_context(LinkedGuest(host, "vm", "gvm", VM_MAC))
        until(lambda: f"fd00:10::{OF_VM}" in vm.addresses(), "the guest has its address")
        held = vm.addresses()[f"fd00:10::{OF_VM}"]
        assert held["dynamic"] and held["prefixlen"] == 64 and 14000 < held["preferred_life_time"] <= 14400
        (way,) = vm.default_routes()
        assert way["protocol"] == "ra" and way["gateway"].startswith("fe80::")
        (link,) = host.json("ip", "-j", "-6", "route", "show", "fd00:10::/64", netns="gvm")
        assert link["protocol"] in ("kernel", "ra")
        assert host.run("cat", f"/proc/sys/net/ipv6/conf/{NIC}/mtu", netns="gvm").stdout.strip() == "1400"
        until(lambda: host.ping("fd00:10::1", netns="gvm"), "the router answers the guest")
        assert host.ping(f"fd00:10::{OF_VM}", netns="web"), "and so does a neighbour"
        assert host.run("weft", "status", "-f", str(tmp_path / "weft.yaml")).returncode == 0
        stack.enter_context(LinkedGuest(host, "evil", "gevil", EVIL_MAC))
        stack.enter_context(LinkedGuest(host, "free", "gfree", FREE_MAC))
        forge(host, "gevil", "fd00:bad::/64")
        forge(host, "gfree", "fd00:600d::/64")
        until(lambda: f"fd00:600d::{OF_VM}" in vm.addresses(), "one that may say anything is heard")
        assert not any(address.startswith("fd00:bad:") for address in vm.addresses())
        assert len(vm.default_routes()) == 2 or len(vm.default_routes()[0].get("nexthops", ())) == 2
        told = host.json("ip", "-j", "-6", "addr", "show", "dev", "web", netns="web")[0]["addr_info"]
        assert {one["local"] for one in told if one["scope"] == "global"} == {"fd00:10::2"}, "weft's own and no other"


def test_it_is_kept_running_told_of_changes_and_leaves_nothing(host: World, tmp_path: Path) -> None:
    before = host.dump(settle_s=3)
    apply(host, tmp_path, INTENT, prefix="fd00:10::/64")
    file = str(tmp_path / "weft.yaml")
    assert "Nothing to do" in host.run("weft", "plan", "-f", file).stdout
    (pid,), keeper = advertisers(host), supervisor(host)
    os.kill(keeper, signal.SIGSTOP)  # or it would be back before anybody looks
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in advertisers(host), "it has ended")
    status = host.run("weft", "status", "-f", file, check=False)
    assert status.returncode == 3 and "process lab.ra@weft.lab.shop.front: running no" in status.stdout
    os.kill(keeper, signal.SIGCONT)
    until(lambda: host.run("weft", "status", "-f", file, check=False).returncode == 0, "it runs again by itself")
    os.kill(keeper, signal.SIGKILL)
    until(lambda: advertisers(host) == [], "everything ends with the supervisor")
    assert host.run("weft", "status", "-f", file, check=False).returncode == 3
    listed = host.json("weft", "supervise", "-o", "json")
    (again,) = advertisers(host)
    assert listed == [
        {"name": "lab.ra", "netns": "weft.lab.shop.front", "scope": "lab", "pid": again, "died": ""},
    ]
    assert supervisor(host) != keeper
    assert host.run("weft", "status", "-f", file).returncode == 0
    with LinkedGuest(host, "vm", "gvm", VM_MAC) as vm:
        until(lambda: f"fd00:10::{OF_VM}" in vm.addresses(), "the guest has its address")
        apply(host, tmp_path, INTENT.replace("fd00:10::53", "fd00:10::54"), prefix="fd00:10::/64")
        assert advertisers(host) == [again], "the same one goes on"
        apply(host, tmp_path, INTENT, prefix="fd00:17::/64")
        until(lambda: f"fd00:17::{OF_VM}" in vm.addresses(), "the guest hears of the new prefix")
        until(lambda: host.ping("fd00:17::1", netns="gvm"), "and may speak from it")
        until(lambda: vm.addresses()[f"fd00:10::{OF_VM}"].get("deprecated") is True, "the former is over", 10)
        assert vm.addresses()[f"fd00:10::{OF_VM}"]["valid_life_time"] <= 7300
        assert vm.default_routes(), "the router is one again"
        assert host.run("weft", "status", "-f", file).returncode == 0
        apply(host, tmp_path, INTENT.replace('ra: slaac, dns: ["fd00:10::53"]', "ra: off"), prefix="fd00:17::/64")
        until(lambda: not vm.default_routes(), "it says that it is no router any more", 10)
    host.run("ip", "netns", "del", "gvm")
    host.run("weft", "destroy", "-y", "lab")
    assert advertisers(host) == []
    assert host.run("sh", "-c", "ls /run/weft/*/processes").stdout == ""
    assert not {*map(int, keepers(host))}.intersection(host.processes())
    assert "No program" in host.run("weft", "supervise").stdout
    assert host.dump(settle_s=3) == before


def test_a_declared_router_advertises_too(host: World, tmp_path: Path) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text(ROUTER)
    host.run("weft", "apply", "-y", "-f", str(file))
    with LinkedGuest(host, "vm", "gvm", VM_MAC) as vm:
        until(lambda: f"fd00:10::{OF_VM}" in vm.addresses(), "the guest has its address")
        until(lambda: host.ping("fd00:20::2", netns="gvm"), "and reaches the other network")


def test_a_radvd_that_refuses_is_an_apply_that_was_not(host: World, tmp_path: Path) -> None:
    """Its own last words are told, and everything is as it was."""
    file = tmp_path / "weft.yaml"
    file.write_text(ROUTER.replace("front", "AdvLinkMTU"))
    before = host.dump(settle_s=3)
    ran = host.run("weft", "apply", "-y", "-f", str(file), check=False)
    assert ran.returncode == 5 and "syntax error" in ran.stderr and "as it was before" in ran.stderr
    assert host.run("sh", "-c", "ls /run/weft/*/processes").stdout == ""
    assert host.dump(settle_s=3) == before
