"""How the outside dump is asked for: ip, tc and nft are started in each network namespace by a thread that has gone
there and reads /proc/sys itself. No shell and no nsenter is between: a start is what costs, most of all in a guest.

`everything` and `what_comes` belong in such a thread (tests/world.py); what they return tests/dump.py makes comparable.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import re
import socket
from collections.abc import Iterable, Iterator
from typing import Any

from tests.programs import Failed, Program

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
_SYSCTLS = "/proc/sys/net"
_BY_LINK = {
    "ipv4/conf": ("forwarding", "rp_filter"),
    "ipv6/conf": ("forwarding", "disable_ipv6", "accept_ra", "addr_gen_mode"),
}
"""Of the directory that each interface has, only what decides about forwarding: there may be thousands."""
_ALL_OF = ("all", "default")
_NOT_INTO = ("neigh", "conf")
_MOSTLY = 4096
"""Bytes that a setting is shorter than, but for a few; the kernel makes room for as much as is asked for."""
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def everything() -> Told:
    """All of the host and of each named namespace. This thread ends up in the last of them."""
    return {name: _all_here() for name in _everywhere()}


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


def _all_here() -> dict[str, Any]:
    """The programs run at once."""
    ip = Program("ip", "-j", "-d", "-batch", "-", input="\n".join(_IP))
    rule6, qdisc, nft = (
        Program(*words) for words in (("ip", "-j", "-6", "-d", "rule", "show"), ("tc", "-j", "qdisc", "show"), _NFT)
    )
    sysctls = dict(_sysctls())
    qdiscs = qdisc.told()
    return {
        **_lines(ip.told(), _IP_TITLES),
        "rule6": rule6.told(),
        "qdisc": qdiscs,
        "class": list(_classes(qdiscs)),
        "nft": nft.told(),
        "sysctl": sysctls,
    }


_NFT = ("nft", "-j", "list", "ruleset")


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


def _sysctls() -> Iterator[tuple[str, str]]:
    yield from _below(_SYSCTLS)
    for conf, names in _BY_LINK.items():
        for ifname in os.listdir(f"{_SYSCTLS}/{conf}"):
            folder = f"{_SYSCTLS}/{conf}/{ifname}"
            yield from _below(folder) if ifname in _ALL_OF else _each(f"{folder}/{name}" for name in names)


def _below(folder: str) -> Iterator[tuple[str, str]]:
    with os.scandir(folder) as found:
        entries = list(found)
    yield from _each(entry.path for entry in entries if not entry.is_dir())
    for entry in entries:
        if entry.is_dir() and entry.name not in _NOT_INTO:
            yield from _below(entry.path)


def _each(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Name and value of those that can be read: some can only be written, a link may go. They are opened one after the
    other and closed at once: what a system call costs is what there is to save."""
    opened: list[tuple[int, str]] = []
    try:
        for path in paths:
            with contextlib.suppress(OSError):
                opened.append((os.open(path, os.O_RDONLY), path))
        for fd, path in opened:
            with contextlib.suppress(OSError):
                yield path.removeprefix(f"{_SYSCTLS}/"), _text(fd)
    finally:
        _close([fd for fd, _ in opened])


def _text(fd: int) -> str:
    """Of a setting, whose end can only be had along with its beginning."""
    text = os.pread(fd, _MOSTLY, 0)
    return (text if len(text) < _MOSTLY else os.pread(fd, 1 << 16, 0)).decode()


def _close(fds: list[int]) -> None:
    """Those without a gap by one call."""
    for _, row in itertools.groupby(enumerate(fds), lambda numbered: numbered[1] - numbered[0]):
        together = [fd for _, fd in row]
        os.closerange(together[0], together[-1] + 1)
