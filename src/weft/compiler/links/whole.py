"""All links outside any tenant: made by weft, or somebody else's with attributes that weft sets.

Rules: of an existing link only what leaves no trace after it is put back is set: MTU, alias, sizes, offloads, its
master, whether it is up, and addresses of its own. What makes a kind of link is in makers.py; what all kinds have in
common is here.
"""

from __future__ import annotations

from typing import TypeAlias

from weft.compiler.draft import Draft
from weft.compiler.links.bridge import make_port
from weft.compiler.links.declared import Declared, Stacking, in_order
from weft.compiler.links.fdb import make_entries
from weft.compiler.links.makers import MAKERS
from weft.compiler.links.place import NO_FRAMES, LinkPlace
from weft.compiler.links.ways import Ways
from weft.compiler.naming import NAMES, plain_ifname
from weft.compiler.network import check_mtu
from weft.compiler.routing import is_ipv6
from weft.compiler.settings import compile_sysctl, compile_tuning, put_link_setting
from weft.kinds.ip.address import Address
from weft.kinds.link.common import Link
from weft.kinds.setting.link import BOND, Membership
from weft.kinds.setting.port import PORT
from weft.model.links import BridgeLink, HostLink, LinkOver
from weft.state import HOST, link_key

ACCEPT_RA = {True: "2", False: "0"}
"""2 is "even if this namespace forwards". Source: Documentation/networking/ip-sysctl.rst."""

_NO_MASTERS = frozenset(cls.kind for cls in MAKERS if not issubclass(cls, LinkOver))
"""Kinds of links that have no ports, in the kernel's words."""

Place: TypeAlias = LinkPlace[HostLink]


def compile_links(draft: Draft, declared: Declared) -> None:
    """Put the links of all namespaces and their addresses. `declared`: all that the file speaks of."""
    stacking, ways = Stacking(declared), Ways(draft, declared)
    for key in in_order(draft, declared, ways.below):
        entry = declared[key]
        place = LinkPlace(
            draft=draft,
            declared=declared,
            stacking=stacking,
            ways=ways,
            key=key,
            spec=entry.spec,
            path=entry.path,
        )
        _compile(place)


def _compile(place: Place) -> None:
    draft, spec, path = place.draft, place.spec, place.path
    _check_master(place)
    if spec.kind:
        _compile_made(place)
    else:
        _compile_existing(place)
    for obj in make_port(place):
        draft.put(obj, path)
    compile_tuning(draft, place.key, spec.tuning, path)
    if spec.accept_ra is not None:
        name = f"net/ipv6/conf/{place.ifname}/accept_ra"
        compile_sysctl(draft, place.netns, name, ACCEPT_RA[spec.accept_ra], (*path, "accept_ra"))
    if spec.mtu is not None:
        check_mtu(draft, spec.mtu, (*path, "mtu"), any(map(is_ipv6, spec.addresses)))
    for cidr in spec.addresses:
        nodad = True if is_ipv6(cidr) else None
        draft.put(Address(netns=place.netns, ifname=place.ifname, cidr=cidr, nodad=nodad), path)


def _compile_existing(place: Place) -> None:
    spec = place.spec
    if not spec.existing:
        place.error(f"what {place.ifname} is to be is not said", "a `kind:`, or `existing: true`")
        return
    if place.netns == HOST and place.ifname != "lo" and not place.draft.has_link(place.ifname):
        place.draft.lack_link(place.path, place.ifname, may_be_made=False)
    refused = [word for word in ("mac", "altnames", "fdb") if getattr(spec, word)]
    if refused:
        place.error(f"{', '.join(refused)} of an existing link is not weft's to set", "leave it out")
    if place.netns != HOST and place.ifname == "lo" and spec.alias is not None:
        place.error("the alias of lo is where weft marks its namespaces", "leave it out", "alias")
    if spec.adopt:
        place.error("an existing link stays its owner's", "its `kind:` instead of `existing: true`", "adopt")
    _warn_of_addresses(place)
    _put_settings(place)


def _warn_of_addresses(place: Place) -> None:
    link, master = place.draft.facts.links.get(place.ifname), place.spec.master
    if place.netns == HOST and master and link and link.addresses:
        what = f"{place.ifname} has {link.addresses[0]}, which nobody reaches on a port of {master}"
        place.draft.warn((*place.path, "master"), what, f"the address on {master}, or another link")


def _put_settings(place: Place) -> None:
    spec = place.spec
    settings: dict[str, str | int | None] = {"mtu": spec.mtu, "alias": spec.alias}
    if spec.master and place.is_bonded():
        settings[BOND] = str(Membership(spec.master, spec.up is not False))
    else:
        settings |= {"master": spec.master, "up": None if spec.up is None else "up" if spec.up else "down"}
    if spec.master and place.is_made(spec.master):
        settings[PORT] = ""
    for attribute, value in settings.items():
        put_link_setting(place.draft, place.key, attribute, value, place.path)


def _compile_made(place: Place) -> None:
    draft, maker = place.draft, MAKERS[type(place.spec)]
    if not plain_ifname(place.ifname):
        place.error(f"{place.ifname!r} is no name that weft gives to a link", NAMES)
    draft.need(place.spec.kind, place.path, maker.instead)
    for obj in maker.make(place):
        if isinstance(obj, Link):
            own_mac = maker.own_mac and not maker.another_s_mac(place.spec)
            draft.link(place.dressed(obj, own_mac=own_mac), place.path)
        else:
            draft.put(obj, place.path)
    for entry in make_entries(place):
        draft.put(entry, place.path)


def _check_master(place: Place) -> None:
    """The master is a link made here that takes members, or somebody else's (of another namespace nothing is known)."""
    master = place.spec.master
    if master is None:
        return
    key = link_key(place.netns, master)
    entry = place.declared.get(key)
    takes = isinstance(entry.spec, LinkOver) if entry and entry.spec.kind else place.is_there(key)
    if not takes and entry is None and place.netns == HOST:
        place.draft.lack_link((*place.path, "master"), master, f"there is no bridge or bond {master} to join")
    elif not takes:
        place.error(f"there is no bridge or bond {master} to join", "a link of `kind: bridge`", "master")
    elif entry and isinstance(entry.spec, BridgeLink) and place.spec.kind in NO_FRAMES - {"tun"}:
        place.error(f"{place.ifname} carries packets, and a bridge needs frames", "a link with frames", "master")
    elif entry and isinstance(entry.spec, BridgeLink) and place.kind_of_others(place.key) in NO_FRAMES:
        what = f"{place.ifname} carries packets, and a bridge needs frames"
        place.draft.misfit(place.path, place.key, what, "a link with frames")
    elif (kind := place.kind_of_others(key)) in _NO_MASTERS:
        what = f"{master} is of kind {kind}, and no bridge or bond to join"
        place.draft.misfit((*place.path, "master"), key, what, "a bridge or bond")
