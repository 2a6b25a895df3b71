"""What a bridge keeps of one of its ports, where that is not what every new port has.

Rules: a port that is as it was born is nobody's object, but where its cost is wanted: nothing tells a cost that was
given from one that the kernel derived from the link's speed. It is whose the link is, and if it is wanted whose the
bridge is; it goes when the link leaves the bridge, and ending it makes the port as new (but for `cost`, which the
kernel derives never again once it was given). Source: bridge(8) link, net/bridge/br_if.c new_nbp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link.reading import Seen
from weft.records import dataclass
from weft.state import Change, Key, Keyed, link_key
from weft.wire.bridge import (
    BRIDGE_KIND,
    BRIDGE_PORT,
    IFLA_BRPORT_BCAST_FLOOD,
    IFLA_BRPORT_COST,
    IFLA_BRPORT_FAST_LEAVE,
    IFLA_BRPORT_GUARD,
    IFLA_BRPORT_ISOLATED,
    IFLA_BRPORT_LEARNING,
    IFLA_BRPORT_LOCKED,
    IFLA_BRPORT_MCAST_FLOOD,
    IFLA_BRPORT_MODE,
    IFLA_BRPORT_NEIGH_SUPPRESS,
    IFLA_BRPORT_PRIORITY,
    IFLA_BRPORT_PROTECT,
    IFLA_BRPORT_UNICAST_FLOOD,
    port_info,
)
from weft.wire.codec import u8, u16, u32
from weft.wire.link import set_link

TABLE = "bridge-port"


DERIVED_COSTS = frozenset({1, 2, 3, 4, 5, 19, 100})
"""Those that the kernel gives ports by itself. Source: net/bridge/br_if.c port_cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgePort(Keyed):
    """`master`: the bridge's ifname. `cost` 1-65535, None: as derived from the link's speed; `priority` 0-63."""

    netns: str
    ifname: str
    master: str
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
    priority: int = 32
    cost: int | None = None

    def identify(self) -> Key:
        return Key(TABLE, self.netns, self.ifname)

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return link_key(self.netns, self.ifname), link_key(self.netns, self.master)


class _Field(NamedTuple):
    """`word`: ip's."""

    kind: int
    word: str
    write: Callable[[int, int], bytes] = u8
    decode: Callable[[int], Any] = bool


_DATA: Mapping[str, _Field] = {
    "isolated": _Field(IFLA_BRPORT_ISOLATED, "isolated"),
    "hairpin": _Field(IFLA_BRPORT_MODE, "hairpin"),
    "learning": _Field(IFLA_BRPORT_LEARNING, "learning"),
    "flood": _Field(IFLA_BRPORT_UNICAST_FLOOD, "flood"),
    "mcast_flood": _Field(IFLA_BRPORT_MCAST_FLOOD, "mcast_flood"),
    "bcast_flood": _Field(IFLA_BRPORT_BCAST_FLOOD, "bcast_flood"),
    "guard": _Field(IFLA_BRPORT_GUARD, "guard"),
    "root_block": _Field(IFLA_BRPORT_PROTECT, "root_block"),
    "fast_leave": _Field(IFLA_BRPORT_FAST_LEAVE, "fastleave"),
    "neigh_suppress": _Field(IFLA_BRPORT_NEIGH_SUPPRESS, "neigh_suppress"),
    "locked": _Field(IFLA_BRPORT_LOCKED, "locked"),
    "priority": _Field(IFLA_BRPORT_PRIORITY, "priority", u16, int),
    "cost": _Field(IFLA_BRPORT_COST, "cost", u32, int),
}


_NEW = BridgePort(netns="", ifname="", master="")
_BORN = {field.kind: int(getattr(_NEW, name)) for name, field in _DATA.items() if name != "cost"}.items()
"""The attributes of a new port."""


def as_born(port: BridgePort) -> BridgePort:
    """The port as it is before anybody says anything."""
    return BridgePort(netns=port.netns, ifname=port.ifname, master=port.master)


def is_as_born(port: BridgePort) -> bool:
    """Whether nobody said anything, except perhaps of its cost."""
    return replace(port, cost=None) == as_born(port)


def _way(change: Change) -> tuple[BridgePort, dict[str, int]]:
    """The port, and the fields that change with what they become."""
    port = change.object
    assert isinstance(port, BridgePort)
    before = change.before if isinstance(change.before, BridgePort) else as_born(port)
    after = change.after if isinstance(change.after, BridgePort) else as_born(port)
    wanted = ((name, getattr(after, name)) for name in _DATA)
    return port, {name: int(v) for name, v in wanted if v is not None and v != getattr(before, name)}


def requests(change: Change, names: Names) -> Iterator[Request]:
    port, fields = _way(change)
    if fields:
        data = (_DATA[name].write(_DATA[name].kind, value) for name, value in fields.items())
        yield Request(port.netns, set_link(names.ifindex(link_key(port.netns, port.ifname)), port_info(*data)))


def script(change: Change) -> Iterable[str]:
    port, fields = _way(change)
    if fields:
        words = (word for name, value in fields.items() for word in (_DATA[name].word, value))
        yield command.ip(port.netns, "link", "set", "dev", port.ifname, "type", "bridge_slave", *words)


def parse(seen: Seen) -> BridgePort:
    """Most are as they were born, so that is found out first."""
    data = seen.info.read_port(BRIDGE_PORT)
    cost = data.pop(IFLA_BRPORT_COST, None)
    fields = seen.fields
    if data.items() <= _BORN:
        return BridgePort(netns=fields["netns"], ifname=fields["ifname"], master=fields["master"], cost=cost)
    given = {name: field.decode(data[field.kind]) for name, field in _DATA.items() if field.kind in data}
    return BridgePort(netns=fields["netns"], ifname=fields["ifname"], master=fields["master"], cost=cost, **given)


ROW = Kind(
    name="bridge-port",
    cls=BridgePort,
    backend="rtnl",
    owner=Owner.MEMBERSHIP,
    port_of=BRIDGE_KIND,
    in_place=frozenset(_DATA),
    requests=requests,
    script=script,
    parse=parse,
)
