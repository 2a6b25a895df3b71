"""Links outside any tenant, one record for each kind. Words are iproute2's.

Rules: HostLink is what every link has, and by itself somebody else's link (`existing: true`); what weft makes is one of
its subclasses, chosen by the word after `kind`. A kind is a class here, or in stacked.py, and stands in the table of
link_kinds.py. `link` is always the link that another one stands on, `master` the one that it is a port of.
"""

from __future__ import annotations

from typing import ClassVar

from weft.model import bridging as b
from weft.model import qos_words as q
from weft.model import words as w
from weft.model.qos import QosUse
from weft.model.tuning import LinkTuning
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FdbSpec:
    """Which way frames to a MAC go. `remote` (of a VXLAN): to that machine, at its UDP `port` and `vni` where they
    differ from the link's. Without it, in the bridge that the link is a port of: by that port, within VLAN `vid` if
    given, or `local`: to the bridge itself."""

    mac: w.FdbMac
    remote: w.Address | None = None
    port: w.UdpPort | None = None
    vni: w.Vni | None = None
    vid: w.EntryVid | None = None
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLink:
    """`existing`: somebody else's link, whose attributes weft may set and will restore. `adopt`: one of this kind that
    is there already becomes weft's; left out are then its MAC, MTU, names and whether it is up as they are. `master`:
    an ifname of the same namespace. `bridge_port`: what that keeps of it, if it is a bridge. `up` None: up if weft
    makes it, else as it is. `accept_ra`: whether it listens to IPv6 router advertisements, None: as the namespace has
    it. `capacity`: what the line behind it carries, in bit/s. `was`: the name that it has in the kernel, by which it
    was made. MTU in bytes."""

    kind: ClassVar[str] = ""

    existing: bool = False
    adopt: bool = False
    master: w.Ifname | None = None
    bridge_port: b.BridgePortSpec | None = None
    up: bool | None = None
    accept_ra: bool | None = None
    mac: w.Mac | None = None
    mtu: w.Mtu | None = None
    alias: w.Alias | None = None
    altnames: tuple[w.AltName, ...] = ()
    addresses: tuple[w.InterfaceAddress, ...] = ()
    fdb: tuple[FdbSpec, ...] = ()
    tuning: LinkTuning | None = None
    qos: QosUse | None = None
    capacity: q.RateBps | None = None
    was: w.Ifname | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUpon(HostLink):
    """A link that stands on another one. `link_netns`: the namespace of that, "host" for the host's own; None: the same
    namespace. No kind by itself."""

    link: w.Ifname
    link_netns: w.NetnsName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOver(HostLink):
    """A link that has others as its ports. `members`: those; each may as well say `master:` itself. One that has no
    entry of its own is somebody else's. No kind by itself."""

    members: tuple[w.Ifname, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeLink(LinkOver):
    """Times in seconds. `forward_delay` None: 15 with STP, else 0. `vlan_default_pvid`: the VLAN of untagged frames of
    ports of which nothing is said, 0 for none; `vlans`: the bridge's own, None: that one."""

    kind: ClassVar[str] = "bridge"

    stp: bool = False
    forward_delay: b.ForwardDelay | None = None
    hello_time: b.HelloTime = 2
    max_age: b.MaxAge = 20
    ageing_time: b.AgeingTime = 300
    priority: b.BridgePriority = 32768
    mcast_snooping: bool = True
    mcast_querier: bool = False
    vlan_filtering: bool = False
    vlan_protocol: w.VlanProtocol = "802.1q"
    vlan_default_pvid: b.DefaultPvid = 1
    vlans: tuple[b.PortVlans, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DummyLink(HostLink):
    kind: ClassVar[str] = "dummy"


@dataclass(frozen=True, slots=True, kw_only=True)
class VethLink(HostLink):
    """`peer`: the other end's ifname, in the same namespace; it may have an entry of its own that names this one."""

    kind: ClassVar[str] = "veth"

    peer: w.Ifname


@dataclass(frozen=True, slots=True, kw_only=True)
class VlanLink(LinkUpon):
    """`ingress_qos`: from the priority in a frame (0-7) to that of the packet; `egress_qos`: the other way."""

    kind: ClassVar[str] = "vlan"

    vid: w.Vid
    protocol: w.VlanProtocol = "802.1q"
    reorder_hdr: bool = True
    gvrp: bool = False
    mvrp: bool = False
    loose_binding: bool = False
    ingress_qos: tuple[w.IngressQos, ...] = ()
    egress_qos: tuple[w.EgressQos, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelLink(HostLink):
    """A link whose traffic travels in the packets of an underlay. `remote`: the other machine. `ttl`, `tos`: those of
    the outer packets, 0 and 1 to take over the inner ones; None: the kind's own default. No kind by
    itself."""

    remote: w.Address | None = None
    ttl: w.Ttl | None = None
    tos: w.Tos = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundTunnelLink(TunnelLink):
    """`local`: its own address in the underlay. `link`: the link that its packets leave by; None: what the routes say.
    No kind by itself."""

    link: w.Ifname | None = None
    local: w.Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VxlanLink(BoundTunnelLink):
    """`link_netns`: the namespace that its packets travel in, as LinkUpon's. What goes to unknown addresses goes to one
    of `remote`, `group` (multicast, by `link`), and every one of `remotes`. `ageing` of what was learned, in
    seconds."""

    kind: ClassVar[str] = "vxlan"

    vni: w.Vni
    link_netns: w.NetnsName | None = None
    group: w.Address | None = None
    remotes: tuple[w.Address, ...] = ()
    port: w.UdpPort = 4789
    learning: bool = True
    ageing: w.AgeingSeconds = 300
    df: w.DontFragment = "unset"
    udp_csum: bool = True
    udp6_zero_csum_tx: bool = False
    udp6_zero_csum_rx: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneveLink(TunnelLink):
    """`udp_csum` of IPv4 packets; those of IPv6 always have one."""

    kind: ClassVar[str] = "geneve"

    vni: w.Vni
    port: w.UdpPort = 6081
    df: w.DontFragment = "unset"
    udp_csum: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyGreLink(BoundTunnelLink):
    """`key` tells tunnels between the same ends apart. No kind by itself."""

    key: w.U32 | None = None
    csum: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GreLink(AnyGreLink):
    """Packets over IPv4. `pmtudisc`: the outer packets are not to be fragmented."""

    kind: ClassVar[str] = "gre"

    pmtudisc: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class GreTapLink(AnyGreLink):
    """Frames over IPv4. `pmtudisc` as GreLink's."""

    kind: ClassVar[str] = "gretap"

    pmtudisc: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ip6GreLink(AnyGreLink):
    """Packets over IPv6."""

    kind: ClassVar[str] = "ip6gre"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ip6GreTapLink(AnyGreLink):
    """Frames over IPv6."""

    kind: ClassVar[str] = "ip6gretap"


@dataclass(frozen=True, slots=True, kw_only=True)
class IpipLink(BoundTunnelLink):
    """IPv4 in IPv4. `pmtudisc` as GreLink's."""

    kind: ClassVar[str] = "ipip"

    pmtudisc: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SitLink(BoundTunnelLink):
    """IPv6 in IPv4. `pmtudisc` as GreLink's."""

    kind: ClassVar[str] = "sit"

    pmtudisc: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ip6TnlLink(BoundTunnelLink):
    """Either family in IPv6."""

    kind: ClassVar[str] = "ip6tnl"
