"""Links that stand on nothing: dummies, ifbs, VRFs, and pairs of veths.

Rules: a veth is one entry with a `peer`, or two that name each other.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.findings import dotted
from weft.compiler.links.place import LinkPlace
from weft.compiler.naming import NAMES, plain_ifname
from weft.kinds.link.dummy import Dummy
from weft.kinds.link.ifb import Ifb
from weft.kinds.link.veth import Veth
from weft.kinds.link.vrf import Vrf
from weft.model.links import DummyLink, VethLink
from weft.model.stacked import IfbLink, VrfLink
from weft.state import KernelObject, link_key

RESERVED_TABLES = frozenset({253, 254, 255})
"""default, main, local. Source: linux/rtnetlink.h."""


def make_dummy(place: LinkPlace[DummyLink]) -> Iterator[KernelObject]:
    yield Dummy(netns=place.netns, ifname=place.ifname)


def make_ifb(place: LinkPlace[IfbLink]) -> Iterator[KernelObject]:
    yield Ifb(netns=place.netns, ifname=place.ifname)


def make_vrf(place: LinkPlace[VrfLink]) -> Iterator[KernelObject]:
    """Its routes are those of the namespace that name its table."""
    other = place.draft.claim(place.netns, f"vrf table {place.spec.table}", place.path)
    if other is not None:
        place.error(f"table {place.spec.table} is that of {dotted(other)}", "another `table`", "table")
    if place.spec.table in RESERVED_TABLES:
        place.error(f"table {place.spec.table} is the namespace's own", "another one, for example 10", "table")
    yield Vrf(netns=place.netns, ifname=place.ifname, table=place.spec.table)


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
            place.error(f"{far!r} is no name that weft gives to a link", NAMES, "peer")
        yield Veth(netns=place.netns, ifname=far, mtu=mtu, peer_netns=place.netns, peer_ifname=near)
