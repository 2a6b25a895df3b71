"""The stage: a host with an uplink, the internet behind it, and a guest on a tap.

Rules: the internet has addresses kept for documentation (RFC 5737, RFC 3849). It knows the host, and by a route of its
own what the host routes; it has no route to what stands behind NAT, so an answer to that proves translation.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from demo.narrator import Narrator
from tests.dump import Dump, differences
from tests.world import World

HERE = Path(__file__).parent
SERVER = ("198.51.100.7", "2001:db8:7::7")
"""Somewhere on the internet."""

_IN_ITS_OWN_TIME = re.compile(r"'(local|dst)': '(fe80::(?![12]')|ff00::)")
"""Link-local addresses that the kernel gives to each link, some seconds after it came up (not weft's ::1 and ::2)."""

_HOST = """
ip link add isp0 type veth peer name host0 netns {internet}
ip link set isp0 addrgenmode none up
ip address add 203.0.113.2/24 dev isp0
ip address add 2001:db8:113::2/64 dev isp0 nodad
ip route add default via 203.0.113.1
ip -6 route add default via 2001:db8:113::1
"""
_INTERNET = """
ip link set host0 addrgenmode none up
ip address add 203.0.113.1/24 dev host0
ip address add 2001:db8:113::1/64 dev host0 nodad
ip address add 198.51.100.7/32 dev lo
ip address add 2001:db8:7::7/128 dev lo nodad
ip route add 172.30.0.0/24 via 203.0.113.2
ip -6 route add fd30::/64 via 2001:db8:113::2
"""


@dataclass
class Stage:
    """A context manager. `host` and `internet` are worlds of their own; `directory` is where the user sits."""

    narrator: Narrator
    host: World = field(init=False)
    internet: World = field(init=False)
    directory: Path = field(init=False)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Stage:
        self.host = self._open.enter_context(World())
        self.internet = self._open.enter_context(World())
        self.directory = Path(self._open.enter_context(TemporaryDirectory(prefix="weft-demo-")))
        self.host.run("sh", "-e", input=_HOST.format(internet=self.internet.pid))
        self.internet.run("sh", "-e", input=_INTERNET)
        (self.directory / "weft.yaml").write_text((HERE / "lab.yaml").read_text())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def weft(self, *words: str, expect: int = 0, most: int = 12) -> str:
        """Run weft as its user does, and show it; any other exit code than the expected is a failed claim."""
        done = self.host.run("weft", *words, check=False, cwd=self.directory)
        self.narrator.shown(" ".join(("weft", *words)), done.stdout + done.stderr, most)
        if done.returncode != expect:
            self.narrator.claim(f"weft {words[0]} ends with {expect}, not with {done.returncode}", False)
        return done.stdout

    def edit(self, old: str, new: str) -> None:
        """Change the user's file."""
        file = self.directory / "weft.yaml"
        text = file.read_text()
        assert old in text, old
        file.write_text(text.replace(old, new, 1))
        self.narrator.say(f"weft.yaml: {old}  ->  {new}")

    def reaches(self, told: str, netns: str, addresses: Sequence[str]) -> None:
        """Claim that every address answers pings from a namespace of the host."""
        for address in addresses:
            self.narrator.claim(f"{told}: {address}", self.host.ping(address, netns=netns))

    def unchanged(self, told: str, before: Dump) -> None:
        """Claim that `ip -j`, `nft -j`, `tc -j` and sysctl say of the host and its namespaces what they said before."""
        found = [line for line in differences(before, self.host.dump()) if not _IN_ITS_OWN_TIME.search(line)]
        self.narrator.claim(told, not found)
        for line in found[:5]:
            self.narrator.say(line)

    def start_guest(self) -> subprocess.Popen[str]:
        """A process that opens the tap as a virtual machine would, and answers as one; it has opened it on return."""
        guest = self.host.start(sys.executable, HERE / "guest.py", "vm0", stdout=subprocess.PIPE)
        assert guest.stdout is not None
        self.narrator.say(f"process {guest.pid}: {guest.stdout.readline().strip()}")
        return guest


@dataclass
class Pinging:
    """A ping that runs while something else happens: `count` questions, `interval_s` apart."""

    told: str
    running: subprocess.Popen[str]

    @classmethod
    def start(cls, told: str, world: World, address: str, netns: str | None = None) -> Pinging:
        command = ("ping", "-n", "-q", "-i", "0.01", "-c", "200", "-W", "1", address)
        return cls(told, world.start(*command, netns=netns, stdout=subprocess.PIPE))

    def lost(self) -> tuple[int, int]:
        """(sent, lost), at its end."""
        said, _ = self.running.communicate(timeout=30)
        found = re.search(r"(\d+) packets transmitted, (\d+) received", said)
        assert found is not None, said
        sent, received = map(int, found.groups())
        return sent, sent - received
