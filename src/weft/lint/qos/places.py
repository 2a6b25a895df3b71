"""Policies that are right by themselves, and not where they are used.

Source: draft-cardwell-iccrg-bbr-congestion-control (BBR paces itself: net/ipv4/tcp_output.c since 4.13, without fq).
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.findings import Finding
from weft.facts import Facts
from weft.lint.qos.stated import Stated, configs, link_uses, port_uses
from weft.model.intent import Intent, Path
from weft.model.sharing import network_of


def limits_in_reach(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """A port that stands on a link itself has no end out of reach of who owns its namespace."""
    for path, tenant, name, found in port_uses(intent):
        port = intent.tenants[tenant].ports[name]
        network = network_of(intent, tenant, port)
        mode = network.segment.mode if network and network.segment else None
        if mode and found and not port.attach.host:
            what = f"a port of mode {mode} has its limits in its own namespace: who is root there can take them off"
            fix = "a bridge between (leave out `mode`), where that is not to be trusted"
            yield Finding(path=(*path, "qos") if port.qos else path, what=what, fix=fix, severity="warning")


def bbr_that_is_dropped(intent: Intent, facts: Facts) -> Iterator[Finding]:
    """Packets beyond a packet rate are dropped, and BBR does not take loss for a reason to send less."""
    with_bbr = {netns for netns, _, config in configs(intent) if config.tcp and config.tcp.congestion_control == "bbr"}
    for netns, path, stated in _sends(intent):
        if netns in with_bbr and _drops(stated):
            what = "more packets than packets_per_second are dropped, and bbr, set here, goes on sending through loss"
            fix = "a `ceil`, which makes them wait, instead"
            yield Finding(path=(*path, "packets_per_second"), what=what, fix=fix, severity="warning")


def _sends(intent: Intent) -> Iterator[tuple[str, Path, Stated]]:
    """What leaves a namespace by links and ports of its own."""
    found = [(use.netns, use.directions) for use in link_uses(intent)]
    for _, tenant, name, held in port_uses(intent):
        attach = intent.tenants[tenant].ports[name].attach
        if attach.netns or attach.host:
            found.append((attach.netns or "", held))
    for netns, directions in found:
        if "egress" in directions:
            yield netns, directions["egress"].path, directions["egress"]


def _drops(stated: Stated) -> bool:
    return stated.direction.packets_per_second is not None
