"""Who filters what comes in to one port: weft, iptables as people write it, and Docker's bridge; and who does
not filter but pays the kernel's part of it: connections followed, for no rule.

Rules: each side is a world that stands while others are measured, with two namespaces on one bridge and the same number
of rules, of which the last are the ones that the traffic needs. iptables passes what belongs to a connection first, as
every article has it, so that only a connection's first packet walks all rules.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import fresh_world
from bench.qos.lab import ADDRESS, BRIDGE_END, PEER, PORT, TENANT, plain
from bench.tenants.talk import BULK, ECHO, GREET
from tests.patience import until
from tests.world import World

TALK = Path(__file__).parent / "talk.py"
FIRST_PORT = 10_001
NEEDED = (BULK, ECHO, GREET)
FOLLOWED = "followed"


class NotPossible(Exception):
    """This side cannot do that here; the message says why."""


@dataclass(frozen=True, slots=True)
class Talkers:
    """Where the two ends of the traffic are. `enter`: what a command of each begins with."""

    world: World
    enter_server: tuple[str, ...]
    enter_client: tuple[str, ...]
    address: str

    @contextmanager
    def served(self) -> Iterator[None]:
        command = (*self.enter_server, sys.executable, "-S", TALK, "serve", self.address)
        server = self.world.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert server.stdout is not None
            server.stdout.readline()
            yield
        finally:
            server.kill()
            server.communicate()

    def ask(self) -> dict[str, float]:
        asked = self.world.run(*self.enter_client, sys.executable, "-S", TALK, "ask", self.address)
        return dict(json.loads(asked.stdout))


Side = Callable[[Path, int | None], AbstractContextManager[Talkers]]
"""Makes a filter of so many rules; None: no filter."""


def _ports(count: int) -> list[int]:
    """Every other one, so that no two rules are one range."""
    return [*(FIRST_PORT + 2 * number for number in range(count - len(NEEDED))), *NEEDED]


def _in_namespaces(world: World) -> Talkers:
    enter = {name: ("nsenter", f"--net=/run/netns/{name}", "--") for name in (PORT, PEER)}
    return Talkers(world, enter[PORT], enter[PEER], ADDRESS[PORT])


@contextmanager
def weft(folder: Path, rules: int | None) -> Iterator[Talkers]:
    """A port with a group of so many rules; None: with no groups, which is to say guarded against spoofing alone."""
    file = folder / "weft.yaml"
    file.write_text(file_of(rules))
    with fresh_world() as world:
        world.run("weft", "apply", "-y", "-f", file)
        yield _in_namespaces(world)


WEFTS_TENANT = "weft.bench.t"
_FOLLOW = """
add table {family} followed
add chain {family} followed nobody
add rule {family} followed nobody ct state established accept
"""
"""A chain that no packet enters, for the sake of which the kernel follows connections."""


@contextmanager
def followed(folder: Path, rules: int | None) -> Iterator[Talkers]:
    """weft without groups, where the kernel follows connections in the way that groups need, and no rule asks for them:
    what groups cost before weft's first rule."""
    if rules is not None:
        raise NotPossible("this is what there is without rules")
    with weft(folder, None) as talkers:
        world = talkers.world
        in_bridge = world.run("nft", "-f", "-", netns=WEFTS_TENANT, input=_FOLLOW.format(family="bridge"), check=False)
        if in_bridge.returncode:
            world.run("nft", "-f", "-", netns=WEFTS_TENANT, input=_FOLLOW.format(family="inet"))
            world.run("sysctl", "-qw", *(f"net.bridge.bridge-nf-call-{of}=1" for of in _TABLES), netns=WEFTS_TENANT)
        yield talkers


_TABLES = ("iptables", "ip6tables")

_FILE = """
weft: 1
name: bench
tenants:
  t:
    networks: {{net: {{subnets: [10.77.0.0/24]}}}}
    ports:
      q: {{network: net, attach: {{netns: q}}, addresses: [{q}]}}
      p: {{network: net, attach: {{netns: p}}, addresses: [{p}]"""


def file_of(rules: int | None) -> str:
    """Two ports, of which `p` has a group of so many rules."""
    return _FILE.format(**ADDRESS) + ("}\n" if rules is None else f", security_groups: [many]}}\n{_group(rules)}")


def _group(rules: int) -> str:
    lines = (f"          - {{protocol: tcp, ports: [{port}]}}\n" for port in _ports(rules))
    return "    security_groups:\n      many:\n        ingress:\n" + "".join(lines)


@contextmanager
def iptables(folder: Path, rules: int | None) -> Iterator[Talkers]:
    """A bridge whose packets go through iptables; None: a bridge alone."""
    with plain(folder) as lab:
        if rules is not None:
            lab.sh("echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables", TENANT)
            lab.world.run("iptables-restore", netns=TENANT, input=iptables_rules(rules))
        yield _in_namespaces(lab.world)


def iptables_rules(count: int) -> str:
    """For iptables-restore."""
    out = f"-m physdev --physdev-is-bridged --physdev-out {BRIDGE_END.format(PORT)}"
    lines = ["*filter", ":FORWARD ACCEPT [0:0]", ":port - [0:0]", f"-A FORWARD {out} -j port"]
    lines.append("-A port -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT")
    lines += [f"-A port -p tcp -m tcp --dport {port} -j ACCEPT" for port in _ports(count)]
    return "\n".join([*lines, "-A port -j DROP", "COMMIT", ""])


@contextmanager
def docker(folder: Path, rules: int | None) -> Iterator[Talkers]:
    """Two containers on Docker's own bridge, which has no groups: what people have who do nothing."""
    if rules is not None:
        raise NotPossible("Docker has no filter for one container's port on its bridge")
    with fresh_world() as world, _dockerd(world, folder) as call:
        image = folder / "image.tar"
        with tarfile.open(image, "w") as archive:
            archive.add("/bin/busybox", "bin/busybox")
        call("import", str(image), "still")
        names = [call("run", "-d", "still", "/bin/busybox", "sleep", "100000") for _ in range(2)]
        pids = [call("inspect", "-f", "{{.State.Pid}}", name) for name in names]
        address = call("inspect", "-f", "{{.NetworkSettings.IPAddress}}", names[0])
        enter = [("nsenter", f"--net=/proc/{pid}/ns/net", "--") for pid in pids]
        yield Talkers(world, enter[0], enter[1], address)
        call("rm", "-f", *names)


@contextmanager
def _dockerd(world: World, folder: Path) -> Iterator[Callable[..., str]]:
    """A daemon on a world's host; what calls it."""
    socket = f"unix://{folder}/docker.sock"
    rooms = ("--data-root", folder / "docker", "--exec-root", folder / "docker-run", "-p", folder / "docker.pid")
    command = ("dockerd", "-H", socket, *rooms, "--storage-driver", "vfs")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    daemon = world.start(*command, **quiet)

    def call(*words: str) -> str:
        return world.run("docker", "-H", socket, *words).stdout.strip()

    try:
        until(lambda: world.run("docker", "-H", socket, "version", check=False).returncode == 0, "Docker", 60)
        yield call
    finally:
        daemon.terminate()
        daemon.wait()


SIDES: dict[str, Side] = {"weft": weft, FOLLOWED: followed, "iptables": iptables, "Docker": docker}
