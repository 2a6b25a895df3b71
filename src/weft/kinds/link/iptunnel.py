"""Packets in packets: IPv4 in IPv4 (ipip), IPv6 in IPv4 (sit), either in IPv6 (ip6tnl).

Source: RFC 2003, RFC 4213, RFC 2473, ip-link(8) TYPE IPIP, net/ipv4/ipip.c, net/ipv6/sit.c, net/ipv6/ip6_tunnel.c.
"""

from __future__ import annotations

from weft.kinds.base import Kind
from weft.kinds.link import tunnel6
from weft.kinds.link.fields import Field, FieldTable, number, truth
from weft.kinds.link.tunnel import Sort, Tunnel, address, row
from weft.records import dataclass
from weft.wire.codec import Table, u8
from weft.wire.tunnel import (
    IFLA_IPTUN_FLAGS,
    IFLA_IPTUN_FLOWINFO,
    IFLA_IPTUN_LINK,
    IFLA_IPTUN_LOCAL,
    IFLA_IPTUN_PMTUDISC,
    IFLA_IPTUN_PROTO,
    IFLA_IPTUN_REMOTE,
    IFLA_IPTUN_TOS,
    IFLA_IPTUN_TTL,
    IPTUN,
    IPTUN6,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipip(Tunnel):
    """`pmtudisc`: the outer packets are not to be fragmented."""

    pmtudisc: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sit(Tunnel):
    pmtudisc: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ip6Tnl(Tunnel):
    """`carries`: the protocol number inside, 0 for both IPv4 and IPv6."""

    carries: int | None = None


_BOTH: FieldTable = {
    "local": address("local", "local", IFLA_IPTUN_LOCAL),
    "remote": address("remote", "remote", IFLA_IPTUN_REMOTE),
    "ttl": number("ttl", IFLA_IPTUN_TTL, "ttl"),
}
_OVER4: FieldTable = {
    **_BOTH,
    "tos": number("tos", IFLA_IPTUN_TOS, "tos"),
    "pmtudisc": truth("pmtudisc", IFLA_IPTUN_PMTUDISC, "pmtudisc"),
}
_OVER6: FieldTable = {
    **_BOTH,
    "tos": tunnel6.traffic_class(IFLA_IPTUN_FLOWINFO, IFLA_IPTUN_FLAGS),
    "carries": Field(
        lambda link: u8(IFLA_IPTUN_PROTO, link.carries),
        lambda data: data.get(IFLA_IPTUN_PROTO, 0),
        lambda link: ("mode", {0: "any", 4: "ipip6", 41: "ip6ip6"}.get(link.carries, "any")),
    ),
}

_IN_PLACE = ("local", "remote", "ttl", "tos", "pmtudisc")


def _row(kind: str, cls: type[Tunnel], table: Table, fields: FieldTable) -> Kind:
    sort = Sort(
        kind=kind,
        table=table,
        device=IFLA_IPTUN_LINK,
        family=6 if fields is _OVER6 else 4,
        ethernet=False,
        whole=True,
        fields=fields,
    )
    return row(kind, cls, sort, _IN_PLACE, ("underlay", "local", "remote", "device"))


ROWS = (
    _row("ipip", Ipip, IPTUN, _OVER4),
    _row("sit", Sit, IPTUN, _OVER4),
    _row("ip6tnl", Ip6Tnl, IPTUN6, _OVER6),
)
