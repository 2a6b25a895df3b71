"""Watches packets pass the hooks of namespaces: by tables of its own that count and trace, and are nobody else's.

Rules: a table has an owner, its socket: the kernel takes it away when that closes, however the process ends. Nothing of
anybody's is changed: the chains accept. Source: nft(8) "flags owner", linux/netfilter/nf_tables.h NFT_TABLE_F_OWNER,
net/netfilter/nf_tables_api.c nft_rcv_nl_event.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from weft.backends.libnftables import HANDLE, NUMERIC_PRIORITY, NUMERIC_PROTOCOL, Complaint, Context
from weft.backends.nft_dump import NETLINK_NETFILTER
from weft.backends.visit import visiting
from weft.netlink.namespaces import Namespaces
from weft.records import dataclass
from weft.wire.codec import messages
from weft.wire.nftrace import GROUP, MSG_TRACE, SUBSYSTEM, Traced, read_traced

TABLE = "weft_trace"
"""How the tables are called, with the number of the process behind; no scope's table is called so."""
FIRST, LAST = -450, 10_000
"""Priorities before and behind all that others have. Source: linux/netfilter_ipv4.h, linux/netfilter_bridge.h."""
HOOKS: Mapping[str, int] = {"prerouting": FIRST, "output": FIRST, "input": LAST, "postrouting": LAST}
BRIDGE_HOOKS: Mapping[str, int] = {"prerouting": FIRST, "postrouting": LAST}

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_SO_RCVBUFFORCE = 33
_BUFFER_BYTES = 4 << 20
_COUNTED = re.compile(r"chain (\S+) \{[^}]*?counter packets (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """`matches`: by a word for it, what a rule says of packets that are looked for."""

    matches: Mapping[str, str]


class Hide:
    """One namespace that is watched, in some families."""

    def __init__(self, namespaces: Namespaces, netns: str, families: Iterable[str], sought: Sought) -> None:
        """Raises: NamespaceGone, NotPermitted, FeatureMissing, Complaint."""
        self.netns, self.table = netns, f"{TABLE}_{os.getpid()}"
        self._namespaces, self._families = namespaces, tuple(families)
        with visiting(namespaces, netns):
            self._events = _subscribe()
            self._context = Context(HANDLE | NUMERIC_PROTOCOL | NUMERIC_PRIORITY)
            try:
                self._make(sought)
            except Complaint:
                self.close()
                raise

    def close(self) -> None:
        self._context.close()
        self._events.close()

    def counted(self) -> Mapping[tuple[str, str], int]:
        """Packets by family and chain, which is `WORD_HOOK`."""
        found: dict[tuple[str, str], int] = {}
        with visiting(self._namespaces, self.netns):
            for family in self._families:
                listed = self._context.ask(f"list table {family} {self.table}")
                found |= {(family, chain): int(count) for chain, count in _COUNTED.findall(listed)}
        return found

    def traced(self) -> list[Traced]:
        """All steps since the last look."""
        found: list[Traced] = []
        with suppress(BlockingIOError, OSError):
            while True:
                buffer = self._events.recv(1 << 16)
                found += (
                    read_traced(buffer[at:end])
                    for kind, _, _, at, end in messages(buffer)
                    if kind == SUBSYSTEM << 8 | MSG_TRACE
                )
        return found

    def rule(self, seen: Traced) -> str:
        """The text of the rule of a step, "" where it is gone."""
        with visiting(self._namespaces, self.netns), suppress(Complaint):
            listed = self._context.ask(f"list chain {seen.family} {seen.table} {seen.chain}")
            for line in listed.splitlines():
                text, _, handle = line.strip().rpartition(" # handle ")
                if text and handle == str(seen.handle):
                    return text
        return ""

    def _make(self, sought: Sought) -> None:
        """With tracing; without it where the kernel cannot."""
        try:
            self._context.run("\n".join(self._text(sought, "meta nftrace set 1")))
        except Complaint:
            self._context.run("\n".join(self._text(sought, "")))

    def _text(self, sought: Sought, more: str) -> Iterator[str]:
        for family in self._families:
            yield f"table {family} {self.table} {{\nflags owner\n"
            for hook, priority in (BRIDGE_HOOKS if family == "bridge" else HOOKS).items():
                for word, match in sought.matches.items():
                    yield f"chain {word}_{hook} {{\ntype filter hook {hook} priority {priority}; policy accept;"
                    yield f"{match} counter {more}\n}}"
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
