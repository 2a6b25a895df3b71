"""Watches packets pass the hooks of namespaces: by tables of its own that count and trace, and are nobody else's.

Rules: a table has an owner, its socket: the kernel takes it away when that closes, however the process ends. Nothing of
anybody's is changed: the chains accept. Source: nft(8) "flags owner", linux/netfilter/nf_tables.h NFT_TABLE_F_OWNER,
net/netfilter/nf_tables_api.c nft_rcv_nl_event.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from weft.backends.libnftables import HANDLE, NUMERIC_PRIORITY, NUMERIC_PROTOCOL, Complaint, Context
from weft.backends.visit import visiting
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.wire.codec import messages
from weft.wire.netfilter import NETLINK_NETFILTER
from weft.wire.nftrace import GROUP, TRACE, Traced, read_traced

TABLE = "weft_trace"
"""How the tables are called, with the number of the process behind; no scope's table is called so."""
BRIDGE, INET = "bridge", "inet"
TRACING = "meta nftrace set 1"
"""What has the kernel tell of each step of a packet."""
FIRST, LAST = -450, 10_000
"""Priorities before and behind all that others have. Source: linux/netfilter_ipv4.h, linux/netfilter_bridge.h."""
HOOKS: Mapping[str, int] = {"prerouting": FIRST, "output": FIRST, "input": LAST, "postrouting": LAST}
BRIDGE_HOOKS: Mapping[str, int] = {"prerouting": FIRST, "postrouting": LAST}

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_SO_RCVBUFFORCE = 33
_BUFFER_BYTES = 4 << 20
_COUNTED = re.compile(r"chain (\S+) \{[^}]*?counter packets (\d+)")


class Spot(NamedTuple):
    """Where packets are looked for: at the hooks of a family, in by a link and out by a link, where they are named."""

    family: str
    iifname: str = ""
    oifname: str = ""

    def match(self, hook: str) -> str:
        """What a rule at a hook says of the links."""
        name = {"prerouting": self.iifname, "postrouting": self.oifname}.get(hook, "")
        return f'{"iifname" if hook == "prerouting" else "oifname"} "{name}" ' if name else ""


class Hide:
    """One namespace that is watched, at some spots."""

    def __init__(self, namespaces: Namespaces, netns: str, spots: Sequence[Spot], matches: Mapping[str, str]) -> None:
        """`matches`: by a word for them, what a rule says of the packets that are looked for.

        Raises: NamespaceGone, NotPermitted, FeatureMissing, Complaint.
        """
        self.netns, self.table, self.spots = netns, f"{TABLE}_{os.getpid()}", tuple(spots)
        self._namespaces = namespaces
        with visiting(namespaces, netns):
            self._events = _subscribe()
            self._context = Context(HANDLE | NUMERIC_PROTOCOL | NUMERIC_PRIORITY)
            try:
                self._make(matches)
            except Complaint:
                self.close()
                raise

    def close(self) -> None:
        self._context.close()
        self._events.close()

    def counted(self) -> Mapping[tuple[Spot, str, str], int]:
        """Packets by spot, word and hook."""
        found: dict[tuple[Spot, str, str], int] = {}
        with visiting(self._namespaces, self.netns):
            for family in {spot.family for spot in self.spots}:
                for chain, count in _COUNTED.findall(self._context.ask(f"list table {family} {self.table}")):
                    word, hook, number = chain.split("_")
                    found[self.spots[int(number)], word, hook] = int(count)
        return found

    def is_of(self, seen: Traced, spot: Spot, word: str) -> bool:
        """Whether a step is at a chain that looks for this."""
        is_here = seen.table == self.table and seen.chain.startswith(f"{word}_")
        return is_here and seen.chain.endswith(f"_{self.spots.index(spot)}")

    def traced(self) -> list[Traced]:
        """All steps since the last look."""
        found: list[Traced] = []
        with suppress(BlockingIOError, OSError):
            while True:
                buffer = self._events.recv(1 << 16)
                found += (read_traced(buffer, at, end) for kind, _, _, at, end in messages(buffer) if kind == TRACE)
        return found

    def rule(self, seen: Traced) -> str:
        """The text of the rule of a step, "" where it is gone."""
        with suppress(NamespaceGone, Complaint), visiting(self._namespaces, self.netns):
            listed = self._context.ask(f"list chain {seen.family} {seen.table} {seen.chain}")
            for line in listed.splitlines():
                text, _, handle = line.strip().rpartition(" # handle ")
                if text and handle == str(seen.handle):
                    return text
        return ""

    def _make(self, matches: Mapping[str, str]) -> None:
        """With tracing; without it where the kernel cannot."""
        self.traces = True
        try:
            self._context.run("\n".join(self._text(matches, TRACING)))
        except Complaint:
            self.traces = False
            self._context.run("\n".join(self._text(matches, "")))

    def _text(self, matches: Mapping[str, str], more: str) -> Iterator[str]:
        for number, spot in enumerate(self.spots):
            yield f"table {spot.family} {self.table} {{\nflags owner\n"
            for hook, priority in (BRIDGE_HOOKS if spot.family == BRIDGE else HOOKS).items():
                for word, match in matches.items():
                    yield f"chain {word}_{hook}_{number} {{"
                    yield f"type filter hook {hook} priority {priority}; policy accept;"
                    yield f"{spot.match(hook)}{match} counter {more}\n}}"
            yield "}"


def _subscribe() -> socket.socket:
    made = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, NETLINK_NETFILTER
    )
    with suppress(PermissionError):
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    made.bind((0, 0))
    made.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, GROUP)
    return made
