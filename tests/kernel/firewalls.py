"""Other programs' firewalls as they are: ufw, firewalld, Docker, started on a world's host, with an /etc of its own.

Rules: ufw and firewalld are what is installed, else what `make test` unpacked, laid over /usr in the world alone: were
they installed for a test, they would become the firewall of the machine it runs on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import until
from tests.world import World

APART = Path(__file__).parents[2] / ".venv/apart/root"
_WAY_OUT = """
sysctl -q -w net.ipv6.conf.default.addr_gen_mode=1
ip netns add out
ip link add up0 type veth peer name up1 netns out
ip addr add 192.0.2.1/24 dev up0; ip -6 addr add 2001:db8::1/64 dev up0 nodad; ip link set up0 up
ip -n out addr add 192.0.2.254/24 dev up1; ip -n out -6 addr add 2001:db8::fe/64 dev up1 nodad
ip -n out link set up1 up; ip -n out route add 10.0.0.0/8 via 192.0.2.1
ip -n out -6 route add default via 2001:db8::1
ip route add default via 192.0.2.254; ip -6 route add default via 2001:db8::fe
ip -n out link add vx7 type vxlan id 7 local 192.0.2.254 remote 192.0.2.1 dstport 4789
ip -n out addr add 10.7.0.1/24 dev vx7; ip -n out link set vx7 up
"""
"""A stranger at the other end of the host's way out, who knows the way to what is routed and has the other
end of a VXLAN."""
FAR = "10.7.0.1"
"""The stranger's address in the VXLAN."""
OUTSIDE = {4: "192.0.2.254", 6: "2001:db8::fe"}
_FURNISH = """
cp -a /etc /run/etc
if [ -d "$1/usr" ]; then
  mkdir /run/usr /run/usr.work
  mount -t overlay -o "lowerdir=$1/usr:/usr,upperdir=/run/usr,workdir=/run/usr.work" overlay /usr
  cp -an "$1/etc/." /run/etc/
  at=/usr/share/ufw
  if [ -d $at ]; then cp -n $at/*.init $at/ufw.conf $at/iptables/*.rules /run/etc/ufw/; fi
  at=/usr/share/polkit-1/actions/org.fedoraproject.FirewallD1
  if [ -e $at.server.policy.choice ]; then ln -s $at.server.policy.choice $at.policy; fi
fi
mount --bind /run/etc /etc
"""
"""With what their packages do when they are configured."""
_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def is_missing(*programs: str) -> bool:
    path = f"{os.environ['PATH']}:{APART}/usr/sbin:{APART}/usr/bin"
    return any(shutil.which(program, path=path) is None for program in programs)


def furnish(world: World) -> None:
    """Put them into the world, and a stranger beyond its way out."""
    world.run("sh", "-ec", _WAY_OUT)
    world.run("sh", "-ec", _FURNISH, "sh", APART)


def reaches(world: World, netns: str | None, address: str, port: int = 9) -> bool:
    """Does TCP get there, by its second try if need be? A refusal by who is asked is an answer; a firewall's is not."""
    asked = world.run("timeout", "3", "bash", "-c", f"</dev/tcp/{address}/{port}", netns=netns, check=False)
    return asked.returncode == 0 or "refused" in asked.stderr


def rules(world: World, *table: str) -> str:
    """Of a table of the host's, or of all, without counters."""
    return world.run("nft", "-s", "list", *(("table", *table) if table else ("ruleset",))).stdout


def ufw(world: World) -> None:
    """As `ufw enable` leaves a machine on which nothing was said before."""
    world.run("ufw", "--force", "enable")


@contextmanager
def firewalld(world: World) -> Iterator[None]:
    """With a bus of its own, and the distribution's settings."""
    world.run("sh", "-ec", "mkdir -p /run/dbus; dbus-daemon --system --fork --nopidfile")
    daemon = world.start("firewalld", "--nofork", "--nopid", "--log-file", "/run/firewalld.log", **_QUIET)
    try:
        until(lambda: world.run("firewall-cmd", "--state", check=False).returncode == 0, "firewalld", 60)
        yield
    finally:
        daemon.terminate()
        daemon.wait()


@contextmanager
def docker(world: World) -> Iterator[Callable[..., str]]:
    """A daemon; what calls it."""
    at = ("-H", "unix:///run/docker.sock")
    rooms = ("--data-root", "/var/lib/docker", "--exec-root", "/run/docker", "-p", "/run/docker.pid")
    daemon = world.start("dockerd", *at, *rooms, "--storage-driver", "vfs", **_QUIET)

    def call(*words: str | Path) -> str:
        return world.run("docker", *at, *words).stdout.strip()

    try:
        until(lambda: world.run("docker", *at, "version", check=False).returncode == 0, "Docker", 60)
        yield call
    finally:
        daemon.terminate()
        daemon.wait()


def container(call: Callable[..., str], folder: Path) -> tuple[str, int]:
    """One that listens at 80, which is the host's 8080; its address, and a process in it."""
    image = folder / "image.tar"
    with tarfile.open(image, "w") as archive:
        archive.add("/bin/busybox", "bin/busybox")
    call("import", image, "still")
    call("run", "-d", "-p", "8080:80", "--name", "shop", "still", "/bin/busybox", "httpd", "-f", "-p", "80")
    address, pid = call("inspect", "-f", "{{.NetworkSettings.IPAddress}} {{.State.Pid}}", "shop").split()
    return address, int(pid)
