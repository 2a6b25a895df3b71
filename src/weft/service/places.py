"""Where a command can be run: the ends of ports, by name, and namespaces.

Rules: a port goes before a namespace of the same name; a name that fits several ports is refused, never guessed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from weft.errors import IntentInvalid, NotPermitted, Problem, Refused
from weft.model.intent import Attach, Intent
from weft.netlink import doors
from weft.netlink.namespaces import Namespaces
from weft.state import HOST

Ends = dict[str, Attach]
"""`scope: tenant/port` to where it ends."""


def find(name: str, intents: Sequence[Intent]) -> str:
    """The label of the namespace in which the port ends, else `name` itself, taken for a namespace's.

    Raises: IntentInvalid where several ports are meant, or where the port ends in no namespace.
    """
    ends = _ends(name, intents)
    if len(set(ends.values())) > 1:
        where = ", ".join(ends)
        raise _wrong(name, f"several ports have that name: {where}", "say TENANT/PORT, or --scope NAME too")
    for attach in ends.values():
        return _label(name, attach)
    if "/" in name:
        raise _wrong(name, "there is no such port", "`weft show` lists them")
    return name


def port_names(intents: Iterable[Intent]) -> set[str]:
    """Every port as `port` and as `tenant/port`."""
    pairs = {(tenant, port) for intent in intents for tenant, of in intent.tenants.items() for port in of.ports}
    return {port for _, port in pairs} | {f"{tenant}/{port}" for tenant, port in pairs}


def enter(namespaces: Namespaces, netns: str) -> None:
    """Move the calling thread into a namespace, for good. Raises: Refused where there is none, NotPermitted."""
    if netns == HOST:
        return
    try:
        if namespaces.identity(netns) is None:
            raise Refused(f"there is no namespace {netns}; `weft show` lists the ports, `ip netns` the namespaces")
        fd = namespaces.open(netns)
        try:
            doors.enter(fd)
        finally:
            os.close(fd)
    except PermissionError as error:
        raise NotPermitted(f"entering the namespace {netns} needs root (CAP_SYS_ADMIN)") from error


def label_of(attach: Attach) -> str:
    """The namespace in which it ends, the host's for a tap."""
    return f"pidfile:{attach.pidfile}" if attach.pidfile else attach.netns or HOST


def namespaces_of(intent: Intent) -> set[str]:
    """Labels of the namespaces beside the tenants' that an intent speaks of."""
    ports = (port for tenant in intent.tenants.values() for port in tenant.ports.values())
    named = (config.was or name for name, config in intent.namespaces.items())
    return {label_of(port.attach) for port in ports}.union(named) - {HOST}


def _ends(name: str, intents: Iterable[Intent]) -> Ends:
    return {
        f"{intent.name}: {tenant}/{port}": held.attach
        for intent in intents
        for tenant, of in intent.tenants.items()
        for port, held in of.ports.items()
        if name in (port, f"{tenant}/{port}")
    }


def _label(name: str, attach: Attach) -> str:
    if attach.router:
        raise _wrong(name, "this port is a router's interface", "`ip netns exec weft.SCOPE.TENANT.ROUTER ...`")
    if attach.tap or attach.macvtap:
        raise _wrong(name, "this port is a tap: it ends in whatever opened it", "log in there")
    return label_of(attach)


def _wrong(name: str, what: str, fix: str) -> IntentInvalid:
    return IntentInvalid([Problem(where=name, what=what, fix=fix)])
