"""Entries of forwarding tables: a VXLAN's own, and of the bridge that a link is a port of, or is.

Rules: an entry with a `remote` is a VXLAN's, one without is the bridge's. What a bridge has for itself it takes itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.links.place import LinkPlace
from weft.kinds.link.fdb import EVERYWHERE, Fdb
from weft.model.links import BridgeLink, FdbSpec, HostLink, VxlanLink


def make_entries(place: LinkPlace[HostLink]) -> Iterator[Fdb]:
    """All that the file says of a link's."""
    spec = place.spec
    if isinstance(spec, VxlanLink):
        for remote in dict.fromkeys(spec.remotes):
            yield Fdb(netns=place.netns, ifname=place.ifname, mac=EVERYWHERE, dst=remote)
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
