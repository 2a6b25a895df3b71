"""How much is in use of what runs out: what all namespaces of the machine share, and what the process may have.

Rules: only reads; where the first namespace may not be looked into, nothing is said.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from weft.check.subjects.limits import FILES
from weft.netlink.namespaces import RUN_NETNS
from weft.probe import limits

CONNTRACK = ("net/netfilter/nf_conntrack_count", "net/netfilter/nf_conntrack_max")
NEIGHBOURS = {"arp_cache": "net/ipv4/neigh/default/gc_thresh3", "ndisc_cache": "net/ipv6/neigh/default/gc_thresh3"}
WATCHES, ALL_FILES = "fs/inotify/max_user_instances", "fs/file-max"
TASKS, NAMESPACES = "kernel/pid_max", "user/max_net_namespaces"

FILES_PER_NAMESPACE = 3


def usage() -> dict[str, tuple[int, int]]:
    """Name of the limit to (used, limit)."""
    return dict(_usage())


def _usage() -> Iterator[tuple[str, tuple[int, int]]]:
    found = limits.of_first_namespace((*CONNTRACK, *NEIGHBOURS.values(), WATCHES, ALL_FILES, TASKS, NAMESPACES))
    if all(name in found for name in CONNTRACK):
        yield CONNTRACK[1], (found[CONNTRACK[0]], found[CONNTRACK[1]])
    named = _named_namespaces()
    counted = {
        **{limit: _entries(cache) for cache, limit in NEIGHBOURS.items()},
        WATCHES: _watchers(),
        ALL_FILES: _number("/proc/sys/fs/file-nr", 0),
        TASKS: _tasks(),
        NAMESPACES: named,
    }
    for name, used in counted.items():
        if used is not None and name in found:
            yield name, (used, found[name])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        yield FILES, (FILES_PER_NAMESPACE * named, hard)


def _entries(cache: str) -> int | None:
    """Entries of a neighbour table, of all namespaces. Source: net/core/neighbour.c neigh_stat_seq_show."""
    try:
        lines = Path(f"/proc/1/net/stat/{cache}").read_text().splitlines()
        return int(lines[1].split()[0], 16)
    except (OSError, IndexError, ValueError):
        return None


def _number(path: str, at: int) -> int | None:
    try:
        return int(Path(path).read_text().split()[at])
    except (OSError, IndexError, ValueError):
        return None


def _tasks() -> int | None:
    """Processes and threads of the machine. Source: proc(5), /proc/loadavg."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, IndexError, ValueError):
        return None


def _watchers() -> int:
    """The inotify instances of the user that has most of them."""
    held: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            owner = process.stat().st_uid
            held[owner] = held.get(owner, 0) + _watching(process / "fd")
    return max(held.values(), default=0)


def _watching(descriptors: Path) -> int:
    found = 0
    for name in os.listdir(descriptors):
        with suppress(OSError):
            found += os.readlink(descriptors / name) == "anon_inode:inotify"
    return found


def _named_namespaces() -> int:
    try:
        return len(os.listdir(RUN_NETNS))
    except OSError:
        return 0
