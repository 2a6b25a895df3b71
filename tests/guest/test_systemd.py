"""Weft on a machine whose first process is systemd, as `make install` leaves it: what it keeps as units, what it
restores at boot, and that networkd and udev leave it alone. In the newest guest.

Each test leaves the machine as it found it, but for those that boot one of their own.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guest import kernels
from tests.guest.machine import Machine, booted, install

FOUND = kernels.find()
LAB = """
weft: 1
name: lab
tenants:
  shop:
    networks:
      front: {subnets: [10.10.0.0/16, {cidr: "fd00:1::/64", ra: slaac, dns: ["fd00:1::53"]}], uplink: routed}
    ports:
      vm: {network: front, attach: {tap: {name: guest}}, mac: "52:54:00:12:34:56"}
      web: {network: front, attach: {netns: web}, addresses: [10.10.0.9]}
host:
  links: {store: {kind: bridge, addresses: [10.97.1.1/24]}}
  routes: [{to: 10.98.0.0/16, via: 10.97.1.2}]
  rules: [{priority: 1000, src: 10.99.0.0/24, table: 100}]
"""
FILTERED = """
weft: 1
name: shop
drops: {recorder: true}
tenants:
  shop:
    networks: {front: {subnets: [10.10.0.0/16, {cidr: "fd00:1::/64", ra: slaac}], uplink: routed}}
    security_groups: {closed: {ingress: []}}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.10.0.9], security_groups: [closed]}
      db: {network: front, attach: {netns: db}, addresses: [10.10.0.10]}
"""
MANY = """
weft: 1
name: NAME
tenants:
  t:
    networks: {net: {subnets: [10.20.0.0/24]}}
    ports: {"PORT[1-12]": {network: net, attach: {netns: "NAME-{name}"}}}
"""
GREEDY = "[Match]\nName=*\n[Network]\nDHCP=no\nAddress=192.0.2.77/24\n"
ALL = "/etc/systemd/network/50-all.network"

pytestmark = [
    pytest.mark.skipif(not FOUND, reason="no guest kernel is at hand"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def shared(folder: Path) -> Iterator[Machine]:
    with booted(FOUND[-1], folder) as machine:
        machine.write("/root/lab.yaml", LAB)
        yield machine


@pytest.fixture
def machine(shared: Machine) -> Iterator[Machine]:
    """Afterwards nothing of weft's is left, and nothing failed on the way."""
    before = shared.sh("ip -o link; ip rule; ip netns; nft list ruleset")
    yield shared
    shared.sh("weft destroy -y lab", check=False)
    assert shared.units("weft-*") == []
    assert shared.sh("systemctl --failed --plain --no-legend") == ""
    assert shared.sh("ip -o link; ip rule; ip netns; nft list ruleset") == before


def pid_of(machine: Machine, unit: str) -> int:
    return int(machine.sh(f"systemctl show --property=MainPID --value '{unit}'"))


def test_a_program_is_a_unit(machine: Machine) -> None:
    machine.sh("weft apply -y -f lab.yaml")
    (unit,) = machine.units("weft-*")
    assert re.fullmatch(r"weft-[-0-9a-f]+-lab\.ra\\x40weft\.lab\.shop\.front\.service", unit)
    first = pid_of(machine, unit)
    status = machine.sh(f"systemctl status --no-pager '{unit}'")
    assert "active (running)" in status and "Transient: yes" in status and "weft/" in status
    assert machine.sh(f"ip netns identify {first}") == "weft.lab.shop.front\n"
    assert machine.sh("pgrep -x -c radvd") == "2\n"  # it and the part of it that has root's rights

    machine.sh(f"kill -9 {first}")
    machine.until(lambda: pid_of(machine, unit) not in (0, first), "systemd has started it again")
    second = pid_of(machine, unit)
    machine.until(lambda: "is as asked" in machine.sh("weft status -f lab.yaml", check=False), "all is as asked")

    machine.sh("sed s/::53/::54/ lab.yaml >other.yaml; weft apply -y -f other.yaml")
    assert pid_of(machine, unit) == second
    read = "attempting to reread config file"
    machine.until(
        lambda: read in machine.sh(f"journalctl --no-pager --unit='{unit}'"), "it reads its new configuration"
    )

    machine.sh(f"systemctl stop '{unit}'")
    assert "lab.ra" in machine.sh("weft status -f other.yaml", check=False)
    machine.sh("weft supervise")
    assert pid_of(machine, machine.units("weft-*")[0]) not in (0, first, second)
    machine.sh("weft destroy -y lab")
    assert machine.units("weft-*") == [] and machine.sh("pgrep radvd", check=False) == ""


