"""Bridges, and what they keep of their ports.

Rules: of a bridge that weft makes everything is said, so that what the file no longer says goes back to what a new
bridge has. On one that filters VLANs each port has its own list, or the bridge's default. What a bridge of somebody
else's keeps is said of weft's own links only, and not its VLANs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from weft.compiler.links.place import LinkPlace
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.bridge_port import BridgePort, as_born
from weft.kinds.link.bridge_vlan import BridgeVlans, Flags, canonical, flags_of
from weft.model.bridging import BridgePortSpec
from weft.model.links import BridgeLink, HostLink
from weft.state import KernelObject, link_key

HZ = 100
"""USER_HZ: the kernel's clock of bridges."""
STP_DELAY_S = 15
"""IEEE 802.1D's own. Without STP nobody needs to wait."""
MIN_STP_DELAY_S = 2
NO_BRIDGE_VLAN = "a bridge for each VLAN, and VLANs of the links that join them: `kind: vlan`"


def make_bridge(place: LinkPlace[BridgeLink]) -> Iterator[KernelObject]:
    spec = place.spec
    yield Bridge(
        netns=place.netns,
        ifname=place.ifname,
        stp=spec.stp,
        forward_delay=_forward_delay_s(place) * HZ,
        hello_time=spec.hello_time * HZ,
        max_age=spec.max_age * HZ,
        ageing_time=spec.ageing_time * HZ,
        priority=spec.priority,
        mcast_snooping=spec.mcast_snooping,
        mcast_querier=spec.mcast_querier,
        vlan_filtering=spec.vlan_filtering,
        vlan_protocol=spec.vlan_protocol,
        vlan_default_pvid=spec.vlan_default_pvid,
    )
    if spec.vlan_filtering:
        place.draft.need("bridge_vlan", place.path, NO_BRIDGE_VLAN)
        yield _vlans(place, spec, "", spec.vlans)
    elif spec.vlans:
        place.error(f"{place.ifname} does not look at VLANs", "`vlan_filtering: true`, or no vlans", "vlans")


def _forward_delay_s(place: LinkPlace[BridgeLink]) -> int:
    """Source: net/bridge/br_private.h BR_MIN_FORWARD_DELAY."""
    spec = place.spec
    if spec.forward_delay is None:
        return STP_DELAY_S if spec.stp else 0
    if spec.stp and spec.forward_delay < MIN_STP_DELAY_S:
        what = f"with STP a port waits at least {MIN_STP_DELAY_S} seconds before it forwards"
        place.error(what, f"{MIN_STP_DELAY_S} to 30, or `stp: false`", "forward_delay")
    return spec.forward_delay


def make_port(place: LinkPlace[HostLink]) -> Iterator[KernelObject]:
    """What the master of a link, if it is a bridge, is to keep of it."""
    spec, master = place.spec, place.spec.master
    entry = place.declared.get(link_key(place.netns, master)) if master else None
    bridge = entry.spec if entry and entry.spec.kind else None
    port = spec.bridge_port
    if port is not None and (master is None or not isinstance(bridge, BridgeLink | None)):
        place.error(f"{place.ifname} is no port of a bridge", "`master:` and the name of one", "bridge_port")
    elif port is not None and bridge is None and spec.existing:
        place.error(f"neither {place.ifname} nor {master} is weft's", "a bridge made here", "bridge_port")
    elif master and (port is not None or isinstance(bridge, BridgeLink)):
        yield from _port(place, master, port or BridgePortSpec(), bridge if isinstance(bridge, BridgeLink) else None)


def _port(
    place: LinkPlace[HostLink], master: str, spec: BridgePortSpec, bridge: BridgeLink | None
) -> Iterator[KernelObject]:
    own = {field.name: getattr(spec, field.name) for field in fields(spec) if field.name != "vlans"}
    port = BridgePort(netns=place.netns, ifname=place.ifname, master=master, **own)
    if port != as_born(port):
        yield port
    if bridge and bridge.vlan_filtering:
        yield _vlans(place, bridge, master, spec.vlans)
    elif spec.vlans:
        why = f"{master} does not look at VLANs" if bridge else f"the VLANs of {master} are its owner's to say"
        place.error(why, "`vlan_filtering: true` there" if bridge else "a bridge made here", "bridge_port", "vlans")


def _vlans(place: LinkPlace[HostLink], bridge: BridgeLink, master: str, said: Sequence[str] | None) -> BridgeVlans:
    """`master`: "" for the bridge itself."""
    at = ("bridge_port", "vlans") if master else ("vlans",)
    ids = [entry for entry in said or () if " pvid" in entry]
    if len(ids) > 1:
        place.error(f"untagged frames are of one VLAN, not of {' and '.join(ids)}", "one pvid", *at)
    vlans = canonical(vlans_of(bridge, said))
    return BridgeVlans(netns=place.netns, ifname=place.ifname, master=master, vlans=vlans)


def vlans_of(bridge: BridgeLink, said: Sequence[str] | None) -> Flags:
    """The VLANs of a port of a bridge, or of the bridge itself. `said`: None for the bridge's default."""
    default = (f"{bridge.vlan_default_pvid} pvid untagged",) if bridge.vlan_default_pvid else ()
    return flags_of(default if said is None else said)
