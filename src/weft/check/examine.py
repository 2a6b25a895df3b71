"""Looks at the machine for the doctor.

Rules: only reads. Source: proc(5), capabilities(7), mount_namespaces(7) (mountinfo), ip-sysctl.rst.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Protocol

from weft.backends.nft_dump import Chain
from weft.backends.settings import read_setting
from weft.check.symptoms import Symptoms
from weft.check.usage import usage
from weft.kinds.link.common import Link
from weft.kinds.nft.foreign_rule import NftForeignRule
from weft.netlink.namespaces import RUN_NETNS
from weft.probe import firewall, kernel, links
from weft.state import HOST, Mark, State
from weft.store.journal import Phase, waiting

CAP_NET_ADMIN, CAP_SYS_ADMIN = 12, 21
TRANSIT_PREFIX = "wu"
FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}
RP_FILTER = "net/ipv4/conf/{}/rp_filter"


class _Chains(Protocol):
    def chains(self, netns: str) -> list[Chain]: ...


def is_permitted() -> bool:
    """Whether the process may do what weft does. Source: capabilities(7)."""
    status = Path("/proc/thread-self/status").read_text()
    (effective,) = (int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    return all(effective >> capability & 1 for capability in (CAP_NET_ADMIN, CAP_SYS_ADMIN))


def examine(nft: _Chains, observed: State, run: Path, journals: Path) -> Symptoms:
    """Look at the host that the process is on. `observed`: its namespace as the backends see it; `run`: where features
    are remembered; `journals`: where journals are.

    Raises: NotPermitted, DumpInterrupted.
    """
    chains = nft.chains(HOST)
    egress = links.egress(links.default_routes(observed))
    return Symptoms(
        permitted=is_permitted(),
        release=release_of(os.uname().release),
        features=kernel.features(run),
        has_transit=any(_is_transit(held) for held in observed.values()),
        forward_drops=firewall.drops(chains),
        accepted=frozenset((r.family, r.table) for r in observed.values() if isinstance(r, NftForeignRule)),
        firewalls=tuple(firewall.owners(chains)),
        legacy_drop=_legacy_drops(),
        forwarding={family: read_setting(name) == "1" for family, name in FORWARDING.items()},
        egress_links=egress,
        strict_links=tuple(link for link in egress if _is_strict(link)),
        usage=usage(),
        journals={journal.name: journal.phase() is Phase.COMMITTED for journal in waiting(journals)},
        netns_shared=is_shared(Path("/proc/thread-self/mountinfo").read_text(), RUN_NETNS),
    )


def is_shared(mountinfo: str, path: str) -> bool | None:
    """Whether mounts made below `path` are seen in other mount namespaces; None where it is no mount point."""
    shared: bool | None = None
    for line in mountinfo.splitlines():
        words = line.split(" ")
        if words[4] == path:
            shared = any(word.startswith("shared:") for word in words[6 : words.index("-")])
    return shared


def release_of(text: str) -> tuple[int, int]:
    major, minor = text.split(".")[:2]
    return int(major), int("".join(filter(str.isdigit, minor.partition("-")[0])) or 0)


def _is_transit(held: object) -> bool:
    is_link = isinstance(held, Link) and held.netns == HOST and held.ifname.startswith(TRANSIT_PREFIX)
    return is_link and Mark.parse(held.alias) is not None  # type: ignore[attr-defined]


def _is_strict(ifname: str) -> bool:
    """The higher of `all` and the link's own counts. Source: ip-sysctl.rst rp_filter."""
    values = [read_setting(RP_FILTER.format(name)) for name in ("all", ifname)]
    return max((int(value) for value in values if value and value.isdigit()), default=0) == 1


def _legacy_drops() -> bool:
    """Whether the old iptables interface, which nftables does not show, has FORWARD at DROP."""
    try:
        names = Path("/proc/thread-self/net/ip_tables_names").read_text().split()
        if "filter" not in names:
            return False
        listing = subprocess.run(
            ["iptables-legacy", "-S", "FORWARD"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "-P FORWARD DROP" in listing.stdout
