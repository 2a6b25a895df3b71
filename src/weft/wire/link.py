"""Links (RTM_*LINK, RTM_*LINKPROP): layouts, and the attributes that weft reads and writes.

Source: rtnetlink(7), linux/if_link.h, linux/rtnetlink.h.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from weft.wire.address_text import AF_INET, AF_INET6, AF_UNSPEC, as_mac
from weft.wire.codec import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    Attributes,
    Read,
    Table,
    as_alike,
    as_bytes,
    as_list,
    as_s32,
    as_table,
    as_text,
    as_u8,
    as_u32,
    attribute,
    message,
    nest,
    read,
    text,
    u8,
    u32,
)

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWLINKPROP, RTM_DELLINKPROP = 108, 109

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_QDISC, IFLA_MASTER = 1, 3, 4, 5, 6, 10
IFLA_LINKINFO, IFLA_IFALIAS, IFLA_AF_SPEC, IFLA_GROUP, IFLA_NET_NS_FD = 18, 20, 26, 27, 28
IFLA_EXT_MASK, IFLA_LINK_NETNSID = 29, 37
_IFLA_QDISC, _IFLA_NUM_TX_QUEUES = 6, 31
IFLA_GSO_MAX_SEGS, IFLA_GSO_MAX_SIZE, IFLA_NEW_IFINDEX, IFLA_GRO_MAX_SIZE = 40, 41, 49, 58
IFLA_PROP_LIST, IFLA_ALT_IFNAME = 52, 53
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA = 1, 2, 4, 5
VETH_INFO_PEER = 1

_IFLA_INET_CONF, _IFLA_INET6_ADDR_GEN_MODE = 1, 8
_PROMOTE_SECONDARIES = 20
"""IPV4_DEVCONF_PROMOTE_SECONDARIES. Source: linux/ip.h."""

IFF_UP, IFF_LOWER_UP = 0x1, 0x10000
"""IFF_LOWER_UP: it has a carrier. Source: linux/if.h."""
LOOPBACK_INDEX = 1
"""`lo` has it in every namespace. Source: net/loopback.h LOOPBACK_IFINDEX."""

_RTEXT_FILTER_SKIP_STATS = 8

_IFINFO = Struct("=BxHiII")
"""ifinfomsg: family, device type, index, flags, mask of the flags to change."""
IFINFO_SIZE = _IFINFO.size
_read_ifinfo = _IFINFO.unpack_from


class LinkInfo(NamedTuple):
    """`kind` as in `ip -d link`, "" for hardware; `slave_kind` that of its master. The data of both are bytes, for
    whoever knows the kind to read."""

    kind: str = ""
    data: bytes = b""
    slave_kind: str = ""
    slave_data: bytes = b""

    def read(self, table: Table) -> Attributes:
        """Its kind's own attributes. Raises: Malformed."""
        return read(self.data, 0, len(self.data), table)

    def read_port(self, data: Read) -> Attributes:
        """What its master keeps of it. Raises: Malformed."""
        found: Attributes = data(self.slave_data, 0, len(self.slave_data))
        return found


_NO_INFO = LinkInfo()


class LinkMessage(NamedTuple):
    """`kind` as in `ip -d link`, "" for hardware."""

    ifindex: int
    flags: int
    attributes: Attributes
    kind: str = ""

    @property
    def ifname(self) -> str:
        return str(self.attributes[IFLA_IFNAME])

    @property
    def mac(self) -> str:
        return str(self.attributes.get(IFLA_ADDRESS, ""))

    @property
    def addr_gen_mode(self) -> str | None:
        """None where the link has no IPv6."""
        number = self.attributes.get(IFLA_AF_SPEC, {}).get(AF_INET6, {}).get(_IFLA_INET6_ADDR_GEN_MODE)
        return None if number is None else ADDR_GEN_MODES[number]

    @property
    def info(self) -> LinkInfo:
        found: LinkInfo = self.attributes.get(IFLA_LINKINFO, _NO_INFO)
        return found


def _as_link_info(buffer: bytes, at: int, end: int) -> LinkInfo:
    found = read(buffer, at, end, _INFO).get
    return LinkInfo(
        found(IFLA_INFO_KIND, ""),
        found(IFLA_INFO_DATA, b""),
        found(IFLA_INFO_SLAVE_KIND, ""),
        found(IFLA_INFO_SLAVE_DATA, b""),
    )


_INFO: Table = {
    IFLA_INFO_KIND: as_text,
    IFLA_INFO_DATA: as_bytes,
    IFLA_INFO_SLAVE_KIND: as_text,
    IFLA_INFO_SLAVE_DATA: as_bytes,
}

LINK: Table = {
    IFLA_ADDRESS: as_mac,
    IFLA_IFNAME: as_text,
    IFLA_MTU: as_u32,
    IFLA_LINK: as_u32,
    IFLA_QDISC: as_text,
    IFLA_MASTER: as_u32,
    IFLA_LINKINFO: _as_link_info,
    IFLA_IFALIAS: as_text,
    IFLA_GROUP: as_u32,
    IFLA_LINK_NETNSID: as_s32,
    IFLA_GSO_MAX_SEGS: as_u32,
    IFLA_GSO_MAX_SIZE: as_u32,
    IFLA_GRO_MAX_SIZE: as_u32,
    IFLA_AF_SPEC: as_alike({AF_INET6: as_alike({_IFLA_INET6_ADDR_GEN_MODE: as_u8})}),
    IFLA_PROP_LIST: as_list(IFLA_ALT_IFNAME, as_text),
}


def read_index(buffer: bytes, at: int) -> int:
    """Which link a message is about."""
    return int(_read_ifinfo(buffer, at)[2])


