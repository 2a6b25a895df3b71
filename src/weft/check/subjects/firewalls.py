"""Chains of others that drop what weft forwards: an accept elsewhere does not undo a drop.

Rules: whoever owns a chain knows best how to open it, so every owner is a module with an `Owner`, and its line here.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.check.block import Block
from weft.check.finding import Finding, ok
from weft.check.subjects import docker, firewalld, legacy, ufw
from weft.check.subjects.owner import Owner
from weft.check.symptoms import Symptoms
from weft.reach.foreign.transit import Way

OWNERS: tuple[Owner, ...] = (legacy.OWNER, docker.OWNER, firewalld.OWNER, ufw.OWNER)
_WORDS = ("iifname", "oifname")
_FINAL = "an accept elsewhere does not undo a drop"


def find(symptoms: Symptoms) -> Iterator[Finding]:
    for chain in symptoms.passes:
        yield ok(f"chain {chain} lets weft's uplinks through")
    for block in symptoms.blocked:
        owner = next((owner for owner in OWNERS if owner.owns(block, symptoms.chains)), None)
        what, why = _told(block)
        yield Finding(
            level="error" if symptoms.has_transit and Way.OUT in block.ways else "warning",
            what=f"chain {block} drops {what}{f' ({owner.name})' if owner else ''}",
            why=f"{why}: {_FINAL}",
            mend=owner.mend if owner else "let its owner accept what comes from and goes to wu*; for a trial",
            command=owner.command(block) if owner else _trial(block),
        )


def _told(block: Block) -> tuple[str, str]:
    """What it drops, and what follows from that."""
    if Way.OUT in block.ways:
        return "what is forwarded", "nothing passes between uplinks and the world"
    return "what comes from outside", "answers pass, but nobody reaches floating IPs, forwardings and routed networks"


def _trial(block: Block) -> str:
    return "; ".join(f"nft 'insert rule {block} {word} \"wu*\" accept'" for word in _WORDS)
