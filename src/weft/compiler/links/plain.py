"""Links that stand on nothing: dummies, and pairs of veths.

Rules: a veth is one entry with a `peer`, or two that name each other.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.links.place import LinkPlace
from weft.compiler.naming import plain_ifname
from weft.kinds.link.dummy import Dummy
from weft.kinds.link.veth import Veth
from weft.model.links import DummyLink, VethLink
from weft.state import KernelObject, link_key


def make_dummy(place: LinkPlace[DummyLink]) -> Iterator[KernelObject]:
    yield Dummy(netns=place.netns, ifname=place.ifname)


def make_veth(place: LinkPlace[VethLink]) -> Iterator[KernelObject]:
    """This end, and the other unless it has an entry of its own."""
    near, far = place.ifname, place.spec.peer
    entry = place.declared.get(link_key(place.netns, far))
    other = entry.spec if entry else None
    if far == near:
        place.error(f"{near} cannot be its own other end", "`peer: IFNAME`, another one", "peer")
        return
    if other is not None and not (isinstance(other, VethLink) and other.peer == near):
        place.error(f"{far} is not the other end of {near}", f"`peer: {near}` there", "peer")
        return
    mtu = place.spec.mtu or (other.mtu if other else None)
    yield Veth(netns=place.netns, ifname=near, mtu=mtu, peer_netns=place.netns, peer_ifname=far)
    if other is None:
        if not plain_ifname(far):
            place.error(f"{far!r} is no name that weft gives to a link", "letters, digits, '_', '.' and '-'", "peer")
        yield Veth(netns=place.netns, ifname=far, mtu=mtu, peer_netns=place.netns, peer_ifname=near)
