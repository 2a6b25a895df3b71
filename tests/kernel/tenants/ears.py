"""Listeners that take in every frame of a namespace, and what they have heard: tcpdump, promiscuous on each link."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kernel.groups import frames as f
from tests.kernel.groups.lab import HERE, Lab
from tests.kernel.groups.wire import WORD
from tests.patience import until

_LISTENING = re.compile(r"listening on")


class Ear:
    """One namespace's. `dump`: the frames as they came, with tcpdump's own headers."""

    def __init__(self, lab: Lab, netns: str, dump: Path, ifname: str = "any") -> None:
        self.netns, self._dump = netns, dump
        links = [link["ifname"] for link in lab.world.json("ip", "-j", "link", netns=netns)]
        lab.world.run("ip", "-b", "-", netns=netns, input="".join(f"link set {link} promisc on\n" for link in links))
        words = ("tcpdump", "-Z", "root", "-n", "--immediate-mode", "-U", "-i", ifname, "-w", str(dump))
        self._running = lab.world.start(*words, netns=netns, stderr=subprocess.PIPE)
        assert self._running.stderr is not None
        assert any(_LISTENING.search(line) for line in self._running.stderr)

    @property
    def bytes(self) -> bytes:
        return self._dump.read_bytes()

    def frames(self) -> Iterator[bytes]:
        """Each as it was on the wire, where the ear is at one link. Source: pcap-savefile(5)."""
        data, at = self.bytes, 24
        while at + 16 <= len(data):
            length = int.from_bytes(data[at + 8 : at + 12], sys.byteorder)
            yield data[at + 16 : at + 16 + length]
            at += 16 + length

    def words(self) -> set[str]:
        return {word.decode() for word in WORD.findall(self.bytes)}

    def wait_for(self, word: str) -> None:
        until(lambda: word in self.words(), f"{self.netns} hears {word}")

    def close(self) -> None:
        self._running.kill()
        self._running.communicate()


@contextmanager
def ears(lab: Lab, folder: Path, *spaces: str, **at: str) -> Iterator[dict[str, Ear]]:
    """One in each of the namespaces. `at`: namespaces with the one link of theirs that counts."""
    links = {**dict.fromkeys(spaces, "any"), **at}
    found = {netns: Ear(lab, netns, folder / f"{netns}.pcap", ifname) for netns, ifname in links.items()}
    try:
        yield found
    finally:
        for ear in found.values():
            ear.close()


def send(lab: Lab, netns: str, frames: Iterable[bytes], ifname: str = "") -> None:
    """From a namespace's link, by default the one of its name."""
    said = [frame.hex() for frame in frames]
    for at in range(0, len(said), 400):
        lab.world.run(sys.executable, HERE / "wire.py", "send", ifname or netns, *said[at : at + 400], netns=netns)


def say(lab: Lab, netns: str, mac: str, address: str, word: str) -> None:
    """A word to all on the network."""
    send(lab, netns, [f.ipv4(mac, address, "255.255.255.255", f.udp(9, 9, word))])
