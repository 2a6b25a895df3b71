"""A world in which traces are asked, as the command line gives them to programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.world import World

OUTSIDE = """
set -e
sysctl -q -w net.ipv6.conf.default.addr_gen_mode=1
ip netns add out
ip link add up0 type veth peer name up1 netns out
ip addr add 192.0.2.1/24 dev up0; ip link set up0 up
ip -n out addr add 192.0.2.254/24 dev up1; ip -n out link set up1 up
ip -n out addr add 198.51.100.1/32 dev up1; ip -n out route add 10.0.0.0/8 via 192.0.2.1
ip route add default via 192.0.2.254
"""
"""A host with a way out, and a stranger at its end."""
BRIDGE, ROUTER = "weft.lab.shop", "weft.lab.shop.front"


@dataclass
class Lab:
    """A world with a file applied."""

    world: World
    file: Path

    def put(self, text: str) -> None:
        self.file.write_text(text)
        self.mend()

    def mend(self) -> None:
        self.world.run("weft", "apply", "-y", "-f", self.file)

    def trace(self, *words: str, code: int = 0) -> dict[str, Any]:
        done = self.world.run("weft", "trace", "-f", self.file, "-o", "json", *words, check=False)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout[-6000:]}{done.stderr}"
        return dict(json.loads(done.stdout))

    def live(self, *words: str, code: int = 0) -> dict[str, Any]:
        found = self.trace(*words, "--live", code=code)
        assert found["live"] is not None
        return found


def hops(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [*found["question"]["hops"], *(found["answer"]["hops"] if found["answer"] else [])]
