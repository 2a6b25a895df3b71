"""One question as a real packet, from the namespace of who asks. Nobody needs to listen: what comes back, be it a
refusal, tells that it came there. Source: udp(7), tcp(7), raw(7), RFC 792, RFC 4443.
"""

from __future__ import annotations

import os
import random
import select
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import ECONNREFUSED, EINPROGRESS
from struct import pack

from weft.check.reach.icmp import checksum
from weft.records import dataclass
from weft.trace import Talk

AGAIN_S = (0.0, 0.2, 0.6)
PATIENCE_S = 1.2
SILENCE_S = 0.5
_EPHEMERAL = (49152, 65535)
_HEADER_BYTES = {4: 20, 6: 40}
_ECHO = {4: (socket.IPPROTO_ICMP, 8, 0), 6: (socket.IPPROTO_ICMPV6, 128, 129)}
_MTU_DISCOVER = {4: (socket.IPPROTO_IP, 10), 6: (socket.IPPROTO_IPV6, 23)}
"""IP_MTU_DISCOVER and IPV6_MTU_DISCOVER."""
_SPLIT, _WHOLE = 0, 3
"""PMTUDISC_DONT: whoever must may; PMTUDISC_PROBE: nobody fragments. Source: linux/in.h."""
_RESET = pack("ii", 1, 0)
SPEAKS = ("icmp", "icmpv6", "tcp", "udp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """`how`: what came back, "" for nothing; `fault`: why the kernel would not even send. `took_s`: until then."""

    how: str = ""
    fault: str = ""
    took_s: float = 0.0


class Question:
    """`number`: its source port, or of an echo the identifier: what it is known by at every hop."""

    def __init__(self, talk: Talk, family: int, source: str, target: str, size: int | None, whole: bool = True) -> None:
        self.talk, self.family, self.source, self.target, self.size = talk, family, source, target, size
        self._pmtu = _WHOLE if whole else _SPLIT
        given = talk.from_port if talk.from_port != _EPHEMERAL[0] else 0
        self.number = given or random.randint(_EPHEMERAL[0] + 1, _EPHEMERAL[1])

    @property
    def is_echo(self) -> bool:
        return self.talk.protocol.startswith("icmp")

    def matches(self) -> Mapping[str, str]:
        """By `question` and `answer`, how nft knows them."""
        if self.is_echo:
            word = "icmp" if self.family == 4 else "icmpv6"
            ways = (("question", "request"), ("answer", "reply"))
            return {way: f"{word} type echo-{kind} {word} id {self.number}" for way, kind in ways}
        protocol = self.talk.protocol
        return {way: f"{protocol} {end} {self.number}" for way, end in (("question", "sport"), ("answer", "dport"))}

    def ask(self, wanted: bool) -> Answered:
        """Send it, again where nothing comes, and listen. `wanted`: whether an answer is. The calling thread is in the
        namespace of who asks."""
        began = time.monotonic()
        patience_s = PATIENCE_S if wanted else SILENCE_S
        try:
            with self._opened() as held:
                for at, again_s in enumerate(AGAIN_S):
                    if again_s < patience_s:
                        until = began + (AGAIN_S[at + 1] if at + 1 < len(AGAIN_S) else patience_s)
                        if how := self._try(held, min(until, began + patience_s), is_first=at == 0):
                            return Answered(how=how, took_s=time.monotonic() - began)
        except OSError as failure:
            return Answered(fault=(failure.strerror or str(failure)).lower())
        return Answered()

    @contextmanager
    def _opened(self) -> Iterator[socket.socket]:
        family = socket.AF_INET6 if self.family == 6 else socket.AF_INET
        kinds = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0)}
        kind, protocol = kinds.get(self.talk.protocol, (socket.SOCK_RAW, _ECHO[self.family][0]))
        with socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol) as held:
            held.setsockopt(*_MTU_DISCOVER[self.family], self._pmtu)
            if kind == socket.SOCK_STREAM:
                held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            held.bind((self.source, 0 if self.is_echo else self.number))
            refused = held.connect_ex((self.target, self.talk.port))
            if refused not in (0, EINPROGRESS):
                raise OSError(refused, os.strerror(refused))
            yield held

    def _try(self, held: socket.socket, until: float, *, is_first: bool) -> str:
        """Once: what came back, or ""."""
        is_call = held.type == socket.SOCK_STREAM
        if not is_call:
            held.send(self._echo() if self.is_echo else b"weft".ljust(self._room(8), b"\0"))
        poll = select.poll()
        poll.register(held, select.POLLOUT if is_call else select.POLLIN)
        while (left := until - time.monotonic()) > 0:
            if poll.poll(max(1, left * 1000)) and (how := self._heard(held)):
                return how
        return ""

    def _heard(self, held: socket.socket) -> str:
        failure = held.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure == ECONNREFUSED:
            return "refused"
        if failure:
            raise OSError(failure, os.strerror(failure))
        if held.type == socket.SOCK_STREAM:
            return "connected"
        data = held.recv(1 << 16)
        return "answered" if not self.is_echo or self._is_reply(data) else ""

    def _room(self, header_bytes: int) -> int:
        """Bytes of what follows IP's and the protocol's own header."""
        return max(0, (self.size or 0) - _HEADER_BYTES[self.family] - header_bytes)

    def _echo(self) -> bytes:
        """The kernel fills in the checksum of IPv6 only."""
        _, request, _ = _ECHO[self.family]
        body = b"\0" * self._room(8)
        bare = pack("!BBHHH", request, 0, 0, self.number, 1)
        return pack("!BBHHH", request, 0, checksum(bare), self.number, 1) + body

    def _is_reply(self, data: bytes) -> bool:
        at = (data[0] & 0xF) * 4 if self.family == 4 else 0
        return data[at] == _ECHO[self.family][2] and data[at + 4 : at + 6] == pack("!H", self.number)
