"""Tables and numbers that run out: of the machine, or of the process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from weft.check.finding import Finding, ok
from weft.check.symptoms import Symptoms

FULL = 0.8
"""Share of a limit from which on it is called short."""

FILES = "open files of one process"
_WHY: Mapping[str, str] = MappingProxyType(
    {
        "net/netfilter/nf_conntrack_max": "beyond it new connections through NAT are dropped",
        "net/ipv4/neigh/default/gc_thresh3": "beyond it new neighbours are not found, on all namespaces of the machine",
        "net/ipv6/neigh/default/gc_thresh3": "beyond it new neighbours are not found, on all namespaces of the machine",
        "fs/inotify/max_user_instances": "beyond it services in containers do not start: each watches files",
        "fs/file-max": "beyond it nobody on the machine opens a file or socket",
        "kernel/pid_max": "beyond it no process or thread starts",
        "user/max_net_namespaces": "a namespace for each tenant, router and port: beyond it none is made",
        FILES: "weft keeps two or three for each namespace while it works",
    }
)


def find(symptoms: Symptoms) -> Iterator[Finding]:
    for name, (used, limit) in symptoms.usage.items():
        told = f"{name}: {used:,} of {limit:,} in use"
        yield ok(told) if used < FULL * limit else _short(name, told, used, limit)


def _short(name: str, told: str, used: int, limit: int) -> Finding:
    is_sysctl = "/" in name
    return Finding(
        level="error" if used >= limit else "warning",
        what=told,
        why=_WHY.get(name, "beyond it things are refused"),
        mend="more of it, in the machine's first namespace"
        if is_sysctl
        else f"a hard limit (ulimit -Hn) of {2 * limit}",
        command=f"sysctl -w {name}={2 * limit}" if is_sysctl else "",
    )
