"""Echo requests, small and as large as the way must carry. The kernel of the target answers; that it was the wanted
target, its own copy of the request tells.

Rules: a raw socket for each port, bound to its address: it sends, and is given every echo request and reply to that
address. All packets say "do not fragment", whatever was learned of the way before. Source: raw(7), RFC 792, RFC 4443,
ip(7) IP_MTU_DISCOVER, net/ipv4/raw.c.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import partial
from struct import Struct
from sys import byteorder
from typing import NamedTuple

from weft.check.reach.exchange import Exchange, enlarge, family_of, received
from weft.check.reach.probes import MESSAGE_BYTES, Board, Probe, Protocol
from weft.reach import Endpoint

_HEADER = Struct("!BBHHH")
"""Type, code, checksum, identifier, sequence number."""
_ENOUGH_BYTES = 60 + _HEADER.size + MESSAGE_BYTES
"""The longest IPv4 header, ours, and what we wrote."""

_SOL_RAW, _ICMP_FILTER, _ICMPV6_FILTER = 255, 1, 1
_IPV6_MTU_DISCOVER, _IP_MTU_DISCOVER, _PMTUDISC_PROBE = 23, 10, 3


class _Words(NamedTuple):
    """What differs between the families. `header_bytes`: of IP itself."""

    protocol: int
    request: int
    reply: int
    header_bytes: int


_WORDS = {4: _Words(socket.IPPROTO_ICMP, 8, 0, 20), 6: _Words(socket.IPPROTO_ICMPV6, 128, 129, 40)}


class Icmp:
    """The protocols ICMP and MTU in one family."""

    def __init__(self, exchange: Exchange, board: Board, family: int) -> None:
        self._exchange, self._board, self._family = exchange, board, family
        self._words = _WORDS[family]
        self._sockets: dict[str, socket.socket] = {}

    def open(self, end: Endpoint) -> None:
        """The calling thread is in the port's namespace. Raises: OSError."""
        held = socket.socket(family_of(self._family), socket.SOCK_RAW | socket.SOCK_NONBLOCK, self._words.protocol)
        try:
            self._prepare(held)
            held.bind((end.address(self._family), 0))
        except OSError:
            held.close()
            raise
        self._sockets[end.name] = held
        self._exchange.watch(held, partial(self._read, held, end))

    def port(self, end: Endpoint) -> int:
        """There is none."""
        return 0

    def send(self, probes: Sequence[Probe]) -> None:
        for probe in probes:
            try:
                self._sockets[probe.source.name].sendto(self._packet(probe), (probe.target.asked(self._family), 0))
            except OSError as failure:
                probe.note = (failure.strerror or "").lower()

    def _prepare(self, held: socket.socket) -> None:
        enlarge(held)
        echoes = 1 << self._words.request | 1 << self._words.reply
        if self._family == 6:
            held.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_PROBE)
            held.setsockopt(socket.IPPROTO_ICMPV6, _ICMPV6_FILTER, _blocked(echoes, 32))
        else:
            held.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_PROBE)
            held.setsockopt(_SOL_RAW, _ICMP_FILTER, _blocked(echoes, 4))

    def _packet(self, probe: Probe) -> bytes:
        """The kernel fills in the checksum of IPv6 only."""
        message = self._board.question(probe)
        identifier, sequence = self._board.echo_number(probe)
        blank = _HEADER.pack(self._words.request, 0, 0, identifier, sequence)
        header = _HEADER.pack(self._words.request, 0, checksum(blank + message), identifier, sequence)
        return (header + message).ljust(self._length(probe), b"\0")

    def _length(self, probe: Probe) -> int:
        """Of the packet without its IP header: for MTU what fills the way to its last byte."""
        mtu = probe.expectation.mtu if probe.protocol is Protocol.MTU else None
        return (mtu or 0) - self._words.header_bytes

    def _read(self, held: socket.socket, end: Endpoint) -> None:
        for packet in received(held, _ENOUGH_BYTES):
            at = (packet[0] & 0xF) * 4 if self._family == 4 else 0
            probe = self._board.read(packet, at + _HEADER.size)
            if probe is None:
                continue
            if packet[at] == self._words.request and probe.target.is_at(end, self._family):
                probe.arrived = True
            elif packet[at] == self._words.reply and probe.source is end:
                probe.answered = True


def checksum(data: bytes) -> int:
    """Of an even number of bytes; zeros behind them change nothing. Source: RFC 1071."""
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _blocked(passing: int, size: int) -> bytes:
    """A filter of `size` bytes with a bit for each type that is not let through, in words of the machine."""
    mask = ~passing & ((1 << size * 8) - 1)
    words = [(mask >> shift & 0xFFFF_FFFF).to_bytes(4, byteorder) for shift in range(0, size * 8, 32)]
    return b"".join(words)
