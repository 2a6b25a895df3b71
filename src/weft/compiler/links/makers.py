"""The table of link kinds: for each record of the model what makes its kernel objects.

Rules: a maker yields bare links, whole.py gives them what all links have in common. The kind's word is the name of the
kernel feature that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from weft.compiler.links import bond, tunnel, upon
from weft.compiler.links.bridge import make_bridge
from weft.compiler.links.macsec import make_macsec
from weft.compiler.links.place import LinkPlace
from weft.compiler.links.plain import make_dummy, make_ifb, make_veth, make_vrf
from weft.compiler.links.tuntap import make_tap, make_tun
from weft.compiler.links.vlan import make_vlan
from weft.model.links import (
    BridgeLink,
    DummyLink,
    GeneveLink,
    GreLink,
    GreTapLink,
    HostLink,
    Ip6GreLink,
    Ip6GreTapLink,
    Ip6TnlLink,
    IpipLink,
    SitLink,
    VethLink,
    VlanLink,
    VxlanLink,
)
from weft.model.stacked import (
    BondLink,
    IfbLink,
    IpvlanLink,
    MacsecLink,
    MacvlanLink,
    MacvtapLink,
    TapLink,
    TunLink,
    VrfLink,
)
from weft.records import dataclass
from weft.state import KernelObject


@dataclass(frozen=True, slots=True)
class Maker:
    """`instead`: what would do on a kernel that lacks the kind. `own_mac`: whether such a link has a MAC of its own,
    which weft derives; else it has its parent's, or none. `another_s_mac`: whether a link as this one says has that of
    another link, though its kind has its own."""

    make: Callable[[LinkPlace[Any]], Iterable[KernelObject]]
    instead: str
    own_mac: bool = True
    another_s_mac: Callable[[Any], bool] = lambda spec: False


MAKERS: Mapping[type[HostLink], Maker] = MappingProxyType(
    {
        BridgeLink: Maker(make_bridge, "load the kernel's bridge module"),
        DummyLink: Maker(make_dummy, "a bridge without members holds addresses as well: `kind: bridge`"),
        VethLink: Maker(make_veth, "load the kernel's veth module"),
        VlanLink: Maker(make_vlan, "load the kernel's 8021q module", own_mac=False),
        VxlanLink: Maker(tunnel.make_vxlan, "load the kernel's vxlan module"),
        GeneveLink: Maker(tunnel.make_geneve, "`kind: vxlan` with its `remote`, on both machines"),
        GreLink: Maker(tunnel.make_gre, "`kind: vxlan`, on both machines", own_mac=False),
        GreTapLink: Maker(tunnel.make_gre, "`kind: vxlan` with its `remote`, on both machines"),
        Ip6GreLink: Maker(tunnel.make_ip6gre, "`kind: vxlan`, on both machines", own_mac=False),
        Ip6GreTapLink: Maker(tunnel.make_ip6gre, "`kind: vxlan` with its `remote`, on both machines"),
        IpipLink: Maker(tunnel.make_iptunnel, "`kind: vxlan`, on both machines", own_mac=False),
        SitLink: Maker(tunnel.make_iptunnel, "`kind: vxlan`, on both machines", own_mac=False),
        Ip6TnlLink: Maker(tunnel.make_ip6tnl, "`kind: vxlan`, on both machines", own_mac=False),
        BondLink: Maker(
            bond.make_bond, "a bridge of the same members, with `stp: true`", another_s_mac=bond.has_members_mac
        ),
        VrfLink: Maker(make_vrf, "a namespace of its own, or `rules:` that lead to a table"),
        MacvlanLink: Maker(upon.make_macvlan, "a bridge with a veth", another_s_mac=upon.has_parents_mac),
        MacvtapLink: Maker(upon.make_macvlan, "a bridge with a tap", another_s_mac=upon.has_parents_mac),
        IpvlanLink: Maker(upon.make_ipvlan, "`kind: macvlan`", own_mac=False),
        MacsecLink: Maker(make_macsec, "load the kernel's macsec module", own_mac=False),
        IfbLink: Maker(make_ifb, "a pair of veths"),
        TapLink: Maker(make_tap, "load the kernel's tun module"),
        TunLink: Maker(make_tun, "load the kernel's tun module", own_mac=False),
    }
)