def test_a_program_that_does_not_start_is_said_and_taken_back(machine: Machine) -> None:
    machine.sh("mount --bind /bin/false /usr/sbin/radvd")
    try:
        told = machine.sh("weft apply -y -f lab.yaml", check=False)
    finally:
        machine.sh("umount /usr/sbin/radvd")
    assert "lab.ra@weft.lab.shop.front ended at once" in told and "journalctl --unit=" in told
    assert machine.units("weft-*") == [] and machine.sh("ip netns") == ""


def is_recorded(machine: Machine, closed: str) -> bool:
    """Whether a ping to a port that nothing may come in to is among what its scope's recorder has kept."""
    assert not machine.pings(closed, "db")
    return "shop/db -> shop/web  icmp echo-request" in machine.sh("weft drops --since 10m --scope shop", check=False)


def test_programs_go_on_when_systemd_starts_itself_anew(machine: Machine) -> None:
    machine.write("/root/shop.yaml", FILTERED)
    machine.sh("weft apply -y -f shop.yaml")
    units = machine.units("weft-*")
    assert len(units) == 2
    before = [pid_of(machine, unit) for unit in units]
    machine.sh("systemctl daemon-reexec; systemctl daemon-reload")
    machine.until(lambda: machine.units("weft-*") == units, "systemd knows them again")
    assert [pid_of(machine, unit) for unit in units] == before
    assert "is as asked" in machine.sh("weft status -f shop.yaml")
    machine.sh("systemctl kill --signal=KILL 'weft-*'")
    machine.until(lambda: all(pid_of(machine, unit) not in (0, *before) for unit in units), "both are started again")
    machine.until(lambda: is_recorded(machine, "10.10.0.9"), "what is dropped is recorded")
    assert "is not weft's" not in machine.sh("weft drops --since 10m --scope shop")
    assert "version" in machine.sh("journalctl --no-pager --identifier=shop.ra")
    machine.sh("weft destroy -y shop")


def test_the_guard_of_a_trial_outlives_its_session(machine: Machine) -> None:
    trial = machine.guest.start(
        *("systemd-run", "--scope", "--quiet", "--unit=login", "sh", "-c"),
        "weft apply -y -f lab.yaml --confirm-within 20s; touch applied; sleep 100",
        cwd=Path("/root"),
    )
    machine.until(lambda: "applied" in machine.sh("ls"), "it is applied")
    (guard,) = machine.units("run-*.service")
    assert f"/{guard}" in machine.sh(f"cat /proc/{pid_of(machine, guard)}/cgroup")
    machine.sh("rm applied; systemctl kill --signal=KILL login.scope")
    trial.wait()
    assert machine.pings("10.10.0.9")
    machine.until(lambda: machine.sh("ip netns") == "", "it was taken back", 60)
    machine.until(lambda: machine.units("run-*.service") == [], "the guard has gone")
    assert "lab was not confirmed in time" in machine.sh("journalctl --no-pager --identifier=weft")

    machine.sh("weft apply -y -f lab.yaml --confirm-within 1h")
    assert len(machine.units("run-*.service")) == 1
    machine.sh("weft confirm")
    machine.until(lambda: machine.units("run-*.service") == [], "the guard has nothing to guard")
    assert machine.pings("10.10.0.9")


def test_what_is_installed_is_sound(machine: Machine) -> None:
    assert machine.sh("systemd-analyze verify weft.service") == ""
    assert "disabled" in machine.sh("systemctl is-enabled weft", check=False)


@pytest.fixture
def taken(folder: Path) -> Iterator[Machine]:
    """One of a test's own, with a file by which networkd takes every link."""
    with booted(FOUND[-1], folder) as machine:
        machine.write("/root/lab.yaml", LAB)
        machine.write(ALL, GREEDY)
        yield machine


LOOK = "ip rule; ip route show proto 119; ip -o link show store; ip -o link show guest"


def test_networkd_and_udev_leave_weft_alone(taken: Machine) -> None:
    """Already running when weft's links come, and started anew beside them."""
    taken.sh("systemctl start systemd-networkd")
    taken.sh("ip link add other type veth peer name another; ip link set other up; ip link set another up")
    taken.until(lambda: taken.addresses("other") == ["192.0.2.77"], "networkd sets up what is not weft's")
    taken.sh("weft apply -y -f lab.yaml")
    own = {link["ifname"] for link in taken.json("ip -j link") if link.get("ifalias", "").startswith("weft/")}
    assert len(own) == 4 and {"guest", "store"} < own
    taken.until(lambda: own <= unmanaged(taken), "networkd leaves them alone")
    held = taken.sh(LOOK)
    for again in ("systemd-networkd", "systemd-udevd systemd-udev-trigger"):
        taken.sh(f"systemctl restart {again}; udevadm settle; networkctl reload")
        taken.until(lambda: own <= unmanaged(taken), "networkd leaves them alone when started anew")
        assert taken.sh(LOOK) == held and taken.pings("10.10.0.9")
        assert "is as asked" in taken.sh("weft status -f lab.yaml")
    assert clashes(taken) == []


