"""Ports with policies and what witnesses of them: tc's counters, iperf3, ping, nft."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.patience import until
from tests.world import World

TENANT = "weft.lab.t"

_CLASS = re.compile(
    r"^class htb (?P<classid>\S+) .*?rate (?P<rate>\S+) ceil (?P<ceil>\S+).*\n"
    r" Sent (?P<sent>\d+) bytes (?P<packets>\d+) pkt \(dropped (?P<dropped>\d+)",
    re.M,
)


@dataclass(frozen=True)
class Class:
    """Rates as tc writes them, the rest numbers as it counts them."""

    classid: str
    rate: str
    ceil: str
    sent: str
    packets: str
    dropped: str


class Lab:
    """A tenant `t` with a network `n` of both families and ports `a`, `b` and `c`, each in a namespace of its name, at
    10.0.0.1, 10.0.0.2 and 10.0.0.3."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.file = world, folder / "weft.yaml"

    def apply(self, ports: dict[str, Any] | None = None, networks: dict[str, Any] | None = None, **more: Any) -> str:
        """`ports`: what the three have beside their place, and others whole; `networks`: others. Applied twice: the
        second time changes nothing."""
        held = dict(ports or {})
        for at, name in enumerate("abc", 1):
            place = {"network": "n", "attach": {"netns": name}, "addresses": [f"10.0.0.{at}", f"fd10::{at}"]}
            held[name] = place | held.get(name, {})
        whole_networks = {"n": {"subnets": ["10.0.0.0/24", "fd10::/64"]}} | (networks or {})
        tenants = {"t": {"networks": whole_networks, "ports": held}}
        self.file.write_text(json.dumps({"weft": 1, "name": "lab", "tenants": tenants, **more}))
        said = self.world.run("weft", "apply", "-y", "-f", self.file).stdout
        assert "is as the file says" in self.world.run("weft", "apply", "-y", "-f", self.file).stdout
        return said

    def ifname(self, altname: str, netns: str = TENANT) -> str:
        """The link of that further name: a port's end on the bridge, or `qos-PORT`, its ifb."""
        links = self.world.json("ip", "-j", "link", netns=netns)
        return str(next(link["ifname"] for link in links if altname in link.get("altnames", ())))

    def classes(self, ifname: str, netns: str | None = TENANT) -> dict[str, Class]:
        """HTB's classes as tc tells them, by the minor."""
        told = self.world.run("tc", "-s", "class", "show", "dev", ifname, netns=netns).stdout
        found = (Class(**one.groupdict()) for one in _CLASS.finditer(told))
        return {one.classid.split(":")[1]: one for one in found}

    def sent_bytes(self, ifname: str, minor: str = "1", netns: str | None = TENANT) -> int:
        return int(self.classes(ifname, netns)[minor].sent)

    @contextmanager
    def card(self, ifname: str, cidr: str) -> Iterator[None]:
        """A link of the host that is not weft's, and is up; its other end, `far`, in a namespace `outside`, has that
        address. At its end nothing of all that is left, nor of what was applied."""
        self.world.run("ip", "netns", "add", "outside")
        try:
            self.world.run("ip", "link", "add", ifname, "type", "veth", "peer", "name", "far", "netns", "outside")
            self.world.run("ip", "link", "set", ifname, "up")
            self.world.run("ip", "addr", "add", cidr, "dev", "far", netns="outside")
            self.world.run("ip", "link", "set", "far", "up", netns="outside")
            yield
        finally:
            try:
                self.destroy()
            finally:
                self.world.run("ip", "link", "del", ifname, check=False)  # at once; a namespace takes its own later
                self.world.run("ip", "netns", "del", "outside")

    def destroy(self) -> None:
        """Also where nothing was applied."""
        if self.file.exists():
            self.world.run("weft", "destroy", "-y", "lab")
            self.file.unlink()

    @contextmanager
    def server(self, netns: str | None, *arguments: str) -> Iterator[None]:
        """An iperf3 that answers there."""
        started = self.world.start("iperf3", "-s", *arguments, netns=netns, stdout=-3)
        try:
            until(lambda: ":5201 " in self.world.run("ss", "-Hltn", netns=netns).stdout, "iperf3 listens")
            yield
        finally:
            started.kill()
            started.wait()

    def rate_bps(self, client: str | None, server: str, ifname: str, *arguments: str, **where: Any) -> float:
        """What a class sent each second of a TCP stream, after its first."""
        stream = self.world.start("iperf3", "-c", server, "-t", "5", *arguments, netns=client, stdout=-3, stderr=-3)
        try:
            time.sleep(1.2)
            before, began = self.sent_bytes(ifname, **where), time.monotonic()
            time.sleep(3)
            after, ended = self.sent_bytes(ifname, **where), time.monotonic()
        finally:
            stream.kill()
            stream.wait()
        return (after - before) * 8 / (ended - began)

    def keeps(
        self, wanted_bps: float, client: str | None, server: str, ifname: str, *arguments: str, **where: Any
    ) -> None:
        """A stream gets what it may have, within 4 %, and no more. A machine that is busy with others may fall short,
        so it is asked thrice.

        Raises: AssertionError with what it got.
        """
        got = []
        for _ in range(3):
            got.append(self.rate_bps(client, server, ifname, *arguments, **where))
            assert got[-1] < wanted_bps * 1.04, f"{got[-1] / 1e6:.2f} mbit/s of {wanted_bps / 1e6:.2f}"
            if got[-1] > wanted_bps * 0.96:
                return
        raise AssertionError(f"{[round(one / 1e6, 2) for one in got]} mbit/s of {wanted_bps / 1e6:.2f}")

    def gets(self, least_bps: float, client: str, server: str, ifname: str, **where: Any) -> None:
        """A stream gets that much at least; asked thrice, as in `keeps`. Raises: AssertionError with what it got."""
        got: list[float] = []
        while not got or (got[-1] < least_bps and len(got) < 3):
            got.append(self.rate_bps(client, server, ifname, **where))
        assert got[-1] >= least_bps, f"{[round(one / 1e6, 2) for one in got]} mbit/s of {least_bps / 1e6:.2f}"
