"""The table of kinds: every object that weft puts into a kernel, one row each."""

from __future__ import annotations

from weft.kinds import netns
from weft.kinds.base import KindTable
from weft.kinds.ip import address, neighbour, route, rule
from weft.kinds.link import bridge, dummy, other, tap, veth
from weft.kinds.nft import chain, element, foreign_rule, nftset, table
from weft.kinds.setting import link as link_setting
from weft.kinds.setting import sysctl

KINDS = KindTable(
    module.ROW
    for module in (
        netns, veth, bridge, dummy, tap, other, address, route, rule, neighbour,
        sysctl, link_setting, table, chain, nftset, element, foreign_rule,
    )
)  # fmt: skip
