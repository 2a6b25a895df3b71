"""A software bridge. Source: ip-link(8) TYPE BRIDGE, linux/if_bridge.h."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims, link_cascade
from weft.kinds.link.reading import Seen
from weft.kinds.link.vlan import PROTOCOLS
from weft.records import dataclass
from weft.state import Change, KernelObject
from weft.wire.bridge import (
    BRIDGE,
    BRIDGE_KIND,
    IFLA_BR_AGEING_TIME,
    IFLA_BR_FORWARD_DELAY,
    IFLA_BR_HELLO_TIME,
    IFLA_BR_MAX_AGE,
    IFLA_BR_MCAST_QUERIER,
    IFLA_BR_MCAST_SNOOPING,
    IFLA_BR_PRIORITY,
    IFLA_BR_STP_STATE,
    IFLA_BR_VLAN_DEFAULT_PVID,
    IFLA_BR_VLAN_FILTERING,
    IFLA_BR_VLAN_PROTOCOL,
)
from weft.wire.codec import be16, u8, u16, u32
from weft.wire.link import link_info, set_link

MIN_MTU = 68
"""net/ethernet: ETH_MIN_MTU."""

MAX_PORTS = 1023
"""net/bridge/br_private.h BR_MAX_PORTS (1 << 10, port 0 unused)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge(Link):
    """Times in hundredths of a second (USER_HZ). `priority` of the bridge in STP; `vlan_protocol` a key of
    vlan.PROTOCOLS; `vlan_default_pvid` 0 for none."""

    stp: bool | None = None
    forward_delay: int | None = None
    hello_time: int | None = None
    max_age: int | None = None
    ageing_time: int | None = None
    priority: int | None = None
    mcast_snooping: bool | None = None
    mcast_querier: bool | None = None
    vlan_filtering: bool | None = None
    vlan_protocol: str | None = None
    vlan_default_pvid: int | None = None


class _Field(NamedTuple):
    """`kind`: its attribute; `word`: ip's; `birth`: what a new bridge has, which is neither said to it (a kernel may
    know nothing of it) nor missed where a kernel does not tell it. `encode`, `decode`: from and to the attribute's."""

    kind: int
    write: Callable[[int, int], bytes]
    word: str
    birth: Any
    encode: Callable[[Any], int] = int
    decode: Callable[[int], Any] = int


_PROTOCOL_OF = {number: word for word, number in PROTOCOLS.items()}

_DATA: Mapping[str, _Field] = {
    "stp": _Field(IFLA_BR_STP_STATE, u32, "stp_state", False, int, bool),
    "forward_delay": _Field(IFLA_BR_FORWARD_DELAY, u32, "forward_delay", 1500),
    "hello_time": _Field(IFLA_BR_HELLO_TIME, u32, "hello_time", 200),
    "max_age": _Field(IFLA_BR_MAX_AGE, u32, "max_age", 2000),
    "ageing_time": _Field(IFLA_BR_AGEING_TIME, u32, "ageing_time", 30000),
    "priority": _Field(IFLA_BR_PRIORITY, u16, "priority", 32768),
    "mcast_snooping": _Field(IFLA_BR_MCAST_SNOOPING, u8, "mcast_snooping", True, int, bool),
    "mcast_querier": _Field(IFLA_BR_MCAST_QUERIER, u8, "mcast_querier", False, int, bool),
    "vlan_filtering": _Field(IFLA_BR_VLAN_FILTERING, u8, "vlan_filtering", False, int, bool),
    "vlan_protocol": _Field(
        IFLA_BR_VLAN_PROTOCOL, be16, "vlan_protocol", "802.1q", PROTOCOLS.__getitem__, lambda n: _PROTOCOL_OF.get(n, "")
    ),
    "vlan_default_pvid": _Field(IFLA_BR_VLAN_DEFAULT_PVID, u16, "vlan_default_pvid", 1),
}
"""A bridge's own fields. Source: net/bridge/br_device.c br_dev_setup."""

_NEWBORN = Bridge(netns="", ifname="", **{name: field.birth for name, field in _DATA.items()})


