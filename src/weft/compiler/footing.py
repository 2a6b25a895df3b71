"""What a network stands on outside of its tenant, as the maker of its bridge sees it. footings.py finds it."""

from __future__ import annotations

from weft.kinds.link.common import ChildLink
from weft.kinds.link.overhead import Overhead
from weft.records import dataclass
from weft.state import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """By what frames of a network leave the machine. `link`: the link of the host's at whose root they queue; `port`:
    the port of the joined bridge that leads there, the link itself or its VLAN `vid` (0: none)."""

    link: str
    port: str
    vid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """`below`: the link whose MTU counts, and `below_mtu` that, in bytes; `added`: what a tunnel adds to each packet.
    `joined`: the bridge of the host's that a pair of links leads to, within `vlan` where it filters VLANs itself (0: it
    does not, or all is said), and `outlets` what leads out of that. `shared`: what each port is, but for its name and
    place, where the ports stand on the link themselves."""

    below: str
    below_mtu: int | None = None
    added: Overhead | None = None
    joined: Key | None = None
    vlan: int = 0
    outlets: tuple[Outlet, ...] = ()
    shared: ChildLink | None = None

    @property
    def mtu(self) -> int | None:
        """The largest MTU that frames of the network may have, in bytes; None where nobody knows."""
        if self.below_mtu is None:
            return None
        return self.below_mtu - (self.added.total_bytes if self.added else 0)
