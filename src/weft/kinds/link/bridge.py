"""A software bridge. Source: ip-link(8) TYPE BRIDGE, linux/if_bridge.h."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims
from weft.state import Change

MAX_PORTS = 1023
"""net/bridge/br_private.h BR_MAX_PORTS (1 << 10, port 0 unused)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge(Link):
    """forward_delay and ageing_time in hundredths of a second (USER_HZ)."""

    stp: bool | None = None
    forward_delay: int | None = None
    ageing_time: int | None = None
    mcast_snooping: bool | None = None


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> Bridge:
    raise NotImplementedError


ROW = Kind(
    name="bridge",
    cls=Bridge,
    backend="rtnl",
    owner=Owner.ALIAS,
    in_place=LINK_FIELDS | {"stp", "forward_delay", "ageing_time", "mcast_snooping"},
    requests=requests,
    script=script,
    parse=parse,
    claims=altname_claims,
)
