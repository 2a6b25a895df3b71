"""Macvlans, macvtaps and ipvlans: links that share another one's frames.

Rules: a link hands its frames to one other: a bridge or bond that it is a port of, its macvlans, or its ipvlans. One
upon another of its own sort would stand on that one's parent. One macvlan in mode passthru is alone on its parent and
has its MAC. The ipvlans of one parent have one mode and one flag. Source: net/core/dev.c netdev_rx_handler_register,
drivers/net/macvlan.c macvlan_common_newlink, drivers/net/ipvlan/ipvlan_main.c ipvlan_link_new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from weft.compiler.draft import Draft
from weft.compiler.links.place import NO_FRAMES, LinkPlace
from weft.compiler.macvtap import device_owner
from weft.kinds.link.ipvlan import Ipvlan
from weft.kinds.link.macvlan import PASSTHRU, Macvlan
from weft.kinds.link.macvtap import Macvtap
from weft.model.intent import Path
from weft.model.links import HostLink
from weft.model.stacked import IpvlanLink, MacvlanLink, MacvtapLink, VrfLink
from weft.state import HOST, KernelObject, Key, link_key

_SHARERS: Mapping[str, str] = MappingProxyType(
    {"macvlan": "macvlan", "macvtap": "macvlan", "ipvlan": "ipvlan", "macsec": "macsec"}
)
"""A kind of link to the word for what its parent's frames go to."""


def make_macvlan(place: LinkPlace[MacvlanLink]) -> Iterator[KernelObject]:
    spec, parent = place.spec, place.parent()
    if parent is None:
        return
    check_alone(place, parent)
    if spec.mode != PASSTHRU and place.stacking.upon(parent, _passes_through).get(True):
        place.error(f"{parent.name} has a macvlan in mode {PASSTHRU}, which is alone there", "another parent", "link")
    elif spec.mode == PASSTHRU:
        _check_passthru(place, parent)
    if spec.sources and spec.mode != "source":
        place.error(f"`sources` belong to mode source; this is mode {spec.mode}", "`mode: source`", "sources")
    bare = Macvlan(
        netns=place.netns,
        ifname=place.ifname,
        mtu=place.mtu_within(parent),
        parent=parent,
        mode=spec.mode,
        sources=tuple(sorted(spec.sources)) if spec.mode == "source" else None,
    )
    yield _with_device(place.draft, bare, spec, place.path) if isinstance(spec, MacvtapLink) else bare


def _with_device(draft: Draft, bare: Macvlan, spec: MacvtapLink, path: Path) -> Macvtap:
    """The file of one that names nobody is left as the kernel makes it, or udev."""
    named = spec.owner is not None or spec.group is not None
    user, group, permissions = device_owner(draft, spec.owner, spec.group, path) if named else (None, None, None)
    same = {field.name: getattr(bare, field.name) for field in fields(bare)}
    return Macvtap(**same, user=user, group=group, permissions=permissions)


def make_ipvlan(place: LinkPlace[IpvlanLink]) -> Iterator[KernelObject]:
    spec, parent = place.spec, place.parent()
    if parent is None:
        return
    check_alone(place, parent)
    if spec.mac:
        place.error(f"an ipvlan has the MAC of {parent.name}", "leave it out, or `kind: macvlan`", "mac")
    for word, by in _ALL_THE_SAME.items():
        other = next((o for o in place.stacking.upon(parent, by) if o not in (_NO_IPVLAN, by(spec))), None)
        if other is not None:
            what = f"another ipvlan of {parent.name} has `{word}: {other}`, and all of them have the same"
            place.error(what, f"`{word}: {other}` here too", word)
    yield Ipvlan(
        netns=place.netns,
        ifname=place.ifname,
        mtu=place.mtu_within(parent),
        parent=parent,
        mode=spec.mode,
        flag=spec.flag,
    )


def has_parents_mac(spec: MacvlanLink) -> bool:
    return spec.mode == PASSTHRU


_NO_IPVLAN = object()


def _ipvlan_mode(spec: HostLink) -> object:
    return spec.mode if isinstance(spec, IpvlanLink) else _NO_IPVLAN


def _ipvlan_flag(spec: HostLink) -> object:
    return spec.flag if isinstance(spec, IpvlanLink) else _NO_IPVLAN


_ALL_THE_SAME = {"mode": _ipvlan_mode, "flag": _ipvlan_flag}
"""What all ipvlans of one parent have in common."""


def _sharer(spec: HostLink) -> object:
    """Its word in _SHARERS, None for what shares nothing."""
    return _SHARERS.get(spec.kind)


def _passes_through(spec: HostLink) -> bool:
    return isinstance(spec, MacvlanLink) and spec.mode == PASSTHRU


def _check_passthru(place: LinkPlace[MacvlanLink], parent: Key) -> None:
    if place.spec.mac:
        place.error(f"a {place.spec.kind} in mode {PASSTHRU} has the MAC of {parent.name}", "leave it out", "mac")
    if len(place.stacking.upon(parent, _sharer)["macvlan"]) > 1:
        what = f"a {place.spec.kind} in mode {PASSTHRU} is alone on its parent; {parent.name} has another one"
        place.error(what, "another mode, or a parent of its own", "mode")


def check_alone(place: LinkPlace[Any], parent: Key) -> None:
    """Whether the parent's frames go nowhere else."""
    sort = _SHARERS[place.spec.kind]
    entry = place.declared.get(parent)
    if entry is not None and _SHARERS.get(entry.spec.kind) == sort:
        what = f"{parent.name} is of kind {entry.spec.kind} itself: one more upon it would stand on its parent"
        place.error(what, f"`link: {getattr(entry.spec, 'link', '')}`", "link")
        return
    _check_kind(place, parent, sort)
    _check_master(place, parent)
    other = next((keys[0] for by, keys in place.stacking.upon(parent, _sharer).items() if by not in (None, sort)), None)
    if other is not None:
        kind = place.declared[other].spec.kind
        what = f"{parent.name} gives its frames to {other.name} of kind {kind}, and to no other kind"
        place.error(what, f"`kind: {kind}`, or another parent", "link")


def _check_kind(place: LinkPlace[Any], parent: Key, sort: str) -> None:
    """Find a parent of somebody else's of which the kernel makes no parent."""
    kind = place.kind_of_others(parent)
    if place.draft.is_misfit(parent):
        return
    if kind in NO_FRAMES and sort != "ipvlan":
        what = f"{parent.name} carries packets, and a {place.spec.kind} needs frames"
        place.draft.misfit((*place.path, "link"), parent, what, "another link")
    elif sort != "macsec" and _SHARERS.get(kind) == sort:
        what = f"{parent.name} is of kind {kind} itself: one more upon it would stand on its parent"
        place.draft.misfit((*place.path, "link"), parent, what, "`link:` with that one's parent")


def _check_master(place: LinkPlace[Any], parent: Key) -> None:
    """Find a master that takes the parent's frames; of somebody else's, it may have come since. A VRF takes packets
    only."""
    entry = place.declared.get(parent)
    there = place.draft.facts.links.get(parent.name) if parent.netns == HOST else None
    own = entry.spec.master if entry else None
    name = own or (there.master if there else "")
    master = place.declared.get(link_key(parent.netns, name)) if name else None
    if not name or (master is not None and isinstance(master.spec, VrfLink)):
        return
    what = f"{parent.name} is a port of {name}, which takes its frames: what is upon it would get none"
    fix = f"`link: {name}`, or a port of {name}: `kind: veth`"
    if own:
        place.error(what, fix, "link")
    else:
        place.draft.misfit((*place.path, "link"), parent, what, fix)
