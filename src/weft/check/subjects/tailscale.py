"""Tailscale drops addresses of its own range that come in by other links, and keeps bits of the mark to itself. Its
routes are the subject of `policy`. Source: tailscale.com/kb/1105, wgengine/router/router_linux.go."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from weft.check.finding import Finding, ok
from weft.check.symptoms import Symptoms
from weft.state import PROTOCOL

CGNAT = ip_network("100.64.0.0/10")
MARKS = 0xFF0000


def find(symptoms: Symptoms) -> Iterator[Finding]:
    if "tailscale0" not in symptoms.links and not any(chain.startswith("ts-") for *_, chain in symptoms.chains):
        return
    found = [*_addresses(symptoms), *_marks(symptoms)]
    yield from found or [ok("Tailscale is here, and meets nothing of weft's")]


def _addresses(symptoms: Symptoms) -> Iterator[Finding]:
    for where, cidr in symptoms.subnets.items():
        prefix = ip_network(cidr)
        if prefix.version == 4 and prefix.overlaps(CGNAT):
            yield Finding(
                level="error",
                what=f"{cidr} is in Tailscale's range {CGNAT}",
                why="Tailscale drops packets from there that do not come in by its own link",
                mend="another prefix, such as one of 10.0.0.0/8",
                where=(where,),
            )


def _marks(symptoms: Symptoms) -> Iterator[Finding]:
    for rule in symptoms.rules:
        if rule.protocol == PROTOCOL and rule.fwmark & MARKS:
            yield Finding(
                level="warning",
                what=f"rule {rule.priority} looks for the mark {rule.fwmark:#x}, of bits that Tailscale sets",
                why=f"Tailscale has the bits {MARKS:#x} of every packet's mark to itself",
                mend="a mark below 0x10000, in the file",
            )
