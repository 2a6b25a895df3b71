"""What `make install` puts on a machine: that it works from there, and that udev and networkd do as its files say.

The real systemd-udevd and systemd-networkd run in a world, over a /usr/local and a /run of its own; networkd is told to
take every link that it finds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests import patience
from tests.world import World

ROOT = Path(__file__).parents[2]
until = partial(patience.until, within_s=60)
WEFT = "/usr/local/bin/weft"
INTENT = """
weft: 1
name: lab
tenants:
  t:
    networks: {lan: {subnets: [10.10.0.0/24], uplink: nat}}
    ports: {web: {network: lan, attach: {netns: web}}, vm: {network: lan, attach: {tap: {}}}}
host:
  links:
    "store[1-9]": {kind: bridge, addresses: ["10.97.{n}.1/24"]}
    tun: {kind: tun, addresses: [10.98.1.1/24]}
    one: {kind: veth, peer: two, addresses: [10.98.2.1/24]}
  rules: [{priority: 1000, src: 10.99.0.0/24, table: 100}]
"""
TUNSETIFF = 0x400454CA
GREEDY = "[Match]\nName=*\n[Network]\nAddress=192.0.2.77/24\nLinkLocalAddressing=no\n"

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


def make(*words: str) -> None:
    done = subprocess.run(["make", "-C", ROOT, "-o", "packages", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Beside a file of somebody else's."""
    where = tmp_path_factory.mktemp("installed")
    (where / "usr/local/bin").mkdir(parents=True)
    (where / "usr/local/bin/other").touch()
    make("install", f"DESTDIR={where}")
    return where


@pytest.fixture
def machine(world: World, installed: Path) -> World:
    """A world on which weft is installed."""
    world.run("mount", "--bind", installed / "usr/local", "/usr/local")
    return world


def files_in(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())


def test_uninstalled_nothing_is_left(installed: Path, tmp_path: Path) -> None:
    where = shutil.copytree(installed, tmp_path / "copy", symlinks=True)
    everywhere = files_in(where)
    assert "usr/local/lib/systemd/system/weft.service" in everywhere
    assert not [file for file in everywhere if b"@" in Path(where / file).read_bytes() and "weft.service" in file]
    make("uninstall", f"DESTDIR={where}")
    assert files_in(where) == ["usr/local/bin/other"]


def test_the_unit_is_one(machine: World, installed: Path) -> None:
    told = machine.run("systemd-analyze", "verify", "weft.service")
    assert told.stdout + told.stderr == ""
    unit = (installed / "usr/local/lib/systemd/system/weft.service").read_text()
    machine.run("mkdir", "-p", "/run/systemd/system")
    machine.run("sh", "-c", "cat > /run/systemd/system/weft.service", input=unit.replace("bin/weft", "bin/gone"))
    broken = machine.run("systemd-analyze", "verify", "weft.service", check=False)
    assert "/usr/local/bin/gone is not executable" in broken.stderr


def test_it_runs_from_there(machine: World, tmp_path: Path) -> None:
    file = tmp_path / "weft.yaml"
    file.write_text(INTENT)
    for shell in ("bash", "zsh", "fish"):
        assert "_WEFT_COMPLETE" in machine.run(WEFT, "completion", shell).stdout
    machine.run(WEFT, "apply", "-y", "-f", file, "--confirm-within", "1s", cwd=tmp_path)
    until(lambda: machine.names() == [], "the guard took it back")
    machine.run(WEFT, "apply", "-y", "-f", file)
    assert "lab is there" in machine.run(WEFT, "apply", "--boot").stdout
    machine.run(WEFT, "destroy", "-y", "lab")


