"""Words of bridges: what a bridge keeps of each of its ports, and the forms of a bridge's own.

Rules: times are whole seconds. VLANs are written as bridge(8) has them: "VID[-VID] [pvid] [untagged]".
"""

from __future__ import annotations

import re
from typing import Annotated

from weft.model import words as w
from weft.records import dataclass

_VLANS = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?((?: (?:pvid|untagged))*)")
_MAX_VID = 4094


def _port_vlans(written: str) -> str:
    found = _VLANS.fullmatch(" ".join(written.lower().split()))
    if not found:
        raise ValueError
    first, last, words = int(found[1]), int(found[2] or found[1]), found[3].split()
    if not 1 <= first <= last <= _MAX_VID:
        raise w.Malformed(f"{written} is no range of VLANs", f"from 1 to {_MAX_VID}, the smaller first")
    if "pvid" in words and first != last:
        raise w.Malformed(
            f"{written}: one VLAN alone is that of untagged frames", f"for example '{first} pvid untagged'"
        )
    vids = f"{first}" if first == last else f"{first}-{last}"
    return " ".join((vids, *(word for word in ("pvid", "untagged") if word in words)))


PortVlans = Annotated[
    str, w.text("VLANs of a bridge's port (VID[-VID] [pvid] [untagged])", _port_vlans, "10-20", or_number=True)
]
ForwardDelay = Annotated[int, w.number("a number of seconds", 0, 30)]
HelloTime = Annotated[int, w.number("a number of seconds", 1, 10)]
MaxAge = Annotated[int, w.number("a number of seconds", 6, 40)]
AgeingTime = Annotated[int, w.number("a number of seconds", 0, 10_000_000)]
BridgePriority = Annotated[int, w.number("a bridge's priority", 0, 65535)]
PortPriority = Annotated[int, w.number("a port's priority", 0, 63)]
PathCost = Annotated[int, w.number("a path's cost", 1, 65535)]
DefaultPvid = Annotated[int, w.number("a VLAN id", 0, _MAX_VID, {"none": 0})]


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgePortSpec:
    """What a bridge keeps of a port. `cost` None: by the link's speed. `vlans` (where the bridge filters) None:
    the bridge's default. Source: ip-link(8) bridge_slave, bridge(8) vlan."""

    isolated: bool = False
    hairpin: bool = False
    learning: bool = True
    flood: bool = True
    mcast_flood: bool = True
    bcast_flood: bool = True
    guard: bool = False
    root_block: bool = False
    fast_leave: bool = False
    neigh_suppress: bool = False
    locked: bool = False
    priority: PortPriority = 32
    cost: PathCost | None = None
    vlans: tuple[PortVlans, ...] | None = None
