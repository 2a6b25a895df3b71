"""A packet on its way over a tenant's bridge, and whether the filter there lets a given question, or its answer, pass.

Rules: routing is asked first, and of addresses alone; only what it lets through is asked here, by protocol and port. An
answer belongs to a connection that the question has made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from weft.model.security import ICMP, ICMPV6, TCP, UDP
from weft.reach.bridge_filter import Filter, Value, frame
from weft.records import dataclass

_CHAIN = re.compile(
    r"(?P<way>to|from|in|out)[46]?[.-](?P<groups>[^.]*(?:\.[^.]+)*?)(?P<deny>(?:\.\d+)?\.deny(?:\.logged)?)?"
)
_ECHO = {4: ("icmp", ICMP, 8, 0), 6: ("icmpv6", ICMPV6, 128, 129)}
_PORTED = {"tcp": TCP, "udp": UDP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What is asked: an echo of ICMP, or something at a port."""

    protocol: str
    port: int = 0

    def fields(self, family: int, *, answer: bool) -> tuple[int, Mapping[str, Value]]:
        """Number of the protocol, and its fields in the question or the answer. The asking end's port is any."""
        if self.protocol not in _PORTED:
            word, number, request, reply = _ECHO[family]
            return number, {f"{word} type": reply if answer else request, f"{word} code": 0}
        word, any_port = self.protocol, 49152
        ports = (self.port, any_port) if answer else (any_port, self.port)
        return _PORTED[word], {f"{word} sport": ports[0], f"{word} dport": ports[1]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """In at one link of a bridge and out at another. `mac`: of who sent the frame. `port`: what the asked one has
    become on the way, 0 where it is the same."""

    filter: Filter
    iifname: str
    oifname: str
    mac: str
    source: str
    target: str
    port: int = 0

    def stops(self, talk: Talk, *, answer: bool) -> str:
        """Why it does not pass, "" where it does."""
        if self.port:
            talk = replace(talk, port=self.port)
        protocol, fields = talk.fields(6 if ":" in self.target else 4, answer=answer)
        known: dict[str, Value] = {"ct state": "new", "meta mark": 0}
        if answer:
            known = {"ct state": "established", "meta mark": 1}
        sent = frame(self.iifname, self.oifname, self.mac, self.source, self.target, protocol, {**fields, **known})
        chain = self.filter.stops(sent)
        return f"{_why(chain)} ({chain})" if chain else ""


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
    return "the port is in no security group" if groups == "nobody" else f"no rule of security group {groups} {what}"
