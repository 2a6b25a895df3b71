"""Command lines that do what a change does, for `plan --format script`.

Rules: words are quoted for sh; a namespace is entered as its label asks for. Source: ip(8), bridge(8), tc(8),
ip-netns(8), nsenter(1).
"""

from __future__ import annotations

from collections.abc import Iterable
from shlex import join, quote

from weft.state import HOST

_PIDFILE = "pidfile:"


def ip(netns: str, *words: str | int) -> str:
    """`ip WORDS` in the namespace."""
    return _command("ip", netns, *words)


def bridge(netns: str, *words: str | int) -> str:
    """`bridge WORDS` in the namespace."""
    return _command("bridge", netns, *words)


def tc(netns: str, *words: str | int) -> str:
    """`tc WORDS` in the namespace."""
    return _command("tc", netns, *words)


def _command(program: str, netns: str, *words: str | int) -> str:
    said = join(map(str, words))
    if netns == HOST:
        return f"{program} {said}"
    return f"{within(netns)}{program} {said}" if netns.startswith(_PIDFILE) else f"{program} -n {quote(netns)} {said}"


def more(words: Iterable[str | int]) -> str:
    """Further words of a command, with the blank before them."""
    return f" {join(map(str, words))}"


def within(netns: str) -> str:
    """What stands before any other command to run it in the namespace; ends with a blank unless it is empty."""
    if netns == HOST:
        return ""
    if netns.startswith(_PIDFILE):
        return f"nsenter --net=/proc/{_pid(netns)}/ns/net "
    return f"ip netns exec {quote(netns)} "


def beside_net(netns: str) -> str:
    """As `within`, for a command that needs /sys as it is: `ip netns exec` mounts another, without cgroups."""
    if netns == HOST or netns.startswith(_PIDFILE):
        return within(netns)
    return f"nsenter --net=/run/netns/{quote(netns)} "


def netns_argument(netns: str) -> str:
    """The namespace as the argument of `netns` in `ip link`: already quoted."""
    return _pid(netns) if netns.startswith(_PIDFILE) else quote(netns)


def _pid(netns: str) -> str:
    return f'"$(cat {quote(netns.removeprefix(_PIDFILE))})"'
