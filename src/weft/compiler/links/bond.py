"""Bonds: their options, and which mode knows which.

Rules: an option of another mode is an error that names the right one. Links are watched by their carrier every 100 ms
unless ARP is asked for: a bond that watches nothing never fails over. What a mode knows and nobody says has the
kernel's default, said, so that what the file no longer says goes back. Source: drivers/net/bonding/bond_options.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from weft.compiler.links.place import LinkPlace
from weft.compiler.routing import is_ipv6
from weft.kinds.link.bonding import LACP, MODES_OF, Bond
from weft.model.stacked import BondLink
from weft.model.words import among
from weft.state import HOST, KernelObject, link_key

MIIMON = 100
"""Milliseconds."""

_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "primary": "",
        "primary_reselect": "always",
        "fail_over_mac": "none",
        "xmit_hash_policy": "layer2",
        "lacp_rate": "slow",
        "ad_select": "stable",
        "min_links": 0,
        "arp_interval": None,
        "arp_ip_target": (),
        "arp_validate": None,
    }
)
"""What an option is where nobody says it, in a mode that knows it."""


def make_bond(place: LinkPlace[BondLink]) -> Iterator[KernelObject]:
    """The bond, with all that its mode knows."""
    spec = place.spec
    members = _members(place)
    _check_modes(place)
    _check_watching(place)
    _check_members(place, members)
    known = {name: _said(spec, name) for name, modes in MODES_OF.items() if spec.mode in modes}
    known.update(dict.fromkeys(("updelay", "downdelay"), 0) if _by_carrier(spec) else {})
    yield Bond(
        netns=place.netns,
        ifname=place.ifname,
        mode=spec.mode,
        miimon=(MIIMON if spec.miimon is None else spec.miimon) if _by_carrier(spec) else None,
        **{**known, **_watching(spec)},
    )


def has_members_mac(spec: BondLink) -> bool:
    """Whether it takes over the MAC of the member that it uses."""
    return spec.fail_over_mac in ("active", "follow")


def _said(spec: BondLink, name: str) -> Any:
    said = getattr(spec, name)
    return _DEFAULTS[name] if said is None else said


def _by_carrier(spec: BondLink) -> bool:
    return not spec.arp_interval


def _watching(spec: BondLink) -> dict[str, Any]:
    """How long a link must be up or down to count, or whom to ask by ARP."""
    if _by_carrier(spec):
        return {"updelay": spec.updelay or 0, "downdelay": spec.downdelay or 0, "arp_ip_target": None}
    return {"arp_ip_target": tuple(sorted(spec.arp_ip_target)), "arp_validate": spec.arp_validate or "none"}


def _members(place: LinkPlace[BondLink]) -> list[str]:
    return [key.name for key in place.stacking.ports(place.key)]


def _check_modes(place: LinkPlace[BondLink]) -> None:
    for name, modes in MODES_OF.items():
        if getattr(place.spec, name) not in (None, ()) and place.spec.mode not in modes:
            what = f"{name} belongs to mode {among(sorted(modes))}; this is mode {place.spec.mode}"
            place.error(what, f"`mode: {sorted(modes)[0]}`, or leave {name} out", name)


def _check_watching(place: LinkPlace[BondLink]) -> None:
    spec = place.spec
    every = MIIMON if spec.miimon is None else spec.miimon
    if spec.arp_interval and spec.miimon:
        place.error("links are watched by miimon or by arp_interval, not by both", "leave one of them out", "miimon")
    if spec.arp_interval and not spec.arp_ip_target:
        place.error("arp_interval has nobody to ask", "`arp_ip_target: [ADDRESS]`", "arp_interval")
    if not spec.arp_interval and (spec.arp_ip_target or spec.arp_validate not in (None, "none")):
        place.error("ARP is asked at no interval", "`arp_interval: MILLISECONDS`", "arp_ip_target")
    for target in filter(is_ipv6, spec.arp_ip_target):
        place.error(f"{target} cannot be asked by ARP", "an IPv4 address", "arp_ip_target")
    for name in ("updelay", "downdelay"):
        delay = getattr(spec, name)
        if delay and (spec.arp_interval or not every or delay % every):
            what = f"{name} {delay} is not a multiple of miimon, which says how often links are looked at"
            place.error(what, f"a multiple of {every or MIIMON}", name)
    if every == 0 and not spec.arp_interval:
        place.draft.warn(
            (*place.path, "miimon"), "nobody watches the bond's links: it never fails over", "`miimon: 100`"
        )


def _check_members(place: LinkPlace[BondLink], members: list[str]) -> None:
    spec = place.spec
    if spec.mode == LACP and len(members) == 1:
        what = f"{place.ifname} has one member: LACP brings nothing then, and without a partner it may stay down"
        place.draft.warn(place.path, what, "a second member, or no bond")
    if spec.primary and spec.primary not in members:
        there = f"one of its members: {', '.join(members)}" if members else "`members:` first"
        place.error(f"{spec.primary} is no member of {place.ifname}", there, "primary")
    for member in members:
        _check_member(place, member)


def _check_member(place: LinkPlace[BondLink], member: str) -> None:
    entry = place.declared[link_key(place.netns, member)]
    if entry.spec.addresses:
        what = f"{member} is a member of {place.ifname}: what is sent to its own addresses never arrives"
        place.draft.error((*entry.path, "addresses"), what, f"give them to {place.ifname}")
    mtu = place.spec.mtu
    if entry.spec.mtu and entry.spec.mtu != mtu:
        what = f"{member} has the MTU of its bond {place.ifname}"
        place.draft.error((*entry.path, "mtu"), what, f"`mtu: {entry.spec.mtu}` at {place.ifname}")
    there = place.draft.facts.links.get(member) if place.netns == HOST else None
    foreign = there.master if there else ""
    if foreign and foreign != place.ifname and foreign in place.draft.facts.links:
        what = f"{member} is a member of {foreign}, which weft did not make"
        fix = f"take it out of {foreign} first, or another member"
        place.draft.misfit(entry.path, link_key(place.netns, member), what, fix)
