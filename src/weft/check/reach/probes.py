"""One question of one port to another, and the bytes that carry it.

Rules: the bytes are the run's nonce, the probe's number, and in an answer the number of the port that gives it: so an
answer of another tenant's equal address, or of another weft's check, is told from the wanted one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from struct import Struct

from weft.reach import Endpoint, Expectation, Reach
from weft.records import dataclass

NONCE_BYTES = 8
NOBODY = 0xFFFF_FFFF
_LAYOUT = Struct(f"!{NONCE_BYTES}sII")
"""Nonce, number of the probe, number of who answers (NOBODY in a question)."""
MESSAGE_BYTES = _LAYOUT.size


class Protocol(StrEnum):
    """MTU: ICMP in packets as large as the way must carry, which nobody may fragment."""

    ICMP = "icmp"
    TCP = "tcp"
    UDP = "udp"
    MTU = "mtu"


@dataclass(slots=True, eq=False)
class Probe:
    """`arrived` at the wanted port; `answered`: the answer is back. `is_waiting`: there will be none, for who is called
    takes no more calls. `note`: the last thing that went wrong, or ""."""

    number: int
    protocol: Protocol
    expectation: Expectation
    arrived: bool = False
    answered: bool = False
    is_waiting: bool = False
    note: str = ""

    @property
    def reached(self) -> bool:
        return self.arrived and (self.answered or self.is_waiting)

    @property
    def source(self) -> Endpoint:
        return self.expectation.source

    @property
    def target(self) -> Endpoint:
        return self.expectation.target

    @property
    def is_wanted(self) -> bool:
        return self.expectation.reach is Reach.YES


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was measured of a pair in one family by one protocol. `is_waiting`: it came, and waits to be taken."""

    expectation: Expectation
    protocol: Protocol
    reached: bool
    note: str = ""
    is_waiting: bool = False

    @property
    def differs(self) -> bool:
        return self.reached != (self.expectation.reach is Reach.YES)


class Board:
    """All probes of a run, found again by what a packet says."""

    def __init__(self, probes: Sequence[Probe], endpoints: Sequence[Endpoint]) -> None:
        self._nonce = os.urandom(NONCE_BYTES)
        self._first_echo = int.from_bytes(os.urandom(2), "big")
        self._probes = probes
        self._numbers = {end.name: number for number, end in enumerate(endpoints)}

    def question(self, probe: Probe) -> bytes:
        return _LAYOUT.pack(self._nonce, probe.number, NOBODY)

    def echo_number(self, probe: Probe) -> tuple[int, int]:
        """Identifier and sequence number of its echo: others than those of the last run, of which filters and
        translations on the way may still remember what they did."""
        return (self._first_echo + probe.number) & 0xFFFF, probe.number >> 16

    def answer(self, probe: Probe, who: Endpoint) -> bytes:
        return _LAYOUT.pack(self._nonce, probe.number, self._numbers[who.name])

    def read(self, packet: bytes, at: int = 0) -> Probe | None:
        """The probe that a packet speaks of, None where it is not of this run."""
        return self._find(packet, at)[0]

    def read_answer(self, packet: bytes) -> Probe | None:
        """The same, where the wanted port gave the answer."""
        probe, who = self._find(packet, 0)
        return probe if probe is not None and self._numbers[probe.target.name] == who else None

    def _find(self, packet: bytes, at: int) -> tuple[Probe | None, int]:
        if len(packet) - at < MESSAGE_BYTES:
            return None, NOBODY
        nonce, number, who = _LAYOUT.unpack_from(packet, at)
        is_ours = nonce == self._nonce and number < len(self._probes)
        return (self._probes[number] if is_ours else None), who
