"""A packet at a hook, by nft's names of its fields, and whether a comparison holds of it.

Rules: a field that a packet of its family and protocol has not makes a rule fit nothing, as in the kernel; a field that
nothing is known of (a mark, a limit) makes it unknown. Source: nft(8).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from weft.model.security import ICMP, ICMP_TYPES, ICMPV6, PROTOCOLS
from weft.reach.crossing import Talk
from weft.reach.foreign.rules import BACK, BACK_BY_IIF, Term

Value: TypeAlias = str | int | IPv4Address | IPv6Address
_PROTOCOL_FIELDS = ("meta l4proto", "ip protocol", "ip6 nexthdr")
_TRANSPORTS = ("tcp", "udp", "sctp", "dccp", "udplite", "icmp", "icmpv6", "th", "esp", "ah", "arp")
_EXTENSIONS = ("rt type", "rt nexthdr", "rt hdrlength", "rt seg-left", "frag", "hbh", "dst", "mh")
"""Headers of IPv6 that no packet here has; `rt mtu` and the like are the route's."""
_FLAGS = {"ct state": {"established", "related", "new", "invalid", "untracked"}, "ct status": {"dnat"}}
"""Of which it is known whether they are set."""
_NAMES: Mapping[str, Mapping[str, int]] = {
    "icmp type": ICMP_TYPES[ICMP],
    "icmpv6 type": ICMP_TYPES[ICMPV6],
    **{name: {**PROTOCOLS, "ipv6-icmp": ICMPV6} for name in _PROTOCOL_FIELDS},
}


class Packet:
    """`iif`, `oif`: the links it came in and goes out by, "" for none. `answer`: of a connection that is there;
    `redirected`: its connection was given another target here; `is_local`: it is for the namespace itself;
    `ways_back`: the links by which its sender would be answered, None where nobody has looked."""

    def __init__(
        self,
        *,
        source: str,
        target: str,
        talk: Talk,
        iif: str = "",
        oif: str = "",
        answer: bool = False,
        redirected: bool = False,
        is_local: bool = False,
        ways_back: Collection[str] | None = None,
    ) -> None:
        self.family = 6 if ":" in target else 4
        word, other = ("ip6", "ip") if self.family == 6 else ("ip", "ip6")
        transport = _transport(talk, self.family, answer=answer)
        self._absent = (other, *_EXTENSIONS, *_lacking(transport))
        self._held: dict[str, Value] = {
            **dict.fromkeys(("iifname", "iif"), iif),
            **dict.fromkeys(("oifname", "oif"), oif),
            f"{word} saddr": ip_address(source),
            f"{word} daddr": ip_address(target),
            "meta nfproto": f"ipv{self.family}",
            **dict.fromkeys(("meta protocol", "ether type"), word),
            **transport,
            "ct direction": "reply" if answer else "original",
            "ct state": "established" if answer else "new",
            "ct status": "dnat" if redirected else "",
            "fib daddr type": "local" if is_local else "unicast",
        }
        if ways_back is not None:
            self._held[BACK_BY_IIF] = "exists" if iif in ways_back else "missing"
            self._held[BACK] = "exists" if ways_back else "missing"

    def fits(self, term: Term | None) -> bool | None:
        """None where nobody can tell."""
        if term is None:
            return None
        if any(self._has_not(name) for name in term.fields):
            return False
        if not all(name in self._held for name in term.fields):
            return None
        values = [self._held[name] for name in term.fields]
        found = [_all(map(_is, term.fields, values, parts)) for parts in term.values]
        fit = True if True in found else None if None in found else False
        return fit if fit is None else fit is not term.differs

    def _has_not(self, name: str) -> bool:
        return name not in self._held and (name in self._absent or name.partition(" ")[0] in self._absent)


def _transport(talk: Talk, family: int, *, answer: bool) -> dict[str, Value]:
    """The protocol, and its fields; ports by the name that they have whatever the protocol, too."""
    protocol, fields = talk.fields(family, answer=answer)
    ports = {f"th {name.split()[1]}": value for name, value in fields.items() if name.endswith("port")}
    named = dict.fromkeys(("meta l4proto", "ip6 nexthdr" if family == 6 else "ip protocol"), protocol)
    return {**named, **fields, **ports}


def _lacking(transport: Mapping[str, Value]) -> Iterator[str]:
    """The headers that it has no field of."""
    return (name for name in _TRANSPORTS if not any(field.startswith(name) for field in transport))


def _all(parts: map[bool | None]) -> bool | None:
    known = list(parts)
    return False if False in known else None if None in known else True


def _is(name: str, value: Value, text: str) -> bool | None:
    if name in _FLAGS:
        asked = text.split(",")
        return True if value in asked else False if set(asked) <= _FLAGS[name] else None
    if isinstance(value, str):
        return value.startswith(text[:-1]) if text.endswith("*") else value == text
    if isinstance(value, int):
        span = _numbers(text, name)
        return None if span is None else span[0] <= value <= span[1]
    net = _addresses(text)
    if net is None:
        return None
    if isinstance(net, tuple):
        return net[0].version == value.version and int(net[0]) <= int(value) <= int(net[1])
    return value in net


@lru_cache(maxsize=1 << 12)
def _numbers(text: str, name: str) -> tuple[int, int] | None:
    names = _NAMES.get(name, {})
    if text in names:
        return names[text], names[text]
    low, dash, high = text.partition("-")
    if not low.isdecimal() or (dash and not high.isdecimal()):
        return None
    return int(low), int(high or low)


@lru_cache(maxsize=1 << 14)
def _addresses(
    text: str,
) -> IPv4Network | IPv6Network | tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address] | None:
    low, dash, high = text.partition("-")
    try:
        return (ip_address(low), ip_address(high)) if dash else ip_network(text, strict=False)
    except ValueError:
        return None
