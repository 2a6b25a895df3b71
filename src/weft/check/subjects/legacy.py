"""Rules of iptables' old kind, whoever made them. Source: iptables(8), update-alternatives(1)."""

from __future__ import annotations

from weft.check.subjects.owner import Owner
from weft.reach.foreign.rules import LEGACY

OWNER = Owner(
    name="rules of the old kind",
    owns=lambda block, chains: block.family in LEGACY.values(),
    mend="`update-alternatives --set iptables /usr/sbin/iptables-nft`, and restart what uses it (Docker); or",
    command=lambda block: "; ".join(f"{block.family} -I FORWARD {way} wu+ -j ACCEPT" for way in ("-i", "-o")),
    admit=lambda block, tunnel: f"{block.family} -I INPUT -p udp --dport {tunnel.port} -j ACCEPT",
)
