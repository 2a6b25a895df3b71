"""What a bridge that keeps VLANs apart does with a frame at its ports, and at itself.

Rules: a frame with a tag is of that VLAN, one without of the port's pvid; it goes in and out only where the port is in
the VLAN, and leaves without a tag where the port says so. A port of which nothing is said is as it was born. Source:
bridge(8) vlan, net/bridge/br_vlan.c __allowed_ingress, br_handle_vlan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from weft.kinds.link.bridge import Bridge
from weft.kinds.link.bridge_vlan import BridgeVlans, flags_of
from weft.state import KernelObject, Key, link_key
from weft.wire.bridge_vlan import BRIDGE_VLAN_INFO_PVID, BRIDGE_VLAN_INFO_UNTAGGED

Tags = tuple[int, ...]
"""Numbers of VLANs, the outermost last."""


class Filtering:
    """The VLANs of all ports, and of bridges themselves, of a State."""

    def __init__(self, objects: Iterable[KernelObject]) -> None:
        held = (obj for obj in objects if isinstance(obj, BridgeVlans))
        self._flags = {link_key(one.netns, one.ifname): flags_of(one.vlans) for one in held}

    def through(self, bridge: Bridge, came_by: Key, leaves_by: Key, tags: Tags) -> Tags | None:
        """The tags with which a frame comes out again, by a port or at the bridge itself; None where it does not."""
        if not bridge.vlan_filtering:
            return tags
        came = self._of(bridge, came_by)
        vid = tags[-1] if tags else _pvid(came)
        flags = self._of(bridge, leaves_by).get(vid)
        if vid not in came or flags is None:
            return None
        inner = tags[:-1] if tags else tags
        return inner if flags & BRIDGE_VLAN_INFO_UNTAGGED else (*inner, vid)

    def _of(self, bridge: Bridge, port: Key) -> Mapping[int, int]:
        born = 1 if bridge.vlan_default_pvid is None else bridge.vlan_default_pvid
        default = {born: BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED} if born else {}
        return self._flags.get(port, default)


def _pvid(flags: Mapping[int, int]) -> int:
    """0 for a port that takes no frames without a tag."""
    return next((vid for vid, said in flags.items() if said & BRIDGE_VLAN_INFO_PVID), 0)
