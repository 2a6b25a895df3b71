"""What is known of a packet: on its way, and of a way behind it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from weft.reach.crossing import Crossing, Talk
from weft.reach.steps import Step
from weft.records import dataclass
from weft.state import Key


class Verdict(StrEnum):
    """LEAVES: by a link beyond which nothing is known."""

    ARRIVES = "arrives"
    LEAVES = "leaves"
    STOPS = "stops"
    UNKNOWN = "unknown"


Translations = Mapping[tuple[str, str, str], tuple[str, str, int]]
"""(namespace, source and target of an answer that comes there) to the answer's source, target and port after it; the
port 0 where it is not translated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """`netns`: where it ended. `why`: one sentence. `passed`: every object that it needed, in order. `places`: the
    namespaces that routed it, first and last included. `mtu`: the least of its links, in bytes. `source`, `target`,
    `port`: as seen at the end, the port 0 where it is not translated. `crossings`: of bridges, where a filter may stop
    it. `steps`: all that happened to it. `guest`: the tap's stitch by which it came to a guest."""

    verdict: Verdict
    netns: str
    why: str
    passed: tuple[Key, ...]
    places: tuple[str, ...]
    mtu: int | None
    source: str
    target: str
    port: int
    translations: Translations
    crossings: tuple[Crossing, ...] = ()
    steps: tuple[Step, ...] = ()
    guest: Key | None = None


@dataclass(slots=True)
class Packet:
    """On its way. `came_by`: the link it came in by, "" where it was sent. `protocol`, `port`: of the question, where
    known; `translated`: the port it has been given, 0 for none."""

    netns: str
    source: str
    target: str
    came_by: str = ""
    protocol: str = ""
    port: int = 0
    translated: int = 0

    @property
    def family(self) -> int:
        return 6 if ":" in self.target else 4

    @classmethod
    def of(cls, netns: str, source: str, target: str, talk: Talk | None) -> Packet:
        """About to be sent. `talk`: what is asked, where only that leads on."""
        made = cls(netns, source, target)
        if talk is not None:
            made.protocol, made.port = talk.protocol, talk.port
        return made
