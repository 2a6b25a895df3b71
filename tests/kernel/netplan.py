"""A host that netplan set up: its generator writes networkd's files, and networkd itself does what they say.

Rules: networkd runs in the world alone: with /run of the world's, without D-Bus, and with /sys read-only, by which it
knows a container, where no udev will tell it that a link is ready. It goes on running until the world ends.
"""

from __future__ import annotations

from pathlib import Path

from tests.patience import until
from tests.world import World

_NETWORKD = "/lib/systemd/systemd-networkd"
_READY = """
mount -t sysfs -o ro sysfs /sys
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp /run/udev
chown -R systemd-network:systemd-network /run/systemd/netif
cp "$1"/run/systemd/network/* /run/systemd/network/
"""


def set_up(world: World, folder: Path, file: str, links: int) -> None:
    """Do what a file of netplan's says. `links`: of how many networkd is to say that they are as their files say."""
    (folder / "etc/netplan").mkdir(parents=True)
    (folder / "etc/netplan/01.yaml").write_text(file)
    (folder / "etc/netplan/01.yaml").chmod(0o600)
    world.run("netplan", "generate", "--root-dir", folder)
    world.run("sh", "-ec", _READY, "sh", folder)
    said = (folder / "log").open("w")
    world.start(_NETWORKD, stdout=said, stderr=said)
    until(lambda: _configured(world) == links, f"networkd has done what {links} files say", 20)
    until(lambda: not _slow(world), "bridges know how fast the bonds are that their ports stand on", 20)


def _configured(world: World) -> int:
    told = world.run("sh", "-c", "cat /run/systemd/netif/links/*", check=False).stdout
    return told.count("ADMIN_STATE=configured\n")


def _slow(world: World) -> list[str]:
    """Bridges' ports upon bonds that cost as if without a speed: the kernel looks again when a carrier comes."""
    costs = world.run("sh", "-c", "grep -H . /sys/class/net/bond*/brport/path_cost", check=False).stdout
    return [line for line in costs.splitlines() if line.endswith(":100")]
