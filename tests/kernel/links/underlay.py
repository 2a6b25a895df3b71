"""What the tests of tunnels share: two machines played by two namespaces, a wire between them, and weft's command.

`one` and `two` are somebody else's namespaces with eth0 in each: 192.0.2.1 and .2, 2001:db8::1 and ::2, MTU 1600.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.world import World

WIRE = """
set -e
ip netns add one; ip netns add two
ip link add eth0 mtu 1600 netns one type veth peer name eth0 mtu 1600 netns two
for side in one:1 two:2; do
  netns=${side%:*} number=${side#*:}
  ip -n $netns addr add 192.0.2.$number/24 dev eth0
  ip -n $netns addr add 2001:db8::$number/64 dev eth0 nodad
  ip -n $netns link set eth0 up
  ip -n $netns link set lo up
done
"""


class Wire:
    """The world with the wire, and files applied in it."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.file = world, folder / "weft.yaml"
        world.run("sh", "-c", WIRE)

    def apply(self, links: dict[str, dict[str, Any]], **more: Any) -> str:
        """Apply links by namespace; what the command says. `more`: routes and the like, by namespace."""
        spaces = {netns: {"links": made, **more.get(netns, {})} for netns, made in links.items()}
        self.file.write_text(json.dumps({"weft": 1, "name": "lab", "namespaces": spaces}))
        return self.again()

    def again(self) -> str:
        """Apply the file as it is."""
        said = self.weft("apply", "-y", "-f", self.file)
        assert self.status() == (0, []), self.weft("status", "-f", self.file)
        return said

    def destroy(self) -> str:
        return self.weft("destroy", "-y", "lab")

    def weft(self, *words: str | Path) -> str:
        """What a command says that goes well."""
        return self.world.run("weft", *words).stdout

    def status(self) -> tuple[int, list[str]]:
        """The status of `weft status`, and the names of the objects that it finds different."""
        ran = self.world.run("weft", "status", "-f", self.file, "-o", "json", check=False)
        return ran.returncode, [found["name"] for found in json.loads(ran.stdout)["differences"]]

    def link(self, netns: str, ifname: str) -> dict[str, Any]:
        found = self.world.json("ip", "-j", "-d", "link", netns=netns)
        return next((link for link in found if link["ifname"] == ifname), {})

    def fdb(self, netns: str, ifname: str) -> set[tuple[str, str]]:
        """(MAC, destination or "master") of the lasting entries of a link, as bridge(8) has them."""
        found = self.world.json("bridge", "-j", "fdb", "show", "dev", ifname, netns=netns)
        return {
            (entry["mac"], entry.get("dst") or "master")
            for entry in found
            if entry["state"] in ("permanent", "static") and ("dst" in entry or "master" in entry)
        }

    def carries(self, netns: str, address: str, payload_bytes: int) -> bool:
        """Whether a ping of so many bytes gets through in one piece."""
        asked = ("ping", "-n", "-q", "-c", "1", "-W", "2", "-M", "do", "-s", str(payload_bytes), address)
        return self.world.run(*asked, netns=netns, check=False).returncode == 0