def _create(bridge: Bridge, names: Names) -> Iterable[Request]:
    """Born with another MTU than wanted, and given the wanted one by a change: only a change makes the kernel keep it
    (else the bridge's MTU follows its ports). Source: net/bridge/br_device.c br_change_mtu."""
    born = replace(bridge, mtu=_other_mtu(bridge.mtu))
    yield writing.birth(born, names, link_info(BRIDGE_KIND, *_data(_differing(_NEWBORN, bridge))))
    yield from writing.dress(bridge, names, ("mtu",))


def _other_mtu(mtu: int | None) -> int | None:
    return None if mtu is None else mtu - 1 if mtu > MIN_MTU else mtu + 1


def _differing(before: Bridge, after: Bridge) -> dict[str, Any]:
    values = ((name, getattr(after, name)) for name in _DATA)
    return {name: value for name, value in values if value is not None and value != getattr(before, name)}


def _data(fields: Mapping[str, Any]) -> list[bytes]:
    return [_DATA[name].write(_DATA[name].kind, _DATA[name].encode(value)) for name, value in fields.items()]


def _info(fields: Mapping[str, Any]) -> list[bytes]:
    return [link_info(BRIDGE_KIND, *_data(fields))] if fields else []


_all_requests = writing.requests_with(Bridge, _create, lambda before, after: _info(_differing(before, after)))


def requests(change: Change, names: Names) -> Iterator[Request]:
    """STP is turned off by a message of its own: a forward delay of less than two seconds is refused while it is on,
    and the kernel looks at that first. Source: net/bridge/br_stp.c br_set_forward_delay."""
    before, after = change.before, change.after
    if isinstance(before, Bridge) and isinstance(after, Bridge) and before.stp and after.stp is False:
        yield Request(after.netns, set_link(names.ifindex(after.key), *_info({"stp": False})))
        change = Change(change.op, replace(before, stp=False), after)
    yield from _all_requests(change, names)


def _script_create(bridge: Bridge) -> Iterable[str]:
    words = _words(_differing(_NEWBORN, bridge)) or ("type", BRIDGE_KIND)
    other = _other_mtu(bridge.mtu)
    mtu = () if other is None else ("mtu", other)
    yield command.ip(bridge.netns, "link", "add", "name", bridge.ifname, *mtu, *words)


def _words(fields: Mapping[str, Any]) -> tuple[str | int, ...]:
    said = [word for name, value in fields.items() for word in (_DATA[name].word, _spelled(value))]
    return ("type", BRIDGE_KIND, *said) if said else ()


def _spelled(value: Any) -> str | int:
    return value if isinstance(value, str) else int(value)


_all_script = writing.script_with(Bridge, _script_create, lambda before, after: _words(_differing(before, after)))


def script(change: Change) -> Iterator[str]:
    before, after = change.before, change.after
    if isinstance(before, Bridge) and isinstance(after, Bridge) and before.stp and after.stp is False:
        yield command.ip(after.netns, "link", "set", "dev", after.ifname, *_words({"stp": False}))
        change = Change(change.op, replace(before, stp=False), after)
    yield from _all_script(change)


def parse(seen: Seen) -> Bridge:
    data = seen.info.read(BRIDGE)
    own = {name: field.decode(data[field.kind]) if field.kind in data else field.birth for name, field in _DATA.items()}
    return Bridge(**seen.fields, **own)


def cascade(before: Bridge, after: Bridge, dependent: KernelObject) -> bool:
    """Beside what holds for all links: with another default VLAN the kernel gives and takes it at each port and at the
    bridge as it sees fit, so that their VLANs are said anew. Source: net/bridge/br_vlan.c
    __br_vlan_set_default_pvid."""
    if after.vlan_default_pvid not in (None, before.vlan_default_pvid) and dependent.key.table == "bridge-vlans":
        return True
    return link_cascade(before, after, dependent)


ROW = Kind(
    name="bridge",
    cls=Bridge,
    backend="rtnl",
    owner=Owner.ALIAS,
    info_kind=BRIDGE_KIND,
    in_place=LINK_FIELDS | _DATA.keys(),
    requests=requests,
    script=script,
    parse=parse,
    claims=altname_claims,
    cascade=cascade,
)
