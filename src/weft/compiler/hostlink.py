"""Links of a namespace outside any tenant: made by weft, or somebody else's with attributes that weft sets.

Rules: of an existing link only what leaves no trace after it is put back is set: MTU, alias, sizes, offloads, and
addresses of its own. A veth is one entry with a `peer`, or two that name each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from weft.compiler.draft import Draft
from weft.compiler.findings import Cause
from weft.compiler.naming import altnames, identity, mac, plain_ifname
from weft.compiler.network import ETHERNET_MTU, check_mtu
from weft.compiler.routing import is_ipv6
from weft.compiler.settings import AnyLink, check_tuning, link_settings, tuned
from weft.kinds.ip.address import Address
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.dummy import Dummy
from weft.kinds.link.veth import Veth
from weft.model.intent import HostLink, Path
from weft.state import HOST

Links = Mapping[str, HostLink]

_INSTEAD = {
    "dummy": "a bridge without members holds addresses as well: `kind: bridge`",
    "bridge": "load the kernel's bridge module",
    "veth": "load the kernel's veth module",
}


def compile_links(draft: Draft, netns: str, links: Links, base: Path) -> None:
    """Put the links of one namespace and their addresses. `base`: the path of its configuration."""
    for ifname, link in links.items():
        path = (*base, "links", ifname)
        check_tuning(draft, link.tuning, path)
        if link.existing:
            _compile_existing(draft, netns, ifname, link, path)
        else:
            _compile_made(draft, netns, ifname, links, path)
        if link.mtu is not None:
            check_mtu(draft, link.mtu, (*path, "mtu"), any(map(is_ipv6, link.addresses)))
        for cidr in link.addresses:
            draft.put(Address(netns=netns, ifname=ifname, cidr=cidr, nodad=True if is_ipv6(cidr) else None), path)


def _compile_existing(draft: Draft, netns: str, ifname: str, link: HostLink, path: Path) -> None:
    if netns == HOST and ifname != "lo" and ifname not in draft.facts.links:
        there = ", ".join(sorted(draft.facts.links)) or "none"
        draft.error(path, f"the host has no link {ifname}", f"one of its links: {there}", Cause.MACHINE)
    refused = [word for word in ("kind", "peer", "master", "mac", "altnames") if getattr(link, word)]
    if refused:
        draft.error(path, f"{', '.join(refused)} of an existing link is not weft's to set", "leave it out")
    if netns != HOST and ifname == "lo" and link.alias is not None:
        draft.error((*path, "alias"), "the alias of lo is where weft marks its namespaces", "leave it out")
    for setting in link_settings(netns, ifname, link.mtu, link.alias, link.tuning):
        draft.put(setting, path)


def _compile_made(draft: Draft, netns: str, ifname: str, links: Links, path: Path) -> None:
    link = links[ifname]
    _check_name(draft, ifname, path)
    if link.kind is None:
        draft.error(path, f"what {ifname} is to be is not said", "`kind: bridge|dummy|veth`, or `existing: true`")
        return
    draft.need(link.kind, path, _INSTEAD[link.kind])
    _check_master(draft, netns, links, link.master, path)
    if link.kind == "veth":
        _compile_pair(draft, netns, ifname, links, path)
    elif link.kind == "bridge":
        bare = Bridge(netns=netns, ifname=ifname, stp=False, forward_delay=0)
        draft.link(_dressed(draft, bare, link, path, link.mtu), path)
    else:
        draft.link(_dressed(draft, Dummy(netns=netns, ifname=ifname), link, path, link.mtu), path)


def _check_name(draft: Draft, ifname: str, path: Path) -> None:
    if not plain_ifname(ifname):
        draft.error(path, f"{ifname!r} is no name that weft gives to a link", "letters, digits, '_', '.' and '-'")


def _check_master(draft: Draft, netns: str, links: Links, master: str | None, path: Path) -> None:
    """The master is a bridge made here, or a link of somebody else's (of another namespace nothing is known)."""
    if master is None:
        return
    made = links.get(master)
    if made is not None and not made.existing:
        known = made.kind == "bridge"
    else:
        known = netns != HOST or master in draft.facts.links
    if not known:
        draft.error((*path, "master"), f"there is no bridge {master} to join", "a link of `kind: bridge`")


def _dressed(draft: Draft, bare: AnyLink, spec: HostLink, path: Path, mtu: int | None) -> AnyLink:
    """The link with all that links have in common. `mtu` in bytes, None for Ethernet's."""
    place = "/".join(path)
    mark = draft.names.mark(place)
    dressed = replace(
        bare,
        alias=f"{mark} {spec.alias}" if spec.alias else mark,
        mac=spec.mac or mac(identity(draft.names.scope, place), "link"),
        mtu=mtu or ETHERNET_MTU,
        up=True,
        master=spec.master,
        altnames=altnames(*spec.altnames),
    )
    return tuned(dressed, spec.tuning)


def _compile_pair(draft: Draft, netns: str, ifname: str, links: Links, path: Path) -> None:
    """This end, and the other unless it has an entry of its own."""
    link = links[ifname]
    peer = link.peer
    other = links.get(peer) if peer else None
    if peer is None or peer == ifname:
        draft.error(path, f"the other end of the veth {ifname} is not named", "`peer: IFNAME`")
        return
    if other is not None and (other.existing or other.kind != "veth" or other.peer != ifname):
        draft.error((*path, "peer"), f"{peer} is not the other end of {ifname}", f"`peer: {ifname}` there")
        return
    mtu = link.mtu or (other.mtu if other else None)
    bare = Veth(netns=netns, ifname=ifname, peer_netns=netns, peer_ifname=peer)
    draft.link(_dressed(draft, bare, link, path, mtu), path)
    if other is None:
        _check_name(draft, peer, (*path, "peer"))
        draft.link(_far_end(draft, bare, path, mtu), path)


def _far_end(draft: Draft, near: Veth, path: Path, mtu: int | None) -> Veth:
    place = "/".join(path)
    return Veth(
        netns=near.netns,
        ifname=near.peer_ifname,
        alias=draft.names.mark(place),
        mac=mac(identity(draft.names.scope, place), "link-peer"),
        mtu=mtu or ETHERNET_MTU,
        up=True,
        altnames=(),
        peer_netns=near.netns,
        peer_ifname=near.ifname,
    )
