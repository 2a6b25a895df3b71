"""Entries of forwarding tables: a VXLAN's own, and of the bridge that a link is a port of, or is.

Rules: an entry with a `remote` is a VXLAN's, one without is the bridge's. What a bridge has for itself it takes itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.links.bridge import vlans_of
from weft.compiler.links.place import LinkPlace
from weft.kinds.link.fdb import EVERYWHERE, Fdb
from weft.model.links import BridgeLink, FdbSpec, HostLink, VxlanLink
from weft.state import link_key


def make_entries(place: LinkPlace[HostLink]) -> Iterator[Fdb]:
    """All that the file says of a link's."""
    spec = place.spec
    if isinstance(spec, VxlanLink):
        for remote in dict.fromkeys(spec.remotes):
            yield Fdb(netns=place.netns, ifname=place.ifname, mac=EVERYWHERE, dst=remote)
    _check_vlans(place)
    plain = {entry.mac for entry in spec.fdb if not entry.remote and entry.vid is None}
    for at, entry in enumerate(spec.fdb):
        where = ("fdb", str(at))
        if entry.remote:
            yield from _of_vxlan(place, entry, *where)
        elif entry.vid is not None and entry.mac in plain:
            what = f"{entry.mac} has an entry without a VLAN already, which is one in every VLAN"
            place.error(what, "leave one of them out", *where)
        else:
            yield from _of_bridge(place, entry, *where)


def _of_vxlan(place: LinkPlace[HostLink], entry: FdbSpec, *where: str) -> Iterator[Fdb]:
    if not isinstance(place.spec, VxlanLink):
        place.error(f"{place.ifname} is no VXLAN, it sends to no remote", "leave out `remote`", *where, "remote")
        return
    if entry.vid is not None or entry.local:
        place.error("`vid` and `local` are of a bridge's table, `remote` of a VXLAN's", "one entry for each", *where)
        return
    yield Fdb(
        netns=place.netns,
        ifname=place.ifname,
        mac=entry.mac,
        dst=entry.remote or "",
        port=0 if entry.port is None or entry.port == place.spec.port else entry.port,
        vni=-1 if entry.vni is None or entry.vni == place.spec.vni else entry.vni,
    )


def _of_bridge(place: LinkPlace[HostLink], entry: FdbSpec, *where: str) -> Iterator[Fdb]:
    is_bridge = isinstance(place.spec, BridgeLink)
    bridge = place.ifname if is_bridge else place.spec.master
    if not bridge:
        fix = "`remote: ADDRESS`" if isinstance(place.spec, VxlanLink) else "`master: BRIDGE`"
        place.error(f"{place.ifname} is no bridge's port, there is no table to put {entry.mac} in", fix, *where)
        return
    if entry.port is not None or entry.vni is not None:
        place.error("`port` and `vni` say how a remote is reached, and there is none", "add `remote: ADDRESS`", *where)
        return
    if entry.mac == EVERYWHERE:
        place.error("a bridge sends what it has no entry for to all of its ports", "a MAC address", *where, "mac")
        return
    yield Fdb(
        netns=place.netns,
        ifname=place.ifname,
        mac=entry.mac,
        master=bridge,
        vid=entry.vid or 0,
        local=entry.local or is_bridge,
    )


def _check_vlans(place: LinkPlace[HostLink]) -> None:
    """Find entries for VLANs that the link is not in, which the kernel refuses. Source: net/bridge/br_fdb.c."""
    asked = [(at, entry.vid) for at, entry in enumerate(place.spec.fdb) if entry.vid is not None and not entry.remote]
    is_bridge, port = isinstance(place.spec, BridgeLink), place.spec.bridge_port
    bridge = place.ifname if is_bridge else place.spec.master or ""
    entry = place.declared.get(link_key(place.netns, bridge))
    if not asked or entry is None or not isinstance(entry.spec, BridgeLink):
        return  # somebody else's bridge has the VLANs that its owner says
    said = entry.spec.vlans if is_bridge else port.vlans if port is not None else None
    known = vlans_of(entry.spec, said)
    for at, vid in asked:
        if vid in known:
            continue
        what, fix = f"{place.ifname} is not in VLAN {vid} of {bridge}", f"{_KEYS[is_bridge]} with {vid}, or no vid"
        if not entry.spec.vlan_filtering:
            what, fix = f"{bridge} does not look at VLANs", "`vlan_filtering: true` there, or no vid"
        place.error(what, fix, "fdb", str(at), "vid")


_KEYS = {True: "`vlans:`", False: "`bridge_port: {vlans: ...}`"}
