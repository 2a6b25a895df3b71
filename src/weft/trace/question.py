"""The words of a question: what is asked, as `tcp/5432`, `icmp` or `gre`."""

from __future__ import annotations

from weft.errors import IntentInvalid, Problem
from weft.model.security import ICMP, ICMPV6, PROTOCOL_NAMES, PROTOCOLS, WITH_PORTS
from weft.model.words import closest
from weft.reach import Talk

_LAST_PORT = 65535
SUCH_AS = "such as tcp/443, udp/53, icmp, gre or 89"


def talk_of(written: str, from_port: int | None = None) -> Talk:
    """`PROTO` or `PROTO/PORT`. `from_port`: of who asks. Raises: IntentInvalid."""
    word, slash, port = written.lower().partition("/")
    number = PROTOCOLS.get(word, int(word) if word.isdecimal() and len(word) <= 3 else -1)
    if not 0 <= number <= 255:
        meant = closest(word, list(PROTOCOLS))
        raise wrong(written, "is no protocol", f"did you mean {meant}{slash}{port}?" if meant else SUCH_AS)
    name = PROTOCOL_NAMES.get(number, str(number))
    if number not in WITH_PORTS:
        if slash:
            fix = "its echo is asked for: say icmp" if number in (ICMP, ICMPV6) else f"say {name}"
            raise wrong(written, f"{name} has no ports", fix)
        if from_port is not None:
            raise wrong("--from-port", f"{name} has no ports", "leave it out")
        return Talk(protocol=name)
    if not slash:
        raise wrong(written, f"{name} is asked at a port", f"{name}/443, for instance")
    asked = Talk(protocol=name, port=_port(written, port))
    return asked if from_port is None else Talk(protocol=name, port=asked.port, from_port=from_port)


def _port(written: str, port: str) -> int:
    if not (port.isdecimal() and len(port) <= 5 and 1 <= int(port) <= _LAST_PORT):
        raise wrong(written, f"{port!r} is no port", f"a number from 1 to {_LAST_PORT}")
    return int(port)


def wrong(where: str, what: str, fix: str) -> IntentInvalid:
    """One thing that is wrong with a question."""
    return IntentInvalid([Problem(where=where, what=what, fix=fix)])


def asked_words(talk: Talk, family: int) -> str:
    """`tcp/5432`, `icmp`."""
    if talk.protocol in ("icmp", "icmpv6"):
        return "icmp" if family == 4 else "icmpv6"
    return f"{talk.protocol}/{talk.port}" if talk.port else talk.protocol
