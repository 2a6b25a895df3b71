"""A persistent tap. Made through /dev/net/tun (the kernel refuses RTM_NEWLINK for it), so its backend is "tun"; what
follows its creation goes by rtnetlink as for every link. Source: Documentation/networking/tuntap.rst, linux/if_tun.h.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims
from weft.state import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap(Link):
    """owner and group: numeric ids allowed to open it without CAP_NET_ADMIN, None for root only."""

    owner: int | None = None
    group: int | None = None
    multi_queue: bool | None = None
    vnet_hdr: bool | None = None


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> Tap:
    raise NotImplementedError


ROW = Kind(
    name="tap",
    cls=Tap,
    backend="rtnl",
    owner=Owner.ALIAS,
    in_place=LINK_FIELDS,
    held=True,
    requests=requests,
    script=script,
    parse=parse,
    claims=altname_claims,
)
