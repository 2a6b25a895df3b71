"""The wire of two machines, with pings that go on while something changes."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.kernel.links.underlay import Wire

_SUMMARY = re.compile(r"(\d+) packets transmitted, (\d+) received")


@dataclass
class Pings:
    """`sent` and `lost`, once they have ended."""

    sent: int = 0
    lost: int = 0


class Lab(Wire):
    """Also applies links of the host, and pings meanwhile."""

    def apply(self, links: dict[str, dict[str, Any]], **more: Any) -> str:
        host = more.pop("host", None)
        if host is None:
            return super().apply(links, **more)
        spaces = {netns: {"links": made} for netns, made in links.items()}
        self.file.write_text(json.dumps({"weft": 1, "name": "lab", "host": host, "namespaces": spaces}))
        return self.again()

    @contextlib.contextmanager
    def pinging(self, netns: str, address: str) -> Iterator[Pings]:
        """Fifty pings a second, from the first that is answered until the end of the block."""
        counted = Pings()
        words = "stdbuf -oL ping -n -i 0.02 -W 1".split()
        asking = self.world.start(*words, address, netns=netns, stdout=subprocess.PIPE)
        assert asking.stdout is not None and asking.stdout.readline().startswith("PING")
        assert "bytes from" in asking.stdout.readline()
        try:
            yield counted
        finally:
            asking.send_signal(signal.SIGINT)
            told, _ = asking.communicate(timeout=10)
        found = _SUMMARY.search(told)
        assert found, told
        counted.sent = int(found[1])
        counted.lost = counted.sent - int(found[2])
