"""Firewall marks that other programs set, and that a class would take for its own.

Source: kubernetes.io/docs/reference (kube-proxy, kubelet: 0x4000 masquerade, 0x8000 drop); tailscale
util/linuxfw (0xff0000); wg-quick(8) (the table's number, 51820); moby libnetwork/drivers/overlay/encryption.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.lint.qos.packets import bits
from weft.lint.qos.stated import directions
from weft.model.intent import Intent
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """`bits`: those it sets beside others'; else `mark`: it sets the whole of it. `links`: how its links' names begin,
    where it is at work."""

    name: str
    links: tuple[str, ...]
    bits: int = 0
    mark: int = 0


OWNERS = (
    Owner(name="Kubernetes", bits=0xC000, links=("cni", "kube-", "flannel", "cali")),
    Owner(name="Tailscale", bits=0xFF0000, links=("tailscale",)),
    Owner(name="wg-quick", mark=0xCA6C, links=("wg",)),
    Owner(name="Docker (encrypted overlays)", mark=0xD0C4E3, links=("docker",)),
)


def foreign_marks(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """One of them for each match: another mark is the remedy, whoever else may set it."""
    for stated in directions(intent):
        for path, _, held in stated.classes():
            marked = ((at, bits(match.mark)) for at, match in enumerate(held.match) if match.mark)
            for at, (mark, mask) in marked:
                told = next(filter(None, (_clash(owner, mark, mask, facts) for owner in OWNERS)), None)
                if told:
                    where = (*path, "match", str(at), "mark")
                    yield Finding(path=where, what=told[0], fix=told[1], severity="warning")


def _clash(owner: Owner, mark: int, mask: int, facts: Facts) -> tuple[str, str] | None:
    if owner.mark:
        if owner.mark & mask != mark:
            return None
        return f"{owner.name} marks its packets {owner.mark:#x}, which this matches", "another mark, or a wider mask"
    if mark & owner.bits:
        return f"{mark:#x} has bits that {owner.name} sets ({owner.bits:#x})", "a mark below 0x100, such as 0x10/0xff"
    is_here = any(name.startswith(owner.links) for name in facts.links)
    if mask & owner.bits and is_here:
        what = f"{owner.name} is here and sets {owner.bits:#x} in marks: what it has touched is not {mark:#x} any more"
        return what, f"say which bits are yours: {mark:#x}/{mask & ~owner.bits & 0xFF:#x}"
    return None