def unmanaged(machine: Machine) -> set[str]:
    """The links of which networkd says so."""
    rows = [line.split() for line in machine.sh("networkctl --no-legend --no-pager").splitlines()]
    return {row[1] for row in rows if row[4] == "unmanaged"}


def clashes(machine: Machine) -> list[dict[str, str]]:
    """What the doctor finds of networkd."""
    told = machine.json("weft doctor -o json || true")
    return [one for one in told if "networkd" in one["what"] and one["level"] != "ok"]


def killed(machine: Machine, name: str, phase: str) -> None:
    """An apply that gives all ports of a scope other names, killed when its journal is in that phase."""
    machine.sh(
        f"weft apply -y -f {name}.yaml; sed s/old/new/ {name}.yaml >{name}-new.yaml\n"
        f"weft apply -y -f {name}-new.yaml >/dev/null & until [ -e /run/weft/*/{name}.{phase} ]; do :; done\n"
        f"kill -9 $!; wait $! || true; [ -e /run/weft/*/{name}.{phase} ]",
    )


def ports(machine: Machine, name: str) -> list[str]:
    """Those that answer one of their own, by what the namespaces are called."""
    found = [netns for netns in machine.sh("ip netns").split() if netns.startswith(f"{name}-")]
    return sorted({netns.rstrip("0123456789") for netns in found if machine.pings("10.20.0.1", netns)})


def test_what_was_killed_in_the_middle_is_whole_again(shared: Machine, tmp_path: Path) -> None:
    """By the unit, on the machine as it is and at the next boot, of which the kernel and /run know nothing."""
    for name in ("early", "late"):
        shared.write(f"/root/{name}.yaml", MANY.replace("NAME", name).replace("PORT", "old"))
    killed(shared, "early", "uncommitted")
    killed(shared, "late", "committed")
    assert shared.sh("weft list").count("cut short") == 2
    disk = Path(shutil.copytree(shared.folder, tmp_path / "disk", symlinks=True))
    shared.sh("systemctl enable weft 2>&1; cd /; cp -a --parents var/lib/weft etc/systemd/system /hostout/")
    shutil.copytree(shared.guest.out, disk, symlinks=True, dirs_exist_ok=True)

    shared.sh("systemctl start weft")
    ends = {"early": ["early-old"], "late": ["late-new"]}
    assert {name: ports(shared, name) for name in ends} == ends
    for name in ends:
        assert f"{name} is as asked" in shared.sh(f"weft status {name}")
        shared.sh(f"weft destroy -y {name}")
    shared.sh("systemctl stop weft; systemctl disable weft 2>&1; rm -rf /hostout/*")

    with booted(FOUND[-1], disk) as machine:
        assert "there" in machine.sh("journalctl --no-pager --unit=weft.service")
        found = {name: ports(machine, name) for name in ends}
        assert found["early"] == ["early-old"] and found["late"] in (["late-old"], ["late-new"])
        for name in ends:
            assert f"{name} is as asked" in machine.sh(f"weft status {name}")
        assert machine.sh("weft list").count(" ok") == 2


def test_at_boot_all_is_there_again(folder: Path, tmp_path: Path) -> None:
    """From an empty kernel, with a firewall that begins by flushing all rules, and a networkd that takes every link."""
    disk = Path(shutil.copytree(folder, tmp_path / "disk", symlinks=True))
    with booted(FOUND[-1], disk) as machine:
        machine.write("/root/lab.yaml", LAB)
        machine.write(ALL, GREEDY)
        machine.write("/root/shop.yaml", FILTERED.replace("10.10.", "10.11.").replace("fd00:1:", "fd00:2:"))
        machine.sh("weft apply -y -f lab.yaml; systemctl enable weft nftables systemd-networkd")
        machine.sh("sed -i 's/netns: web/netns: shop/' shop.yaml; weft apply -y -f shop.yaml")
        machine.keep("/var/lib/weft", "/etc/systemd/system", "/etc/systemd/network")
    with booted(FOUND[-1], disk) as machine:
        assert "lab is there" in machine.sh("journalctl --no-pager --unit=weft.service")
        assert machine.pings("10.10.0.9") and machine.addresses("store") == ["10.97.1.1"]
        assert "1000:" in machine.sh("ip rule") and "table inet filter" in machine.sh("nft list tables")
        units = machine.units("weft-*")
        assert [re.sub(r"^weft-[-0-9a-f]+-|[@\\\\].*|\.service$", "", unit) for unit in units] == [
            "lab.ra",
            "shop.drops",
            "shop.ra",
        ]
        assert machine.sh(f"systemctl is-active {shlex.join(units)}") == "active\n" * 3
        assert machine.sh("weft list").count(" ok") == 2
        machine.until(lambda: is_recorded(machine, "10.11.0.9"), "it records again")
