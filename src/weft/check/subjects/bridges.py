"""Whether iptables is asked about what the host's own bridges carry. Tenants' bridges are in namespaces of their own,
where weft sets it. Source: ip-sysctl.rst, bridge-nf-call-iptables."""

from __future__ import annotations

from collections.abc import Iterator

from weft.check.finding import Finding
from weft.check.symptoms import Symptoms


def find(symptoms: Symptoms) -> Iterator[Finding]:
    if symptoms.bridge_calls and symptoms.host_bridges:
        is_dropping = bool(symptoms.blocked)
        yield Finding(
            level="warning" if is_dropping else "note",
            what=f"iptables is asked about what {', '.join(symptoms.host_bridges)} carries between its ports",
            why="net/bridge/bridge-nf-call-iptables is 1, as Docker sets it: frames between ports of a bridge go "
            "through the forward chains" + (", which drop them" if is_dropping else ""),
            mend="turn it off, where nobody filters containers on one bridge by it",
            command="sysctl -w net/bridge/bridge-nf-call-iptables=0 net/bridge/bridge-nf-call-ip6tables=0",
        )
