"""The table of kinds: every object that weft puts into a kernel, one row each.

Rules: the order is that of making, among objects that do not stand on each other: the default that a new link inherits
(a sysctl) before it, links that have others as ports before those, a set before the chain that uses it.
"""

from __future__ import annotations

from weft.kinds import netns, process
from weft.kinds.base import KindTable
from weft.kinds.ip import address, neighbour, route, rule
from weft.kinds.link import (
    bond,
    bridge,
    bridge_port,
    bridge_vlan,
    dummy,
    fdb,
    geneve,
    gre,
    ifb,
    iptunnel,
    ipvlan,
    macsec,
    macvlan,
    macvtap,
    other,
    tap,
    veth,
    vlan,
    vrf,
    vxlan,
)
from weft.kinds.nft import chain, element, foreign_rule, nftset, table
from weft.kinds.setting import link as link_setting
from weft.kinds.setting import sysctl
from weft.kinds.tc import cake, fq, fq_codel, htb, netem, pfifo, sfq, tbf
from weft.kinds.tc import other as other_qdisc

KINDS = KindTable((
    *(module.ROW for module in (netns, sysctl, link_setting, vrf, bridge, bond, dummy, ifb, tap)),
    tap.TUN_ROW,
    *(module.ROW for module in (veth, vlan, macvlan, macvtap, ipvlan, macsec, vxlan, geneve)),
    *gre.ROWS,
    *iptunnel.ROWS,
    *(module.ROW for module in (other, bridge_port, bridge_vlan, fdb, address, neighbour, rule, route)),
    htb.ROW,
    htb.CLASS_ROW,
    *(module.ROW for module in (tbf, netem, pfifo, fq_codel, sfq, fq, cake, other_qdisc)),
    *(module.ROW for module in (table, nftset, chain, element, foreign_rule, process)),
))  # fmt: skip
