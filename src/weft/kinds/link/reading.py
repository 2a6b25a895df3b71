"""What every kind of link has in common in the kernel's reading of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from weft.records import dataclass
from weft.state import BIRTH_GROUP, Key
from weft.wire.bond import BOND, IFLA_BOND_SLAVE_PERM_HWADDR, MEMBER_DATA
from weft.wire.link import (
    IFF_UP,
    IFLA_GRO_MAX_SIZE,
    IFLA_GROUP,
    IFLA_GSO_MAX_SEGS,
    IFLA_GSO_MAX_SIZE,
    IFLA_IFALIAS,
    IFLA_IFNAME,
    IFLA_MTU,
    IFLA_PROP_LIST,
    LinkInfo,
    LinkMessage,
)
from weft.wire.macsec import Secured

Fields: TypeAlias = Mapping[str, Any]
"""The fields of Link, for the constructor of any kind."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A link as the kernel tells it, for the `parse` of its kind. `other`: the link that it names beside its master,
    which is a veth's other end and what any other link stands on; None where there is none, or it cannot be found.
    `secured`: the keys of a MACsec link; `device`: of a macvtap's file, its user, group and mode bits."""

    fields: Fields
    info: LinkInfo
    other: Key | None
    secured: Secured | None = None
    device: tuple[int, int, int] | None = None


def _own_mac(seen: LinkMessage) -> str:
    """A bond's member uses the bond's, and gets its own back when it leaves."""
    info = seen.info
    if info.slave_kind != BOND:
        return seen.mac
    return str(info.read_port(MEMBER_DATA).get(IFLA_BOND_SLAVE_PERM_HWADDR, seen.mac))


def common_fields(netns: str, seen: LinkMessage, master: str) -> Fields:
    """`master`: its ifname, or ""."""
    found = seen.attributes.get
    alias = found(IFLA_IFALIAS, "")
    return {
        "netns": netns,
        "ifname": found(IFLA_IFNAME, ""),
        "alias": alias,
        "mac": _own_mac(seen),
        "mtu": found(IFLA_MTU),
        "up": bool(seen.flags & IFF_UP),
        "master": master,
        "altnames": tuple(sorted(found(IFLA_PROP_LIST, ()))),
        "gso_max_size": found(IFLA_GSO_MAX_SIZE),
        "gso_max_segs": found(IFLA_GSO_MAX_SEGS),
        "gro_max_size": found(IFLA_GRO_MAX_SIZE),
        "addr_gen_mode": seen.addr_gen_mode,
        "in_vrf": seen.info.slave_kind == "vrf",
        "newborn": not alias and found(IFLA_GROUP) == BIRTH_GROUP,
    }
