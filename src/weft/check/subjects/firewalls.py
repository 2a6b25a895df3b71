"""Chains of others that drop what weft forwards: an accept elsewhere does not undo a drop.

Rules: whoever owns a chain knows best how to open it, so every owner is a module with an `Owner`, and its line here.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.check.finding import Finding, ok
from weft.check.ruleset import WAYS
from weft.check.subjects import docker, firewalld, ufw
from weft.check.subjects.owner import Owner
from weft.check.symptoms import Symptoms

OWNERS: tuple[Owner, ...] = (docker.OWNER, firewalld.OWNER, ufw.OWNER)


def find(symptoms: Symptoms) -> Iterator[Finding]:
    for chain in symptoms.passes:
        yield ok(f"chain {chain} lets weft's uplinks through")
    for block in symptoms.blocked:
        owner = next((owner for owner in OWNERS if owner.owns(block, symptoms.chains)), None)
        yield Finding(
            level="error" if symptoms.has_transit else "warning",
            what=f"chain {block} drops what is forwarded{f' ({owner.name})' if owner else ''}",
            why="nothing passes between uplinks and the world: an accept elsewhere does not undo a drop",
            mend=owner.mend if owner else "let its owner accept what comes from and goes to wu*; for a trial",
            command=owner.command(block) if owner else _trial(block.family, block.table, block.chain),
        )
    if symptoms.legacy_drop:
        yield Finding(
            level="error" if symptoms.has_transit else "warning",
            what="iptables-legacy has FORWARD at DROP",
            why="its rules are not nftables': weft neither sees nor touches them, and a drop there is final",
            mend="`update-alternatives --set iptables /usr/sbin/iptables-nft`, and restart what uses it (Docker); or",
            command="iptables-legacy -I FORWARD -i wu+ -j ACCEPT; iptables-legacy -I FORWARD -o wu+ -j ACCEPT",
        )


def _trial(family: str, table: str, chain: str) -> str:
    return "; ".join(f"nft 'insert rule {family} {table} {chain} {way} \"wu*\" accept'" for way in WAYS)
