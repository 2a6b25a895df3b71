"""What the topology says of things by their place in the file: how a port ends, what a link or network stands on."""

from __future__ import annotations

from collections.abc import Iterator

from weft.kinds import KINDS
from weft.kinds.link.common import Link, OtherLink
from weft.model.floating import FloatingIp
from weft.model.intent import Attach
from weft.model.links import GeneveLink, HostLink, VlanLink, VxlanLink
from weft.model.security import PROTOCOL_NAMES
from weft.model.segment import SegmentSpec
from weft.model.stacked import BondLink, IpvlanLink, MacvlanLink, VrfLink


def segment(segment: SegmentSpec) -> str:
    """What a network stands on, in a few words."""
    if segment.vni is not None:
        return f"vxlan {segment.vni}"
    vlan = f"vlan {segment.vlan} of " if segment.vlan is not None else ""
    return f"{segment.mode or ''} on {vlan}{segment.link}".lstrip()


def about(link: HostLink | None) -> str:
    """What tells a link from others of its kind, in a word or two."""
    match link:
        case VlanLink():
            return str(link.vid)
        case VxlanLink() | GeneveLink():
            return str(link.vni)
        case BondLink() | MacvlanLink() | IpvlanLink():
            return link.mode
        case VrfLink():
            return f"table {link.table}"
    return ""


def ways(address: str, held: FloatingIp) -> Iterator[tuple[str, str]]:
    """The ports that a floating IP leads to, each with how."""
    if held.port is not None:
        yield held.port, address
    for forward in held.forward:
        ports = ",".join(str(low) if low == high else f"{low}-{high}" for low, high in forward.ports)
        yield forward.port, f"{address} {PROTOCOL_NAMES[forward.protocol]}/{ports}"


def attachment(attach: Attach) -> str:
    if attach.tap or attach.macvtap:
        return "tap" if attach.tap else "macvtap"
    if attach.router:
        return "router"
    return "host" if attach.host else "pidfile" if attach.pidfile else "netns"


def kind(link: Link) -> str:
    return link.link_kind if isinstance(link, OtherLink) else KINDS.of(link).name
