"""GRE tunnels: packets (gre, ip6gre) or Ethernet frames (gretap, ip6gretap) over IPv4 or IPv6.

Source: RFC 2784, RFC 2890 (the key), ip-link(8) TYPE GRE, net/ipv4/ip_gre.c, net/ipv6/ip6_gre.c.
"""

from __future__ import annotations

from typing import Any

from weft.kinds.base import Kind
from weft.kinds.link import tunnel6
from weft.kinds.link.fields import Field, FieldTable, number, truth
from weft.kinds.link.tunnel import Sort, Tunnel, address, row
from weft.records import dataclass
from weft.wire.codec import Attributes, be16, be32
from weft.wire.tunnel import (
    GRE,
    GRE_CSUM,
    GRE_KEY,
    IFLA_GRE_FLAGS,
    IFLA_GRE_FLOWINFO,
    IFLA_GRE_IFLAGS,
    IFLA_GRE_IKEY,
    IFLA_GRE_LINK,
    IFLA_GRE_LOCAL,
    IFLA_GRE_OFLAGS,
    IFLA_GRE_OKEY,
    IFLA_GRE_PMTUDISC,
    IFLA_GRE_REMOTE,
    IFLA_GRE_TOS,
    IFLA_GRE_TTL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gre(Tunnel):
    """`number`: the key of both directions, by which tunnels between the same ends are told apart, where `keyed`.
    `csum`: of what is carried. `pmtudisc`: the outer packets are not to be fragmented (IPv4 only)."""

    keyed: bool | None = None
    number: int | None = None
    csum: bool | None = None
    pmtudisc: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GreTap(Gre):
    """Of Ethernet frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ip6Gre(Gre):
    """Over IPv6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ip6GreTap(Gre):
    """Of Ethernet frames, over IPv6."""


def _flags(link: Any) -> bytes:
    flags = (GRE_KEY if link.keyed else 0) | (GRE_CSUM if link.csum else 0)
    return be16(IFLA_GRE_IFLAGS, flags) + be16(IFLA_GRE_OFLAGS, flags)


def _said_by_flag(flag: int, word: str) -> Field:
    """Written with all flags at once, by `keyed`."""

    def read(data: Attributes) -> bool:
        return bool(data.get(IFLA_GRE_OFLAGS, 0) & flag)

    return Field(lambda link: b"", read, lambda link: (word if link.csum else f"no{word}",))


_BOTH: FieldTable = {
    "local": address("local", "local", IFLA_GRE_LOCAL),
    "remote": address("remote", "remote", IFLA_GRE_REMOTE),
    "keyed": _said_by_flag(GRE_KEY, "key")._replace(write=_flags, words=lambda link: ()),
    "number": Field(
        lambda link: be32(IFLA_GRE_IKEY, link.number) + be32(IFLA_GRE_OKEY, link.number),
        lambda data: data.get(IFLA_GRE_OKEY, 0),
        lambda link: ("key", link.number) if link.keyed else ("nokey",),
    ),
    "csum": _said_by_flag(GRE_CSUM, "csum"),
    "ttl": number("ttl", IFLA_GRE_TTL, "ttl"),
}
_OVER4: FieldTable = {
    **_BOTH,
    "tos": number("tos", IFLA_GRE_TOS, "tos"),
    "pmtudisc": truth("pmtudisc", IFLA_GRE_PMTUDISC, "pmtudisc"),
}
_OVER6: FieldTable = {**_BOTH, "tos": tunnel6.traffic_class(IFLA_GRE_FLOWINFO, IFLA_GRE_FLAGS)}

_IN_PLACE = ("local", "remote", "ttl", "tos", "pmtudisc")


def _row(kind: str, cls: type[Gre], fields: FieldTable) -> Kind:
    sort = Sort(
        kind=kind,
        table=GRE,
        device=IFLA_GRE_LINK,
        family=6 if fields is _OVER6 else 4,
        ethernet=issubclass(cls, GreTap | Ip6GreTap),
        whole=True,
        fields=fields,
    )
    return row(kind, cls, sort, _IN_PLACE, ("underlay", "local", "remote", "device", "keyed", "number"))


ROWS = (
    _row("gre", Gre, _OVER4),
    _row("gretap", GreTap, _OVER4),
    _row("ip6gre", Ip6Gre, _OVER6),
    _row("ip6gretap", Ip6GreTap, _OVER6),
)
