"""A packet on its way over a tenant's bridge, and whether the filter there lets a given question, or its answer, pass.

Rules: routing is asked first, and of addresses alone; only what it lets through is asked here, by protocol and port. An
answer belongs to a connection that the question has made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from weft.model.security import ICMP, ICMPV6, PROTOCOLS, WITH_PORTS
from weft.reach.bridge_filter import Filter, Ruling, Value, frame
from weft.records import dataclass

_CHAIN = re.compile(
    r"(?P<way>to|from|in|out)[46]?[.-](?P<groups>[^.]*(?:\.[^.]+)*?)(?P<deny>(?:\.\d+)?\.deny(?:\.logged)?)?"
)
_ECHO = {4: ("icmp", ICMP, 8, 0), 6: ("icmpv6", ICMPV6, 128, 129)}
ANY_PORT = 49152
"""Of the asking end, where it does not say. Source: RFC 6335 section 6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What is asked: an echo of ICMP, something at a port, or a packet of another protocol, by its name or number."""

    protocol: str
    port: int = 0
    from_port: int = ANY_PORT

    def fields(self, family: int, *, answer: bool) -> tuple[int, Mapping[str, Value]]:
        """Number of the protocol, and its fields in the question or the answer."""
        if self.protocol in ("icmp", "icmpv6"):
            word, number, request, reply = _ECHO[family]
            return number, {f"{word} type": reply if answer else request, f"{word} code": 0}
        word = self.protocol
        number = PROTOCOLS[word] if word in PROTOCOLS else int(word)
        if number not in WITH_PORTS:
            return number, {}
        ports = (self.port, self.from_port) if answer else (self.from_port, self.port)
        return number, {f"{word} sport": ports[0], f"{word} dport": ports[1]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """In at one link of a bridge and out at another. `netns`, `bridge`: where. `mac`: of who sent the frame. `port`:
    what the asked one has become on the way, 0 where it is the same."""

    netns: str = ""
    bridge: str = ""
    filter: Filter
    iifname: str
    oifname: str
    mac: str
    source: str
    target: str
    port: int = 0

    def rulings(self, talk: Talk, *, answer: bool) -> list[Ruling]:
        """What the filter says, base chain by base chain; the last one drops it, or none does."""
        if self.port:
            talk = replace(talk, port=self.port)
        protocol, fields = talk.fields(6 if ":" in self.target else 4, answer=answer)
        known: dict[str, Value] = {"ct state": "new", "meta mark": 0}
        if answer:
            known = {"ct state": "established", "meta mark": 1}
        sent = frame(self.iifname, self.oifname, self.mac, self.source, self.target, protocol, {**fields, **known})
        return list(self.filter.rulings(sent))

    def stops(self, talk: Talk, *, answer: bool) -> str:
        """Why it does not pass, "" where it does."""
        last = self.rulings(talk, answer=answer)[-1:]
        return f"{_why(last[0].chain)} ({last[0].chain})" if last and last[0].drops else ""


def why_stopped(there: Iterable[Crossing], back: Iterable[Crossing], talk: Talk) -> str:
    """The first reason why a question, or its answer, does not pass; "" for none."""
    for crossing in there:
        if found := crossing.stops(talk, answer=False):
            return found
    for crossing in back:
        if found := crossing.stops(talk, answer=True):
            return f"of the answer: {found}"
    return ""


def _why(chain: str) -> str:
    found = _CHAIN.fullmatch(chain.partition("/")[0])
    if found is None:
        known = chain.startswith("guard")
        return "the port may not speak as that address" if known else "a link that is not weft's is on the bridge"
    groups = " and ".join(found["groups"].split("."))
    if found["deny"] or found["way"] in ("in", "out"):
        return f"security group {groups} denies it"
    what = "lets it in" if found["way"] == "to" else "lets it out"
    return (
        "the port is in no security group"
        if groups.partition("/")[0] == "nobody"
        else f"no rule of security group {groups} {what}"
    )
