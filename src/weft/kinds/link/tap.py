"""A persistent tap. Made through /dev/net/tun (the kernel refuses RTM_NEWLINK for it); what follows its creation goes
by rtnetlink as for every link. Source: Documentation/networking/tuntap.rst, linux/if_tun.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims, link_cascade
from weft.kinds.link.reading import Seen
from weft.kinds.verbs import TapBirth
from weft.wire.link import set_link
from weft.wire.tun import (
    IFLA_TUN_GROUP,
    IFLA_TUN_MULTI_QUEUE,
    IFLA_TUN_OWNER,
    IFLA_TUN_TYPE,
    IFLA_TUN_VNET_HDR,
    TUN,
    TUN_TYPE_TAP,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap(Link):
    """owner and group: numeric ids allowed to open it without CAP_NET_ADMIN, None for root only. `vnet_hdr` as observed
    is what its latest opener chose, which need not be how it was made. Source: drivers/net/tun.c tun_set_iff."""

    owner: int | None = None
    group: int | None = None
    multi_queue: bool | None = None
    vnet_hdr: bool | None = None


_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR, _IFF_MULTI_QUEUE = 0x0002, 0x1000, 0x4000, 0x0100
_NOBODY = 0xFFFFFFFF


def _create(tap: Tap, names: Names) -> Iterator[Request]:
    """Up only when its maker has let go of it: until then it has a carrier, and with it a link-local address."""
    fields = (*writing.AT_BIRTH, "master") if tap.master else writing.AT_BIRTH
    first, *rest = writing.dress(tap, names, fields)
    birth = TapBirth(
        ifname=tap.ifname,
        index=names.ifindex(tap.key),
        flags=_flags(tap),
        owner=tap.owner,
        group=tap.group,
        dress=(first.payload,),
    )
    yield Request(tap.netns, birth)
    if tap.up:
        yield Request(tap.netns, set_link(birth.index, up=True))
    yield from rest


def _flags(tap: Tap) -> int:
    flags = _IFF_TAP | _IFF_NO_PI
    if tap.vnet_hdr:
        flags |= _IFF_VNET_HDR
    return flags | _IFF_MULTI_QUEUE if tap.multi_queue else flags


def _script_create(tap: Tap) -> Iterable[str]:
    yield command.ip(tap.netns, "tuntap", "add", "dev", tap.ifname, "mode", "tap", *_words(tap))


def _words(tap: Tap) -> Iterator[str | int]:
    for word, number in (("user", tap.owner), ("group", tap.group)):
        if number is not None:
            yield from (word, number)
    if tap.multi_queue:
        yield "multi_queue"
    if tap.vnet_hdr:
        yield "vnet_hdr"


def parse(seen: Seen) -> Tap | None:
    """None where it is a tun."""
    data = seen.info.read(TUN)
    if data.get(IFLA_TUN_TYPE) != TUN_TYPE_TAP:
        return None
    return Tap(
        **seen.fields,
        owner=_id(data.get(IFLA_TUN_OWNER)),
        group=_id(data.get(IFLA_TUN_GROUP)),
        multi_queue=bool(data.get(IFLA_TUN_MULTI_QUEUE)),
        vnet_hdr=bool(data.get(IFLA_TUN_VNET_HDR)),
    )


def _id(number: int | None) -> int | None:
    return None if number == _NOBODY else number


ROW = Kind(
    name="tap",
    cls=Tap,
    backend="rtnl",
    owner=Owner.ALIAS,
    info_kind="tun",
    in_place=LINK_FIELDS,
    held=True,
    requests=writing.requests_with(Tap, _create),
    script=writing.script_with(Tap, _script_create),
    parse=parse,
    claims=altname_claims,
    cascade=link_cascade,
)
