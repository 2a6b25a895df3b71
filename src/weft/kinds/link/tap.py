"""A persistent tap or tun. Made through /dev/net/tun (the kernel refuses RTM_NEWLINK for it); what follows its creation
goes by rtnetlink as for every link. Source: Documentation/networking/tuntap.rst, linux/if_tun.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims, link_cascade
from weft.kinds.link.reading import Seen
from weft.kinds.verbs import TapBirth
from weft.records import dataclass
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
    """owner and group: numeric ids allowed to open it without CAP_NET_ADMIN; of one that has both, who is both, and of
    one that has neither, everybody. `vnet_hdr` as observed is what its latest opener chose, which need not be how it
    was made. Source: drivers/net/tun.c tun_not_capable, tun_set_iff."""

    owner: int | None = None
    group: int | None = None
    multi_queue: bool | None = None
    vnet_hdr: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tun(Tap):
    """Of packets instead of frames; it has no MAC."""


_IFF_TUN, _IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR, _IFF_MULTI_QUEUE = 0x0001, 0x0002, 0x1000, 0x4000, 0x0100
_NOBODY = 0xFFFFFFFF


def _create(tap: Tap, names: Names) -> Iterator[Request]:
    """Up only when its maker has let go of it: until then it has a carrier, and with it a link-local address."""
    fields = (*writing.AT_BIRTH, "master") if tap.master else writing.AT_BIRTH
    first, *rest = writing.dress(tap, names, fields)
    mark = writing.attributes(tap, names, ("mac", "alias"))
    birth = TapBirth(
        ifname=tap.ifname,
        index=names.ifindex(tap.key),
        flags=_flags(tap),
        owner=tap.owner,
        group=tap.group,
        mark=set_link(names.ifindex(tap.key), *mark) if mark else b"",
        dress=(first.payload,),
    )
    yield Request(tap.netns, birth)
    if tap.born_up:
        yield Request(tap.netns, set_link(birth.index, up=True))
    yield from rest


def _flags(tap: Tap) -> int:
    flags = (_IFF_TUN if isinstance(tap, Tun) else _IFF_TAP) | _IFF_NO_PI
    if tap.vnet_hdr:
        flags |= _IFF_VNET_HDR
    return flags | _IFF_MULTI_QUEUE if tap.multi_queue else flags


def _script_create(tap: Tap) -> Iterable[str]:
    yield command.ip(tap.netns, "tuntap", "add", "dev", tap.ifname, "mode", _mode(tap), *_words(tap))


def _mode(tap: Tap) -> str:
    return "tun" if isinstance(tap, Tun) else "tap"


def _words(tap: Tap) -> Iterator[str | int]:
    for word, number in (("user", tap.owner), ("group", tap.group)):
        if number is not None:
            yield from (word, number)
    if tap.multi_queue:
        yield "multi_queue"
    if tap.vnet_hdr:
        yield "vnet_hdr"


def parse(seen: Seen) -> Tap:
    data = seen.info.read(TUN)
    is_tap = data.get(IFLA_TUN_TYPE) == TUN_TYPE_TAP
    fields = seen.fields if is_tap else {**seen.fields, "mac": None}
    return (Tap if is_tap else Tun)(
        **fields,
        owner=_id(data.get(IFLA_TUN_OWNER)),
        group=_id(data.get(IFLA_TUN_GROUP)),
        multi_queue=bool(data.get(IFLA_TUN_MULTI_QUEUE)),
        vnet_hdr=bool(data.get(IFLA_TUN_VNET_HDR)),
    )


def _id(number: int | None) -> int | None:
    return None if number == _NOBODY else number


def _row(name: str, cls: type[Tap], info_kind: str) -> Kind:
    return Kind(
        name=name,
        cls=cls,
        backend="rtnl",
        owner=Owner.ALIAS,
        info_kind=info_kind,
        in_place=LINK_FIELDS,
        held=True,
        requests=writing.requests_with(cls, _create),
        script=writing.script_with(cls, _script_create),
        parse=parse,
        claims=altname_claims,
        cascade=link_cascade,
    )


ROW = _row("tap", Tap, "tun")
TUN_ROW = _row("tun", Tun, "")
"""Read by the other row, for the kernel has one word for both."""
