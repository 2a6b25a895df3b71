"""Docker sets FORWARD to DROP, and leaves DOCKER-USER to others. Source: docs.docker.com "Packet filtering and
firewalls"."""

from __future__ import annotations

from weft.check.block import Block
from weft.check.subjects.owner import Owner, has_chain, iptables


def _command(block: Block) -> str:
    chain = block.user_chain[2] if block.user_chain else block.chain
    return "; ".join(f"{iptables(block)} -I {chain} {way} wu+ -j ACCEPT" for way in ("-i", "-o"))


OWNER = Owner(
    name="Docker",
    owns=lambda block, chains: has_chain(block, chains, "DOCKER"),
    mend="`weft apply` with `firewall_integration: auto` puts a marked accept into DOCKER-USER; by hand",
    command=_command,
)
