"""How much of what all namespaces of the machine share is in use.

Rules: only reads; where the first namespace may not be looked into, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from weft.probe import limits

CONNTRACK = ("net/netfilter/nf_conntrack_count", "net/netfilter/nf_conntrack_max")
NEIGHBOURS = {"arp_cache": "net/ipv4/neigh/default/gc_thresh3", "ndisc_cache": "net/ipv6/neigh/default/gc_thresh3"}


def usage() -> dict[str, tuple[int, int]]:
    """Name of the limit to (used, limit)."""
    return dict(_usage())


def _usage() -> Iterator[tuple[str, tuple[int, int]]]:
    found = limits.of_first_namespace((*CONNTRACK, *NEIGHBOURS.values()))
    if all(name in found for name in CONNTRACK):
        yield CONNTRACK[1], (found[CONNTRACK[0]], found[CONNTRACK[1]])
    for cache, limit in NEIGHBOURS.items():
        used = _entries(cache)
        if used is not None and limit in found:
            yield limit, (used, found[limit])


def _entries(cache: str) -> int | None:
    """Entries of a neighbour table, of all namespaces. Source: net/core/neighbour.c neigh_stat_seq_show."""
    try:
        lines = Path(f"/proc/1/net/stat/{cache}").read_text().splitlines()
        return int(lines[1].split()[0], 16)
    except (OSError, IndexError, ValueError):
        return None
