"""The topology by pyroute2, as its users write it: one call for each object, nft by nft(8).

`python -m bench.peers.pyroute2_apply STEPS.json` does what `bench.reference` wrote, call by call.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute, NetNS, netns

from bench.reference import enter


def words(line: str) -> tuple[list[str], dict[str, str]]:
    """('link add NAME', {...}) of one of the reference's lines: the verbs and name, then pairs; flags map to ''."""
    head, rest = line.split()[:3], line.split()[3:]
    flags = {"up", "nodad"}
    pairs: dict[str, str] = {}
    while rest:
        word = rest.pop(0)
        pairs[word] = "" if word in flags else rest.pop(0)
    return head, pairs


class Host:
    """Runs the reference's lines in one namespace."""

    def __init__(self, ip: Any) -> None:
        self.ip = ip
        self.index: dict[str, int] = {}

    def index_of(self, ifname: str) -> int:
        if ifname not in self.index:
            self.index[ifname] = self.ip.link_lookup(ifname=ifname)[0]
        return self.index[ifname]

    def do(self, line: str) -> None:
        if line.startswith("link property"):
            *_, ifname, _, altname = line.split()
            self.ip.link("property_add", index=self.index_of(ifname), altname=altname)
        elif line.startswith("link add"):
            self.add_link(line)
        elif line.startswith("link set"):
            self.set_link(line)
        elif line.startswith("addr add"):
            self.add_address(line)
        else:
            self.add_route(line)

    def add_link(self, line: str) -> None:
        own, _, peer = line.partition(" peer name ")
        (_, _, ifname), given = words(own)
        request: dict[str, Any] = {"ifname": ifname, "kind": given["type"], "address": given["address"], "mtu": 1500}
        if "up" in given:
            request["state"] = "up"
        if "master" in given:
            request["master"] = self.index_of(given["master"])
        if peer:
            name, _, address, _, mtu, _, there = peer.split()
            request["peer"] = {"ifname": name, "address": address, "mtu": int(mtu), "net_ns_fd": there}
        else:
            request |= {"br_stp_state": 0, "br_forward_delay": 0}
        self.ip.link("add", **request)

    def set_link(self, line: str) -> None:
        (_, _, ifname), given = words(line)
        request: dict[str, Any] = {"index": self.index_of(ifname), "ifalias": given["alias"]}
        if "up" in given:
            request["state"] = "up"
        if "master" in given:
            request["master"] = self.index_of(given["master"])
        self.ip.link("set", **request)

    def add_address(self, line: str) -> None:
        (_, _, cidr), given = words(line)
        address, _, length = cidr.partition("/")
        flags = {"flags": 2} if "nodad" in given else {}  # IFA_F_NODAD
        self.ip.addr("add", index=self.index_of(given["dev"]), address=address, prefixlen=int(length), **flags)

    def add_route(self, line: str) -> None:
        _, _, destination, _, *via = line.split()
        gateway = {"family": 10, "addr": via[1]} if via[0] == "inet6" else via[0]
        ifname = via[via.index("dev") + 1]
        field = "via" if isinstance(gateway, dict) else "gateway"
        self.ip.route("add", dst=destination, oif=self.index_of(ifname), proto=119, **{field: gateway})


def main(path: Path) -> None:
    steps = json.loads(path.read_text())
    for name in steps["netns"]:
        netns.create(name)
    for where, settings in steps["settings"].items():
        writes = "; ".join(f"echo {value} >/proc/sys/{name}" for name, value in settings.items())
        subprocess.run([*enter(where).split(), "sh", "-c", writes], check=True)
    with ExitStack() as stack:
        for where, lines in steps["ip"].items():
            host = Host(stack.enter_context(NetNS(where) if where else IPRoute()))
            for line in lines:
                host.do(line)
    for where, rules in steps["nft"].items():
        subprocess.run([*enter(where).split(), "nft", "-f", "-"], input="\n".join(rules), text=True, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