ADDR_GEN_MODES = ("eui64", "none", "stable_secret", "random")
"""IN6_ADDR_GEN_MODE_*, by number. Source: linux/if_link.h."""


def read_link(buffer: bytes, at: int, end: int) -> LinkMessage:
    _, _, index, flags, _ = _read_ifinfo(buffer, at)
    attributes = read(buffer, at + IFINFO_SIZE, end, LINK)
    return LinkMessage(index, flags, attributes, attributes.get(IFLA_LINKINFO, _NO_INFO).kind)


class Sending(NamedTuple):
    """How a link sends: by which MAC, the kind of its root qdisc, and how many queues of its own it has."""

    ifindex: int
    mac: str
    qdisc: str
    queues: int


_SENDING: Table = {IFLA_ADDRESS: as_mac, _IFLA_QDISC: as_text, _IFLA_NUM_TX_QUEUES: as_u32}


def read_sending(buffer: bytes, at: int, end: int) -> Sending:
    found = read(buffer, at + IFINFO_SIZE, end, _SENDING)
    qdisc, queues = found.get(_IFLA_QDISC, ""), found.get(_IFLA_NUM_TX_QUEUES, 1)
    return Sending(read_index(buffer, at), found.get(IFLA_ADDRESS, ""), qdisc, queues)


def get_links() -> tuple[int, bytes]:
    """Type and body of a dump of all links, without counters."""
    return RTM_GETLINK, link_header() + _NO_STATS


def get_link(*, index: int = 0, ifname: str = "") -> bytes:
    by_name = text(IFLA_IFNAME, ifname) if ifname else b""
    return message(RTM_GETLINK, 0, link_header(index), by_name, _NO_STATS)


def link_header(index: int = 0, *, up: bool | None = None, family: int = AF_UNSPEC) -> bytes:
    """`up` None leaves the state as it is."""
    return _IFINFO.pack(family, 0, index, IFF_UP if up else 0, 0 if up is None else IFF_UP)


_NO_STATS = u32(IFLA_EXT_MASK, _RTEXT_FILTER_SKIP_STATS)


def new_link(index: int, *attributes: bytes, up: bool | None = None) -> bytes:
    """Make a link; an index of 0 leaves the choice to the kernel. EXCL: without it the kernel would change a link that
    already has the index."""
    return message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header(index, up=up), *attributes)


def link_alias(value: str) -> bytes:
    """IFLA_IFALIAS as iproute2 writes it: without a zero byte, so that "" takes the alias away."""
    return attribute(IFLA_IFALIAS, value.encode("utf-8", "surrogateescape"))


def set_link(index: int, *attributes: bytes, up: bool | None = None) -> bytes:
    """Change a link. RTM_NEWLINK and not RTM_SETLINK, which ignores the data of a kind."""
    return message(RTM_NEWLINK, 0, link_header(index, up=up), *attributes)


def delete_link(index: int) -> bytes:
    return message(RTM_DELLINK, 0, link_header(index))


def delete_group(group: int) -> bytes:
    """Delete all links of a group at once: one wait for the kernel's readers instead of one each."""
    return message(RTM_DELLINK, 0, link_header(), u32(IFLA_GROUP, group))


def add_altnames(index: int, altnames: tuple[str, ...]) -> bytes:
    return _properties(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL, index, altnames)


def delete_altnames(index: int, altnames: tuple[str, ...]) -> bytes:
    return _properties(RTM_DELLINKPROP, 0, index, altnames)


def _properties(kind: int, flags: int, index: int, altnames: tuple[str, ...]) -> bytes:
    names = (text(IFLA_ALT_IFNAME, name) for name in altnames)
    return message(kind, flags, link_header(index), nest(IFLA_PROP_LIST, *names))


def link_info(kind: str, *data: bytes) -> bytes:
    inner = nest(IFLA_INFO_DATA, *data) if data else b""
    return nest(IFLA_LINKINFO, text(IFLA_INFO_KIND, kind), inner)


def veth_info(index: int, *attributes: bytes) -> bytes:
    """A veth with its other end, which takes its index only where the first end has one too."""
    return link_info("veth", nest(VETH_INFO_PEER, link_header(index), *attributes))


def addr_gen_mode(mode: str) -> bytes:
    """How the kernel comes by link-local addresses of a link; to be said before the link is up."""
    number = u8(_IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_MODES.index(mode))
    return nest(IFLA_AF_SPEC, nest(AF_INET6, number))


def promote_secondaries(index: int, promote: bool) -> bytes:
    """Whether an address is to live on when the one that it is secondary to goes."""
    conf = nest(_IFLA_INET_CONF, u32(_PROMOTE_SECONDARIES, promote))
    return set_link(index, nest(IFLA_AF_SPEC, nest(AF_INET, conf)))


def read_promoting(buffer: bytes, at: int, end: int) -> bool:
    """Of a link, what `promote_secondaries` says; True where it has no IPv4, and so nothing to be told."""
    values = read(buffer, at + IFINFO_SIZE, end, _PROMOTING).get(IFLA_AF_SPEC, {}).get(AF_INET, {})
    return bool(values.get(_IFLA_INET_CONF, True))


def _as_promoting(buffer: bytes, at: int, end: int) -> int:
    """The kernel tells all values in a row; the first is number 1."""
    place = at + 4 * (_PROMOTE_SECONDARIES - 1)
    return as_u32(buffer, place, place + 4) if place < end else 0


_PROMOTING: Table = {IFLA_AF_SPEC: as_table({AF_INET: as_table({_IFLA_INET_CONF: _as_promoting})})}
