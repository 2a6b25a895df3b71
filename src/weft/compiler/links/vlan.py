"""VLANs of a link.

Rules: a VLAN's frames travel in its parent's, so its MTU is at most the parent's, and is that if none is given.
Source: net/8021q/vlan_dev.c vlan_dev_change_mtu.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.findings import dotted
from weft.compiler.links.place import LinkPlace
from weft.kinds.link.vlan import Vlan
from weft.model.links import VlanLink
from weft.state import KernelObject


def make_vlan(place: LinkPlace[VlanLink]) -> Iterator[KernelObject]:
    spec, parent = place.spec, place.parent()
    if parent is None:
        return
    other = place.draft.claim(parent.netns, f"{parent.name} {spec.protocol} {spec.vid}", place.path)
    if other is not None:
        place.error(f"VLAN {spec.vid} of {parent.name} is {dotted(other)} already", "another `vid`", "vid")
    below = place.declared.get(parent)
    if below and below.spec.up is False and spec.up is not False and not spec.loose_binding:
        what = f"{parent.name} is down, and so is a VLAN of it"
        place.error(what, "`up: true` there, `up: false` here, or `loose_binding: true`", "link")
    yield Vlan(
        netns=place.netns,
        ifname=place.ifname,
        mtu=place.mtu_within(parent),
        parent=parent,
        vid=spec.vid,
        protocol=spec.protocol,
        reorder_hdr=spec.reorder_hdr,
        gvrp=spec.gvrp,
        loose_binding=spec.loose_binding,
        mvrp=spec.mvrp,
        ingress_qos=spec.ingress_qos,
        egress_qos=spec.egress_qos,
    )
