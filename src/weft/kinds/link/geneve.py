"""A Geneve tunnel: Ethernet frames in UDP to one other machine. Source: RFC 8926, ip-link(8) TYPE geneve,
drivers/net/geneve.c."""

from __future__ import annotations

from weft.kinds.link.fields import Field, choice, number, truth
from weft.kinds.link.tunnel import Sort, Tunnel, address, row
from weft.kinds.link.vxlan import DF
from weft.records import dataclass
from weft.wire.codec import be16, u8, u32
from weft.wire.tunnel import (
    GENEVE,
    IFLA_GENEVE_DF,
    IFLA_GENEVE_ID,
    IFLA_GENEVE_PORT,
    IFLA_GENEVE_REMOTE,
    IFLA_GENEVE_REMOTE6,
    IFLA_GENEVE_TOS,
    IFLA_GENEVE_TTL,
    IFLA_GENEVE_TTL_INHERIT,
    IFLA_GENEVE_UDP_CSUM,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Geneve(Tunnel):
    """`vni` 0-16777215. It is bound to no link and no address of its own: `device` and `local` are empty, and its
    underlay is its own namespace, for the kernel would not tell of another. `udp_csum` is of IPv4 packets; those of
    IPv6 always have one (what turned that off would be lost with the next change of `remote`)."""

    vni: int
    port: int | None = None
    ttl_inherit: bool | None = None
    df: str | None = None
    udp_csum: bool | None = None


SORT = Sort(
    kind="geneve",
    table=GENEVE,
    fields={
        "vni": number("vni", IFLA_GENEVE_ID, "id", u32),
        "remote": address("remote", "remote", IFLA_GENEVE_REMOTE, IFLA_GENEVE_REMOTE6),
        "port": number("port", IFLA_GENEVE_PORT, "dstport", be16),
        "ttl": number("ttl", IFLA_GENEVE_TTL, "ttl"),
        "ttl_inherit": Field(
            lambda link: u8(IFLA_GENEVE_TTL_INHERIT, 1) if link.ttl_inherit else b"",
            lambda data: bool(data.get(IFLA_GENEVE_TTL_INHERIT)),
            lambda link: ("ttl", "inherit") if link.ttl_inherit else (),
        ),
        "tos": number("tos", IFLA_GENEVE_TOS, "tos"),
        "df": choice("df", IFLA_GENEVE_DF, "df", DF),
        "udp_csum": truth("udp_csum", IFLA_GENEVE_UDP_CSUM, "udpcsum"),
    },
)

ROW = row("geneve", Geneve, SORT, ("remote", "ttl", "tos", "df"), ("underlay", "vni", "remote", "port"))