@contextmanager
def running(world: World, program: str, is_ready: Callable[[], bool]) -> Iterator[None]:
    process = world.start(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(is_ready, f"{program} runs")
        yield
    finally:
        process.kill()
        process.wait()


_SYSTEMD = """
mkdir -p /run/rules /run/udev /run/systemd/netif /run/systemd/network
cp /usr/lib/udev/rules.d/75-net-description.rules /usr/lib/udev/rules.d/80-net-setup-link.rules /run/rules
mount --bind /run/rules /usr/lib/udev/rules.d
mount -t sysfs sysfs /sys
chown systemd-network /run/systemd/netif
"""


_OTHER = "ip link add other type veth peer name another; ip link set other up; ip link set another up"


def properties(world: World, ifname: str) -> set[str]:
    told = world.run("udevadm", "info", "--query=property", f"/sys/class/net/{ifname}", check=False).stdout
    return set(told.split())


def addresses(world: World) -> dict[str, list[str]]:
    """The IPv4 addresses of every link."""
    shown = [link for link in world.json("ip", "-j", "addr", "show") if link]
    return {link["ifname"]: [held["local"] for held in link["addr_info"] if held["family"] == "inet"] for link in shown}


def test_udev_and_networkd_leave_weft_alone(machine: World, tmp_path: Path) -> None:
    machine.run("sh", "-ec", _SYSTEMD)
    file = tmp_path / "weft.yaml"
    file.write_text(INTENT)
    control = f"/proc/{machine.pid}/root/run/udev/control"
    with running(machine, "/lib/systemd/systemd-udevd", lambda: os.path.exists(control)):
        machine.run(WEFT, "apply", "-y", "-f", file)
        machine.run("sh", "-ec", _OTHER)
        links = [link["ifname"] for link in machine.json("ip", "-j", "link", "show") if link["ifname"] != "lo"]
        until(lambda: all("SUBSYSTEM=net" in properties(machine, ifname) for ifname in links), "udev knows every link")
        until(lambda: all("ID_NET_NAME" in str(properties(machine, ifname)) for ifname in links), "all rules have run")
        marked = {ifname for ifname in links if {"WEFT=1", "NM_UNMANAGED=1"} <= properties(machine, ifname)}
        own = {ifname for ifname in links if ifname.startswith(("wu", "ws"))}
        assert len(own) == 2 and own <= marked and "other" not in marked
        machine.run("sh", "-c", "cat > /run/systemd/network/50-all.network", input=GREEDY)
        with running(machine, "/lib/systemd/systemd-networkd", lambda: "192.0.2.77" in str(addresses(machine))):
            until(lambda: addresses(machine)["other"] == ["192.0.2.77"], "networkd sets up what is not weft's")
            assert {ifname: held for ifname, held in addresses(machine).items() if ifname in own and held} == {}
            assert "1000:" in machine.run("ip", "rule").stdout


_SLOW = f"""
import subprocess
from weft.doors.cli.main import main
from weft.netlink import doors

def settle():
    subprocess.run(["udevadm", "settle"], check=True)

def slowly(fd, request, argument):
    ioctl(fd, request, argument)
    if request == {TUNSETIFF:#x}:
        settle()

def sent(connection, data):
    send(connection, data)
    settle()

ioctl, doors.ioctl = doors.ioctl, slowly
send, doors.send = doors.send, sent
main()
"""
"""weft, and udev has all the time that it wants between a link's making and what follows."""


def test_udev_knows_a_link_before_it_has_its_mark(machine: World, tmp_path: Path) -> None:
    """And so networkd, which waits for udev's word, takes none of them."""
    machine.run("sh", "-ec", _SYSTEMD)
    file = tmp_path / "weft.yaml"
    file.write_text(INTENT)
    machine.run("sh", "-c", "cat > /run/systemd/network/50-all.network", input=GREEDY)
    control = f"/proc/{machine.pid}/root/run/udev/control"
    with (
        running(machine, "/lib/systemd/systemd-udevd", lambda: os.path.exists(control)),
        running(machine, "/lib/systemd/systemd-networkd", lambda: True),
    ):
        machine.run("sh", "-ec", _OTHER)
        until(lambda: addresses(machine)["other"] == ["192.0.2.77"], "networkd sets up what is not weft's")
        machine.run(sys.executable, "-c", _SLOW, "apply", "-y", "-f", file)
        own = {link["ifname"] for link in machine.json("ip", "-j", "link") if link.get("ifalias")}
        assert {"store1", "tun", "vm"} < own
        until(lambda: all("ID_NET_NAME" in str(properties(machine, ifname)) for ifname in own), "all rules have run")
        assert {ifname for ifname in own if "WEFT=1" not in properties(machine, ifname)} == set()
        assert {ifname for ifname in own if "192.0.2.77" in addresses(machine)[ifname]} == set()
        assert "is as asked" in machine.run(WEFT, "status", "lab").stdout
        machine.run(WEFT, "destroy", "-y", "lab")


def test_udev_gives_no_tap_another_mac(machine: World, tmp_path: Path) -> None:
    """Whoever listens to the kernel hears of no other MAC than weft's."""
    machine.run("sh", "-ec", _SYSTEMD)
    file = tmp_path / "weft.yaml"
    file.write_text(INTENT)
    control = f"/proc/{machine.pid}/root/run/udev/control"
    heard = tmp_path / "heard"
    with running(machine, "/lib/systemd/systemd-udevd", lambda: os.path.exists(control)), heard.open("wb") as out:
        monitor = machine.start("ip", "-o", "monitor", "link", stdout=out)
        try:
            machine.run("ip", "link", "add", "first", "type", "bridge")
            until(lambda: "first" in heard.read_text(), "it listens")
            machine.run(sys.executable, "-c", _SLOW, "apply", "-y", "-f", file)
            machine.run("ip", "link", "add", "last", "type", "bridge")
            until(lambda: "last" in heard.read_text(), "it has heard all")
        finally:
            monitor.kill()
            monitor.wait()
        (tap,) = machine.json("ip", "-j", "link", "show", "vm")
        assert set(re.findall(r": vm: .* link/ether (\S+)", heard.read_text())) == {tap["address"]}
        until(lambda: "WEFT=1" in properties(machine, "vm"), "udev knows whose it is")
        assert "is as asked" in machine.run(WEFT, "status", "lab").stdout
        machine.run(WEFT, "destroy", "-y", "lab")


def test_without_our_files_networkd_takes_all(machine: World, tmp_path: Path) -> None:
    """What they are good for."""
    machine.run("sh", "-ec", _SYSTEMD)
    for theirs in ("systemd", "udev"):
        machine.run("mount", "-t", "tmpfs", "none", f"/usr/local/lib/{theirs}")
    file = tmp_path / "weft.yaml"
    file.write_text(INTENT)
    control = f"/proc/{machine.pid}/root/run/udev/control"
    with running(machine, "/lib/systemd/systemd-udevd", lambda: os.path.exists(control)):
        machine.run(WEFT, "apply", "-y", "-f", file)
        machine.run("sh", "-c", "cat > /run/systemd/network/50-all.network", input=GREEDY)
        (transit,) = (ifname for ifname in addresses(machine) if ifname.startswith("wu"))
        with running(machine, "/lib/systemd/systemd-networkd", lambda: "192.0.2.77" in str(addresses(machine))):
            until(lambda: addresses(machine).get(transit) == ["192.0.2.77"], "networkd has taken weft's link")
