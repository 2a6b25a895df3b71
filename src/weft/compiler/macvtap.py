"""Ports that stand on a link of the host's themselves, and of those the ones of virtual machines: macvtaps.

Rules: a macvtap stays in the host's namespace under the user's name, with the port's MAC, for it takes in no frames for
another; its device file /dev/tapN is its owner's. The guest sets its own address, so the kernel holds none: the alias
remembers which one is reserved.
"""

from __future__ import annotations

from weft.compiler.accounts import ROOT, account
from weft.compiler.draft import Draft
from weft.compiler.findings import dotted
from weft.compiler.place import PortPlace, outer_ifname
from weft.compiler.settings import compile_tuning
from weft.kinds.link.common import ChildLink, Link
from weft.kinds.link.ipvlan import Ipvlan
from weft.kinds.link.macvlan import PASSTHRU, Macvlan
from weft.kinds.link.macvtap import Macvtap
from weft.model.intent import MacvtapAttach, Path
from weft.state import HOST

ALONE, WITH_GROUP = 0o600, 0o660
"""Permissions of the device file."""


def compile_macvtap(draft: Draft, place: PortPlace, attach: MacvtapAttach) -> None:
    """Put the macvtap."""
    shared, at = place.network.shared, (*place.path, "attach")
    if not isinstance(shared, Macvlan):
        what = f"the ports of network {place.network.name} are no macvlans, and a macvtap is one"
        draft.error(at, what, "`tap: {}`, or a segment with `mode: macvlan`")
        return
    draft.need("macvtap", place.path, "`tap: {}` on a network without `mode`")
    check_shared(draft, place, shared)
    if attach.mode and shared.mode == PASSTHRU:
        draft.error((*at, "macvtap", "mode"), f"the segment has `submode: {PASSTHRU}`", "take one of the two out")
    if place.port.routes:
        draft.error((*place.path, "routes"), "the routes of a macvtap's port are its guest's", "set them in the guest")
    if place.qos is not None:
        what = "quality of service of a macvtap's port is not in this version of weft"
        draft.error((*place.path, "qos"), what, "`tap: {}` on a network without `mode`, or no policy")
    ifname, altnames = outer_ifname(draft, place, attach.name, f"wt{place.short}")
    user, group, permissions = device_owner(draft, attach.owner, attach.group, (*at, "macvtap"))
    link = Macvtap(
        netns=HOST,
        ifname=ifname,
        alias=" ".join((place.mark, *place.held, *((place.port.alias,) if place.port.alias else ()))),
        mac=place.mac if has_own_mac(shared) else None,
        mtu=place.mtu,
        up=True,
        addr_gen_mode=draft.silence(place.mtu),
        altnames=altnames,
        parent=shared.parent,
        mode=attach.mode or shared.mode,
        user=user,
        group=group,
        permissions=permissions,
    )
    draft.link(link, place.path)
    compile_tuning(draft, link.key, place.port.tuning, place.path)


def device_owner(draft: Draft, owner: str | None, group: str | None, path: Path) -> tuple[int | None, int | None, int]:
    """User, group and mode bits of a device file: root's unless somebody is named, a group's only if it is. None for
    whoever is not known."""
    user = ROOT if owner is None else account(draft, (*path, "owner"), owner, draft.facts.users)
    of_group = ROOT if group is None else account(draft, (*path, "group"), group, draft.facts.groups)
    return user, of_group, ALONE if group is None else WITH_GROUP


def has_own_mac(link: Link) -> bool:
    return not isinstance(link, Ipvlan) and not (isinstance(link, Macvlan) and link.mode == PASSTHRU)


def check_shared(draft: Draft, place: PortPlace, shared: ChildLink) -> None:
    """What a port cannot be that stands on the link itself."""
    if place.port.mac and not has_own_mac(shared):
        what = f"the port has the MAC of {shared.parent.name}, on which it stands"
        draft.error((*place.path, "mac"), what, "leave it out, or `submode: bridge` of macvlan")
    if isinstance(shared, Macvlan) and shared.mode == PASSTHRU:
        other = draft.claim(HOST, f"{PASSTHRU} of {shared.parent.name}", place.path)
        if other is not None:
            what = f"{dotted(other)} is alone on {shared.parent.name} by `submode: {PASSTHRU}`"
            draft.error(place.path, what, "another submode, or a segment of its own")
