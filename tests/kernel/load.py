"""Traffic beyond what a link carries, and what the kernel counted of it, as tc tells."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.patience import until
from tests.world import World

TARGET = "192.0.2.254"
FIRST_PORT = 5201


@contextlib.contextmanager
def flows(
    world: World,
    senders: Mapping[str, int],
    *options: str,
    first_port: int = FIRST_PORT,
    outside: tuple[str, str] = ("outside", TARGET),
) -> Iterator[None]:
    """TCP between `outside` (a namespace and its address) and the named namespaces, each with so many flows, for as
    long as the block lasts. `options` of iperf3's client: "--reverse" for what comes in."""
    started: list[subprocess.Popen[str]] = []
    try:
        for at, (netns, parallel) in enumerate(senders.items(), first_port):
            started.append(server(world, at, outside[0]))
            client = ("iperf3", "--client", outside[1], "--port", str(at), "--parallel", str(parallel), "--time", "120")
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            started.append(world.start(*client, *options, netns=netns, **quiet))
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def server(world: World, port: int, netns: str = "outside") -> subprocess.Popen[str]:
    """An iperf3 that listens."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    served = world.start("iperf3", "--server", "--port", str(port), netns=netns, **quiet)
    until(lambda: f":{port} " in world.run("ss", "-Htln", netns=netns).stdout, f"a server at port {port}")
    return served


def is_guest() -> bool:
    """Whether this kernel is user-mode Linux."""
    return "User Mode Linux" in Path("/proc/cpuinfo").read_text()


_CLASS = re.compile(r"class htb (?P<classid>\S+) .*?rate (?P<rate>\S+) ceil.*\n Sent (?P<bytes>\d+) bytes")


def classes(world: World, dev: str) -> dict[str, tuple[str, int]]:
    """The HTB classes of a link by their rates, which are all different here, as tc writes them ("4Mbit"): number and
    bytes sent. tc has no JSON of classes."""
    shown = world.run("tc", "-s", "class", "show", "dev", dev).stdout
    return {found["rate"]: (found["classid"], int(found["bytes"])) for found in _CLASS.finditer(shown)}


def rates_bps(world: World, dev: str, over_s: float = 3) -> dict[str, float]:
    """What each class sends, by its own rate."""
    before, began = classes(world, dev), time.monotonic()
    time.sleep(over_s)
    after, took_s = classes(world, dev), time.monotonic() - began
    return {rate: (sent - before[rate][1]) * 8 / took_s for rate, (_, sent) in after.items() if rate in before}


def ifb_of(world: World) -> str:
    """The link that what comes in passes through."""
    return next(link["ifname"] for link in world.json("ip", "-j", "link") if link["ifname"].startswith("wi"))
