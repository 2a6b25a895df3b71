"""Links outside any tenant, one record for each kind. Words are iproute2's.

Rules: HostLink is what every link has, and by itself somebody else's link (`existing: true`); what weft makes is one of
its subclasses, chosen by the word after `kind`. A kind is a class here and a name in HOST_LINKS. `link` is always the
link that another one stands on, `master` the one that it is a port of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar

from weft.model import words as w
from weft.model.tuning import LinkTuning


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLink:
    """`existing`: somebody else's link, whose attributes weft may set and will restore. `master`: an ifname of the same
    namespace. `up` None: up if weft makes it, else as it is. MTU in bytes."""

    kind: ClassVar[str] = ""

    existing: bool = False
    master: w.Ifname | None = None
    up: bool | None = None
    mac: w.Mac | None = None
    mtu: w.Mtu | None = None
    alias: w.Alias | None = None
    altnames: tuple[w.AltName, ...] = ()
    addresses: tuple[w.InterfaceAddress, ...] = ()
    tuning: LinkTuning | None = None


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
    kind: ClassVar[str] = "bridge"


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


HOST_LINKS: Mapping[str, type[HostLink]] = MappingProxyType(
    {cls.kind: cls for cls in (BridgeLink, DummyLink, VethLink, VlanLink)}
)
"""What `kind` may say."""

AnyLink = Annotated[HostLink, w.Chosen(by="kind", of=HOST_LINKS)]
