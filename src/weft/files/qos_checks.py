"""What is wrong with quality of service as it is written: a part of checks.py.

Rules: whether figures agree with each other, and what a class is part of, is the compiler's to say; a name is this
file's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from weft.errors import Problem
from weft.files.nodes import Entries, Origins, Place
from weft.model.qos import QosMatch, QosUse
from weft.model.qos_words import PORT_PROTOCOLS
from weft.model.words import among, closest

Report = Callable[[Place, str, str], None]
Step = tuple[str, ...]


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


def policy_references(data: Any, origins: Origins) -> list[Problem]:
    """Names of policies that are nobody's. `data`: the whole file as plain data."""
    problems = []
    top = _mapping(data, "qos_policies")
    for path, use, own in _uses(data):
        name = use if isinstance(use, str) else use.get("policy") if isinstance(use, dict) else None
        if not isinstance(name, str) or name in top or name in own:
            continue
        known = [*own, *top]
        meant = closest(name, known)
        fix = f"did you mean {meant}?" if meant else f"known: {', '.join(known)}" if known else "add qos_policies:"
        where = origins.value_at((*path, "policy"))
        problems.append(Problem(where=where, what=f"there is no policy {name}", fix=fix))
    return problems


def _uses(data: Any) -> Iterator[tuple[Step, Any, Mapping[str, Any]]]:
    """Where a policy is asked for, what is asked, and the policies of the tenant's own."""
    for name, tenant in _mapping(data, "tenants").items():
        own = _mapping(tenant, "qos_policies")
        holders: list[tuple[Step, Any]] = [(("tenants", name), tenant)]
        for kind in ("networks", "ports"):
            holders += [(("tenants", name, kind, of), held) for of, held in _mapping(tenant, kind).items()]
        for path, holder in holders:
            for key in ("qos", "port_qos"):
                if isinstance(holder, dict) and key in holder:
                    yield (*path, key), holder[key], own
    spaces: dict[Step, Any] = {("host",): data.get("host")} if isinstance(data, dict) else {}
    spaces |= {("namespaces", name): held for name, held in _mapping(data, "namespaces").items()}
    for path, space in spaces.items():
        for ifname, link in _mapping(space, "links").items():
            if isinstance(link, dict) and "qos" in link:
                yield (*path, "links", ifname, "qos"), link["qos"], {}


def _mapping(data: Any, key: str) -> dict[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}
