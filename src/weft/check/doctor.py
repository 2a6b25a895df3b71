"""Says what on a machine stands in weft's way, why, and what would mend it. Pure: it reads Symptoms, nothing else.

Rules: every finding names its remedy as a command or a sentence; what is well is said too, so that silence never has to
be read as health.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from weft.check.symptoms import Symptoms
from weft.facts import FEATURES, ForwardDrop

Level = Literal["error", "warning", "note", "ok"]

FLOOR = (6, 1)
NECESSARY = frozenset({"veth", "bridge"})
FULL = 0.8
"""Share of a limit from which on it is called short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`what` is there, `why` it matters, what would `mend` it ("" where nothing is to be done)."""

    level: Level
    what: str
    why: str = ""
    mend: str = ""


def doctor(symptoms: Symptoms) -> list[Finding]:
    """All findings, the worst first."""
    order = ("error", "warning", "note", "ok")
    return sorted(_findings(symptoms), key=lambda finding: order.index(finding.level))


def _findings(symptoms: Symptoms) -> Iterator[Finding]:
    yield from _rights(symptoms)
    if not symptoms.permitted:
        return  # who may not look has seen nothing
    yield from _journals(symptoms)
    yield from _kernel(symptoms)
    yield from _features(symptoms)
    yield from _forward_drops(symptoms)
    yield from _legacy(symptoms)
    yield from _forwarding(symptoms)
    yield from _reverse_path(symptoms)
    yield from _usage(symptoms)
    yield from _shared(symptoms)


def _rights(symptoms: Symptoms) -> Iterator[Finding]:
    if symptoms.permitted:
        yield Finding(level="ok", what="may change the network (CAP_NET_ADMIN, CAP_SYS_ADMIN)")
    else:
        yield Finding(
            level="error",
            what="may not change the network",
            why="weft needs CAP_NET_ADMIN and CAP_SYS_ADMIN in this namespace, to look as well",
            mend="run weft as root; in a container, start it privileged",
        )


def _journals(symptoms: Symptoms) -> Iterator[Finding]:
    for name, is_committed in symptoms.journals.items():
        way = "on to what was wanted" if is_committed else "back to what was before"
        yield Finding(
            level="error",
            what=f"an apply of {name} was cut short",
            why=f"part of its changes are in the kernel; recovery leads {way}",
            mend="weft recover",
        )


def _kernel(symptoms: Symptoms) -> Iterator[Finding]:
    version = ".".join(map(str, symptoms.release))
    if symptoms.release >= FLOOR:
        yield Finding(level="ok", what=f"kernel {version}")
    else:
        yield Finding(
            level="error",
            what=f"kernel {version}",
            why="weft is tried on 6.1 and later; earlier ones lack protocol numbers of addresses, among others",
            mend="a newer kernel",
        )


def _features(symptoms: Symptoms) -> Iterator[Finding]:
    for name, use in FEATURES.items():
        if name in symptoms.features:
            yield Finding(level="ok", what=f"kernel feature {name}", why=use)
        else:
            yield Finding(
                level="error" if name in NECESSARY else "warning",
                what=f"kernel feature {name} is missing",
                why=f"no {use}",
                mend="load its module or a kernel that has it; what needs it is refused by name until then",
            )
    algorithms = sorted(name.removeprefix("tcp_") for name in symptoms.features if name.startswith("tcp_"))
    yield Finding(level="ok", what=f"TCP congestion control: {', '.join(algorithms) or 'none found'}")


def _forward_drops(symptoms: Symptoms) -> Iterator[Finding]:
    for drop in symptoms.forward_drops:
        chain = f"{drop.family} {drop.table} {drop.chain}"
        if (drop.family, drop.table) in symptoms.accepted:
            yield Finding(
                level="ok", what=f"chain {chain} drops what is forwarded, and weft's accept stands in its user chain"
            )
        else:
            yield Finding(
                level="error" if symptoms.has_transit else "warning",
                what=f"chain {chain} drops what is forwarded{_whose(symptoms)}",
                why="nothing passes between uplinks and the world: an accept elsewhere does not undo a drop",
                mend=_mend(drop),
            )


def _whose(symptoms: Symptoms) -> str:
    return f" ({', '.join(symptoms.firewalls)})" if symptoms.firewalls else ""


def _mend(drop: ForwardDrop) -> str:
    if drop.user_chain is not None:
        return f"`weft apply` with `firewall_integration: auto` puts a marked accept into {' '.join(drop.user_chain)}"
    accepts = (f'{way} "wu*" accept' for way in ("iifname", "oifname"))
    trial = "; ".join(f"nft insert rule {drop.family} {drop.table} {drop.chain} {accept}" for accept in accepts)
    return f"let its owner accept what comes from and goes to wu*; for a trial: {trial}"


def _legacy(symptoms: Symptoms) -> Iterator[Finding]:
    if symptoms.legacy_drop:
        yield Finding(
            level="error" if symptoms.has_transit else "warning",
            what="iptables-legacy has FORWARD at DROP",
            why="its rules are not nftables': weft neither sees nor touches them, and a drop there is final",
            mend="iptables-legacy -I FORWARD -i wu+ -j ACCEPT; iptables-legacy -I FORWARD -o wu+ -j ACCEPT; or "
            "`update-alternatives --set iptables /usr/sbin/iptables-nft` and a restart of what uses it (Docker)",
        )


def _forwarding(symptoms: Symptoms) -> Iterator[Finding]:
    names = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
    for family, is_on in symptoms.forwarding.items():
        if is_on:
            yield Finding(level="ok", what=f"IPv{family} forwarding is on")
        else:
            yield Finding(
                level="error" if symptoms.has_transit and family == 4 else "note",
                what=f"IPv{family} forwarding is off",
                why="the host passes nothing on between its links; weft turns it on for the families of its uplinks",
                mend=f"weft apply, or sysctl -w {names[family]}=1",
            )


def _reverse_path(symptoms: Symptoms) -> Iterator[Finding]:
    if symptoms.strict_links and len(symptoms.egress_links) > 1:
        strict = ", ".join(symptoms.strict_links)
        yield Finding(
            level="warning",
            what=f"strict reverse path filter on {strict}, and default routes by {', '.join(symptoms.egress_links)}",
            why="answers that come in by another link than the one their sender is routed by are dropped",
            mend="; ".join(f"sysctl -w net/ipv4/conf/{link}/rp_filter=2" for link in symptoms.strict_links),
        )


def _usage(symptoms: Symptoms) -> Iterator[Finding]:
    for name, (used, limit) in symptoms.usage.items():
        if used >= FULL * limit:
            yield Finding(
                level="error" if used >= limit else "warning",
                what=f"{name}: {used:,} of {limit:,} in use",
                why="beyond the limit new connections or neighbours are dropped, on all namespaces of the machine",
                mend=f"sysctl -w {name}={2 * limit} in the machine's first namespace",
            )
        else:
            yield Finding(level="ok", what=f"{name}: {used:,} of {limit:,} in use")


def _shared(symptoms: Symptoms) -> Iterator[Finding]:
    if symptoms.netns_shared is False:
        yield Finding(
            level="warning",
            what="/run/netns is a private mount",
            why="namespaces made here are not seen by services and containers in mount namespaces of their own",
            mend="mount --make-shared /run/netns",
        )
