"""Traffic by the words of people who ask for advice: `voice`, `host=192.168.1.10@5mbit`, `port=tcp/443`.

Rules: pure. A word is a row of `_MAKERS`: how the class is called, what matches it in both directions, and what is said
of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weft.model import qos_words as q
from weft.model.qos import QosMatch
from weft.model.words import Malformed, among, closest
from weft.records import dataclass

KINDS = ("voice", "ssh", "dns", "host=ADDRESS", "port=[tcp/|udp/]PORT", "dscp=CODE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Some of what passes. `match`: both ways. `rate_bps` None: as is usual for it."""

    name: str
    match: Sequence[Mapping[str, Any]]
    what: str
    rate_bps: int | None = None


def traffic(written: str) -> Traffic:
    """`voice`, `ssh@512kbit`, `host=192.168.1.10@5mbit`, `port=tcp/443`. Raises: Malformed."""
    words, at, rate = written.partition("@")
    kind, _, value = words.partition("=")
    make = _MAKERS.get(kind)
    if make is None:
        meant = closest(kind, tuple(_MAKERS))
        raise Malformed(
            f"{written!r} is no traffic known here", f"did you mean {meant}?" if meant else f"one of {', '.join(KINDS)}"
        )
    name, match, what = make(value)
    return Traffic(name=name, match=match, what=what, rate_bps=_read(q.RateBps, rate) if at else None)


def as_match(match: Mapping[str, Any]) -> QosMatch:
    """One of `Traffic.match` as the model has it."""

    def prefixes(key: str) -> tuple[str, ...]:
        return (_read(q.Prefix, match[key]),) if key in match else ()

    return QosMatch(
        source=prefixes("source"),
        destination=prefixes("destination"),
        protocol=match.get("protocol"),
        ports=tuple(match.get("ports", ())),
        source_ports=tuple(match.get("source_ports", ())),
        dscp=tuple(_read(q.Dscp, code) for code in match.get("dscp", ())),
    )


# inside

_Made = tuple[str, list[dict[str, Any]], str]
"""The name, what matches, and the words for it."""


def _read(annotated: Any, written: str) -> Any:
    return annotated.__metadata__[0].read(written)


def _voice(_: str) -> _Made:
    marked, signalling = {"dscp": ["ef", "va"]}, _service("udp", "5060-5061")
    return "voice", [marked, *signalling], "calls: what telephones mark (EF, voice-admit), and SIP"


def _ssh(_: str) -> _Made:
    return "ssh", _service("tcp", "22"), "terminals, to here and from here"


def _dns(_: str) -> _Made:
    return "dns", [*_service("udp", "53"), *_service("tcp", "53")], "names: everything else begins by asking for one"


def _host(value: str) -> _Made:
    address = _read(q.Prefix, value)
    plain = address.split("/")[0] if address.endswith(("/32", "/128")) else address
    return f"host-{_label(plain)}", [{"destination": plain}, {"source": plain}], f"all of {plain}, both ways"


def _port(value: str) -> _Made:
    protocol, slash, port = value.rpartition("/")
    ports = _read(q.Ports, port)
    protocols = [_read(q.Protocol, protocol)] if slash else ["tcp", "udp"]
    if protocols[0] not in q.PORT_PROTOCOLS:
        raise Malformed(f"{protocol} has no ports", among(sorted(q.PORT_PROTOCOLS)))
    what = f"what is asked of {'/'.join(protocols)} port {ports}, and the answers"
    match = [held for name in protocols for held in _service(name, ports)]
    return f"port-{protocols[0]}-{ports}" if slash else f"port-{ports}", match, what


def _dscp(value: str) -> _Made:
    _read(q.Dscp, value)
    return f"dscp-{value.lower()}", [{"dscp": [value]}], f"what is marked {value}"


_MAKERS: Mapping[str, Callable[[str], _Made]] = {
    "voice": _voice,
    "ssh": _ssh,
    "dns": _dns,
    "host": _host,
    "port": _port,
    "dscp": _dscp,
}


def _service(protocol: str, ports: str) -> list[dict[str, Any]]:
    return [{"protocol": protocol, "ports": [ports]}, {"protocol": protocol, "source_ports": [ports]}]


def _label(value: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in value)
