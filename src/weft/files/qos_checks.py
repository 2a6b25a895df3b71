"""What is wrong with quality of service as it is written: a part of checks.py.

Rules: whether figures agree with each other, and what a class is part of, is the compiler's to say; a name is this
file's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weft.files.nodes import Entries, Report
from weft.model.qos import QosMatch, QosUse
from weft.model.qos_words import PORT_PROTOCOLS
from weft.model.words import among


def _use(node: Entries, report: Report) -> None:
    for key in ("egress", "ingress"):
        if "policy" in node.entries and key in node.entries:
            report(node.entries[key].place, f"{key} beside policy: {node.text('policy')}", "keep one of the two")


def _match(node: Entries, report: Report) -> None:
    if not node.entries:
        report(node.place, "a match that says nothing matches everything", "leave `match` out and say `default: CLASS`")
    for key, place in node.empty_lists():
        report(place, f"{key} says none, and would match everything", f"at least one, or leave {key} out")
    protocol = (node.text("protocol") or "").lower()
    if protocol in PORT_PROTOCOLS or protocol.isdecimal():  # of a number the compiler knows
        return
    for key in ("ports", "source_ports"):
        if key not in node.entries:
            continue
        of = f"{protocol} has no ports" if protocol else f"{key} without a protocol"
        report(node.entries[key].place, of, f"add protocol: {among(sorted(PORT_PROTOCOLS))}")


QOS_CHECKS: Mapping[type[Any], Callable[[Entries, Report], None]] = {QosUse: _use, QosMatch: _match}
