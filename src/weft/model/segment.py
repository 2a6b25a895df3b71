"""What a network stands on outside of its tenant: a link of the host's, a VLAN of it, or a VXLAN.

Rules: the words are iproute2's, as for links; which of them go together files/checks.py says.
"""

from __future__ import annotations

from typing import Annotated

from weft.model import words as w
from weft.model.links import FdbSpec
from weft.records import dataclass

SegmentMode = Annotated[str, w.choice("macvlan", "ipvlan")]
MACVLAN_SUBMODES = ("bridge", "private", "vepa", "passthru")
MacvtapMode = Annotated[str, w.choice("bridge", "private", "vepa")]
"""Those that may stand side by side on one link."""
IPVLAN_SUBMODES = ("l2", "l3", "l3s")
Submode = Annotated[str, w.choice(*MACVLAN_SUBMODES, *IPVLAN_SUBMODES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSpec:
    """`link`: a bridge of the host's, which the network joins, or any other link, which becomes a port of a bridge that
    the host gets; its VLAN `vlan` instead, if given. `mode`: the ports stand on the link themselves; `submode` None:
    bridge, or l2. `vni`: a VXLAN among machines instead, from `local`, by `link` or what the routes say; what it does
    not know goes to all `remotes` or to `group`. With an `fdb` of its own it learns nothing. `take_addresses`: the
    bridge gets what addresses and routes of the host the link has."""

    link: w.Ifname | None = None
    vlan: w.Vid | None = None
    mode: SegmentMode | None = None
    submode: Submode | None = None
    vni: w.Vni | None = None
    local: w.Address | None = None
    remotes: tuple[w.Address, ...] = ()
    group: w.Address | None = None
    port: w.UdpPort = 4789
    fdb: tuple[FdbSpec, ...] = ()
    take_addresses: bool = False
