"""A VXLAN: Ethernet frames in UDP between the machines that know each other by FDB entries, by a multicast group or by
learning. Source: RFC 7348, ip-link(8) TYPE vxlan, drivers/net/vxlan/vxlan_core.c."""

from __future__ import annotations

from typing import Any

from weft.kinds.link.fields import Field, choice, number, numbered, truth
from weft.kinds.link.tunnel import Sort, Tunnel, address, row
from weft.records import dataclass
from weft.wire.address_text import ip_bytes, is_multicast
from weft.wire.codec import Attributes, Table, attribute, be16, flag, u32
from weft.wire.link import LinkInfo
from weft.wire.tunnel import (
    IFLA_VXLAN_AGEING,
    IFLA_VXLAN_DF,
    IFLA_VXLAN_GROUP,
    IFLA_VXLAN_GROUP6,
    IFLA_VXLAN_ID,
    IFLA_VXLAN_LEARNING,
    IFLA_VXLAN_LINK,
    IFLA_VXLAN_LOCAL,
    IFLA_VXLAN_LOCAL6,
    IFLA_VXLAN_PORT,
    IFLA_VXLAN_TOS,
    IFLA_VXLAN_TTL,
    IFLA_VXLAN_TTL_INHERIT,
    IFLA_VXLAN_UDP_CSUM,
    IFLA_VXLAN_UDP_ZERO_CSUM6_RX,
    IFLA_VXLAN_UDP_ZERO_CSUM6_TX,
    VXLAN,
)

DF = numbered("unset", "set", "inherit")
"""What to do about the outer don't-fragment bit, by number. Source: linux/if_link.h ifla_vxlan_df."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vxlan(Tunnel):
    """`vni` 0-16777215. `remote`: where frames to unknown addresses go; `group`: the same, a multicast group. The
    kernel keeps either as an FDB entry of its own. `ageing` of what was learned, in seconds."""

    vni: int
    port: int | None = None
    group: str | None = None
    learning: bool | None = None
    ageing: int | None = None
    ttl_inherit: bool | None = None
    df: str | None = None
    udp_csum: bool | None = None
    udp6_zero_csum_tx: bool | None = None
    udp6_zero_csum_rx: bool | None = None


def _sent_to(multicast: bool) -> Field:
    """remote and group share an attribute."""
    name = "group" if multicast else "remote"
    any_group = address(name, name, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6)

    def read(data: Attributes) -> str:
        found = any_group.read(data)
        return found if found and is_multicast(found) == multicast else ""

    return Field(_write_group if multicast else any_group.write, read, lambda link: _words_to(name, link))


def _write_group(link: Any) -> bytes:
    if not link.group:
        return b""
    return attribute(IFLA_VXLAN_GROUP6 if link.family == 6 else IFLA_VXLAN_GROUP, ip_bytes(link.group))


def _words_to(name: str, link: Any) -> tuple[str, ...]:
    return (name, getattr(link, name)) if getattr(link, name) else ()


_TTL_INHERIT = Field(
    lambda link: flag(IFLA_VXLAN_TTL_INHERIT) if link.ttl_inherit else b"",
    lambda data: bool(data.get(IFLA_VXLAN_TTL_INHERIT)),
    lambda link: ("ttl", "inherit") if link.ttl_inherit else (),
)

SORT = Sort(
    kind="vxlan",
    table=VXLAN,
    device=IFLA_VXLAN_LINK,
    fields={
        "vni": number("vni", IFLA_VXLAN_ID, "id", u32),
        "local": address("local", "local", IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6),
        "remote": _sent_to(multicast=False),
        "group": _sent_to(multicast=True),
        "port": number("port", IFLA_VXLAN_PORT, "dstport", be16),
        "learning": truth("learning", IFLA_VXLAN_LEARNING, "learning"),
        "ageing": number("ageing", IFLA_VXLAN_AGEING, "ageing", u32),
        "ttl": number("ttl", IFLA_VXLAN_TTL, "ttl"),
        "ttl_inherit": _TTL_INHERIT,
        "tos": number("tos", IFLA_VXLAN_TOS, "tos"),
        "df": choice("df", IFLA_VXLAN_DF, "df", DF),
        "udp_csum": truth("udp_csum", IFLA_VXLAN_UDP_CSUM, "udpcsum"),
        "udp6_zero_csum_tx": truth("udp6_zero_csum_tx", IFLA_VXLAN_UDP_ZERO_CSUM6_TX, "udp6zerocsumtx"),
        "udp6_zero_csum_rx": truth("udp6_zero_csum_rx", IFLA_VXLAN_UDP_ZERO_CSUM6_RX, "udp6zerocsumrx"),
    },
)

ROW = row(
    "vxlan",
    Vxlan,
    SORT,
    ("local", "remote", "learning", "ageing", "ttl", "tos", "df"),
    ("family", "underlay", "vni", "port"),
)
"""Alone: whatever the device, there is one receiver of a VNI and port (vxlan_core.c vxlan_vni_in_use). Identity, port,
checksums, device and group stay for life: a group is joined only as the link comes up."""


def default_remotes(info: LinkInfo) -> tuple[str, ...]:
    """Its remote or group, as the link itself tells; none for a link of another kind."""
    data = info.read(_REMOTES) if info.kind == SORT.kind else {}
    return tuple(data.values())


_REMOTES: Table = {kind: VXLAN[kind] for kind in (IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6)}
