"""Chains of others that drop what weft forwards, or what comes to its tunnels. An accept elsewhere undoes no drop.

Rules: whoever owns a chain knows best how to open it, so every owner is a module with an `Owner`, and its line here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weft.check.block import Block
from weft.check.finding import Finding, ok
from weft.check.subjects import docker, firewalld, legacy, ufw
from weft.check.subjects.owner import Owner
from weft.check.symptoms import Symptoms, Tunnel
from weft.reach.foreign.transit import Way

OWNERS: tuple[Owner, ...] = (legacy.OWNER, docker.OWNER, firewalld.OWNER, ufw.OWNER)
_WORDS = ("iifname", "oifname")
_FINAL = "an accept elsewhere does not undo a drop"


def find(symptoms: Symptoms) -> Iterator[Finding]:
    for chain in symptoms.passes:
        yield ok(f"chain {chain} lets weft's uplinks through")
    for block in symptoms.blocked:
        owner = _owner(block, symptoms, OWNERS)
        what, why = _told(block)
        yield Finding(
            level="error" if symptoms.has_transit and Way.OUT in block.ways else "warning",
            what=f"chain {block} drops {what}{f' ({owner.name})' if owner else ''}",
            why=f"{why}: {_FINAL}",
            mend=owner.mend if owner else "let its owner accept what comes from and goes to wu*; for a trial",
            command=owner.command(block) if owner else _trial(block),
        )
    for block, tunnel in symptoms.shut:
        yield _closed(block, tunnel, _owner(block, symptoms, [owner for owner in OWNERS if owner.admit]))


def _owner(block: Block, symptoms: Symptoms, owners: Sequence[Owner]) -> Owner | None:
    """Of several in one table the first: Docker's chain is asked before ufw's."""
    return next((owner for owner in owners if owner.owns(block, symptoms.chains)), None)


def _closed(block: Block, tunnel: Tunnel, owner: Owner | None) -> Finding:
    """Frames from other machines do not come in."""
    whose = " and ".join(tunnel.remotes) or "other machines"
    trial = f"nft 'insert rule {block} udp dport {tunnel.port} accept'"
    return Finding(
        level="error",
        what=f"chain {block} drops what {whose} send{'s' if len(tunnel.remotes) == 1 else ''} to udp/{tunnel.port}"
        f"{f' ({owner.name})' if owner else ''}",
        why="frames of the other machine's end do not come in, though those from here may get there",
        mend="let its owner accept that" if owner else "let its owner accept that; for a trial",
        command=owner.admit(block, tunnel) if owner and owner.admit else trial,
        where=(tunnel.where,),
    )


def _told(block: Block) -> tuple[str, str]:
    """What it drops, and what follows from that."""
    if Way.OUT in block.ways:
        return "what is forwarded", "nothing passes between uplinks and the world"
    return "what comes from outside", "answers pass, but nobody reaches floating IPs, forwardings and routed networks"


def _trial(block: Block) -> str:
    return "; ".join(f"nft 'insert rule {block} {word} \"wu*\" accept'" for word in _WORDS)
