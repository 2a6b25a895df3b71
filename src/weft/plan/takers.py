"""Who has the frames that a link receives: the kernel gives them to one sort of taker at a time.

Rules: pure. Takers of one sort share a link, but for what is alone there. Source: net/core/dev.c
netdev_rx_handler_register, drivers/net/macvlan.c macvlan_common_newlink, drivers/net/ipvlan/ipvlan_main.c.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.kinds.link.common import Link
from weft.kinds.link.ipvlan import Ipvlan
from weft.kinds.link.macvlan import PASSTHRU, Macvlan
from weft.kinds.setting.link import BOND, MASTER, LinkSetting, Membership
from weft.state import KernelObject, Key, link_key


def taken_by(obj: KernelObject | None) -> Iterator[tuple[Key, str]]:
    """The links whose frames it takes, or has its master take, and as what sort."""
    if isinstance(obj, LinkSetting):
        if (obj.attribute == MASTER and obj.value) or (obj.attribute == BOND and Membership.parse(obj.value).bond):
            yield link_key(obj.netns, obj.ifname), "port"
    elif isinstance(obj, Link):
        if obj.master:
            yield obj.key, "port"
        if isinstance(obj, Macvlan):
            yield obj.parent, f"alone {obj.key}" if obj.mode == PASSTHRU else "macvlan"
        elif isinstance(obj, Ipvlan):
            yield obj.parent, "ipvlan"
