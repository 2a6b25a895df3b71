"""What a trace says: hops in the order in which a packet meets them, in the names of the user's file.

Rules: a sentence names what the file names, and what the kernel calls it where that is what one would look for. Places
are paths of the intent; whoever knows the file makes lines of them.
"""

from __future__ import annotations

from enum import StrEnum

from weft.model.intent import Path
from weft.reach import Talk
from weft.records import dataclass
from weft.state import Key


class Fate(StrEnum):
    """OPEN: what decides it is not known to weft: a guest, somebody else's router or rule."""

    PASSES = "passes"
    STOPS = "stops"
    OPEN = "open"


class Sort(StrEnum):
    """What a hop is about. FIREWALL: somebody else's. GUEST: handed to one."""

    SENDS = "sends"
    SPOOFING = "anti-spoofing"
    GROUPS = "groups"
    BRIDGE = "bridge"
    ROUTE = "route"
    REVERSE_PATH = "reverse path"
    FIREWALL = "firewall"
    NAT = "nat"
    QOS = "qos"
    MTU = "mtu"
    ENDS = "ends"
    GUEST = "guest"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Who asks, or is asked. `name`: as it was given, of a port TENANT/PORT. `netns`: where it is, None where that is
    not known; `ifname` its link there, or by which it comes in (`is_outside`). `path`: of a port. `stitch`: of one
    behind a tap, the link on the host that leads to its guest; `mac` the guest's, and `next_hop` whom it sends to where
    it asks."""

    name: str
    address: str
    netns: str | None
    ifname: str = ""
    path: Path = ()
    is_outside: bool = False
    stitch: Key | None = None
    mac: str = ""
    next_hop: str = ""

    @property
    def is_port(self) -> bool:
        return self.path[:1] == ("tenants",)

    def __str__(self) -> str:
        return self.name if self.name == self.address else f"{self.name} ({self.address})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """`place`: where, as people call it; `netns` there. `passes`: whether it goes on from here, None where that is not
    known. `path`: of what the file says about it, () for nothing. `keys`: the kernel objects that decide. `chain`:
    of a filter, the one that gave the verdict. `over`: of a bridge, the links that it comes in and goes out by. `mtu`:
    of a route, a bridge and an end, in bytes, where known."""

    place: str
    netns: str
    sort: Sort
    said: str
    passes: bool | None = True
    path: Path = ()
    keys: tuple[Key, ...] = ()
    chain: str = ""
    over: tuple[str, str] | None = None
    mtu: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """The way of the question, or of its answer. `source`: as its receiver sees it. `mtu`: the least of the way, in
    bytes, and `mtu_at` the link that has it. `keys`: all kernel objects that it needs, those of no hop too."""

    hops: tuple[Hop, ...]
    fate: Fate
    why: str
    source: str
    mtu: int | None = None
    mtu_at: Key | None = None
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Something that would have to change for the other verdict. `path`: where in the file."""

    said: str
    path: Path = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """`back` None where there is no answer to follow. `whole`: nobody may split the question. `mtu`: the least of both
    ways, and `mtu_at` where. `hints`: the first thing that would have to change for the other verdict, then what would
    be next."""

    source: End
    target: End
    talk: Talk
    family: int
    size: int | None
    whole: bool
    there: Leg
    back: Leg | None
    fate: Fate
    why: str
    mtu: int | None
    mtu_at: str
    hints: tuple[Hint, ...]

    @property
    def hops(self) -> tuple[Hop, ...]:
        return (*self.there.hops, *(self.back.hops if self.back else ()))
