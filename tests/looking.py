"""How the outside dump is asked for: ip and tc are started in each network namespace by a thread that has gone there
and asks nft's library (tests/ruleset.py) and /proc/sys (tests/sysctls.py) itself. No shell and no nsenter is between: a
start is what costs, most of all in a guest.

`everything` and `what_comes` belong in such a thread (tests/world.py); what they return tests/dump.py makes comparable.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
from collections.abc import Iterator
from typing import Any

from tests.programs import Failed, Program
from tests.ruleset import ruleset
from tests.sysctls import Sysctls

HOST = ""
"""The host's own key in what is returned; a named namespace's is its name."""
NETNS = "/run/netns"
Told = dict[str, dict[str, Any]]
"""namespace -> title -> what was told of it: text, or a mapping for sysctls."""

_IP = ("netns list", "link show", "addr show", "neigh show nud permanent", "route show table all", "rule show")
"""Of one start of `ip`, a line of JSON each. `ip netns list-id` stops after some 130."""
_IP_TITLES = ("nsid", "link", "addr", "neigh", "route", "rule")
_GLANCE = {"link": "link show", "addr": "addr show", "route": "route show table all"}
"""What the kernel goes on changing for some time after a carrier appears: IPv6, to the route to an address itself.
Links by themselves: those without an address are left out of the addresses."""
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def everything(sysctls: Sysctls) -> Told:
    """All of the host and of each named namespace. This thread ends up in the last of them."""
    return {name: _all_here(sysctls) for name in _everywhere()}


def what_comes() -> Told:
    """The same of what the kernel does by itself."""
    asks = ("ip", "-j", "-6", "-batch", "-")
    said = "\n".join(_GLANCE.values())
    return {name: _lines(Program(*asks, input=said).told(), tuple(_GLANCE)) for name in _everywhere()}


def _everywhere() -> Iterator[str]:
    """The name of each namespace, with this thread in it."""
    yield HOST
    for name in sorted(os.listdir(NETNS)):
        try:
            enter_netns(name)
        except FileNotFoundError:
            continue
        yield name


def enter_netns(name: str) -> None:
    """Take this thread to a named namespace. Raises: FileNotFoundError where there is none, OSError."""
    netns = os.open(f"{NETNS}/{name}", os.O_RDONLY)
    try:
        if _libc.setns(netns, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)
    finally:
        os.close(netns)


def _all_here(sysctls: Sysctls) -> dict[str, Any]:
    """The programs run at once."""
    ip = Program("ip", "-j", "-d", "-batch", "-", input="\n".join(_IP))
    rule6, qdisc = (
        Program(*words) for words in (("ip", "-j", "-6", "-d", "rule", "show"), ("tc", "-j", "qdisc", "show"))
    )
    nft, held = ruleset(), sysctls.here()
    qdiscs = qdisc.told()
    return {
        **_lines(ip.told(), _IP_TITLES),
        "rule6": rule6.told(),
        "qdisc": qdiscs,
        "class": list(_classes(qdiscs)),
        "nft": nft,
        "sysctl": held,
    }


def _lines(told: str, titles: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(titles, told.splitlines(), strict=True))


_HTB = re.compile(r'"kind":"htb"[^}]*?"dev":"([^"]+)"')


def _classes(qdiscs: str) -> Iterator[str]:
    """Of which Debian 12's tc has no JSON. A queue's handle is dealt, a flow of fq_codel passes."""
    for ifname in dict.fromkeys(_HTB.findall(qdiscs)):
        for line in _class_lines(ifname):
            if not line.startswith("class fq_codel"):
                yield f"{ifname} {re.sub(r' leaf [^ ]*', '', line)}"


def _class_lines(ifname: str) -> list[str]:
    """None of a link that has gone since its queues were told."""
    try:
        return Program("tc", "-d", "class", "show", "dev", ifname).told().splitlines()
    except Failed:
        if ifname in (name for _, name in socket.if_nameindex()):
            raise
        return []
