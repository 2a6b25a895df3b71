"""A software bridge. Source: ip-link(8) TYPE BRIDGE, linux/if_bridge.h."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims, link_cascade
from weft.kinds.link.reading import Seen
from weft.wire.bridge import (
    BRIDGE,
    IFLA_BR_AGEING_TIME,
    IFLA_BR_FORWARD_DELAY,
    IFLA_BR_MCAST_SNOOPING,
    IFLA_BR_STP_STATE,
)
from weft.wire.codec import u8, u32
from weft.wire.link import link_info

MIN_MTU = 68
"""net/ethernet: ETH_MIN_MTU."""

MAX_PORTS = 1023
"""net/bridge/br_private.h BR_MAX_PORTS (1 << 10, port 0 unused)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge(Link):
    """forward_delay and ageing_time in hundredths of a second (USER_HZ)."""

    stp: bool | None = None
    forward_delay: int | None = None
    ageing_time: int | None = None
    mcast_snooping: bool | None = None


_DATA: Mapping[str, tuple[int, Callable[[int, int], bytes], str]] = {
    "stp": (IFLA_BR_STP_STATE, u32, "stp_state"),
    "forward_delay": (IFLA_BR_FORWARD_DELAY, u32, "forward_delay"),
    "ageing_time": (IFLA_BR_AGEING_TIME, u32, "ageing_time"),
    "mcast_snooping": (IFLA_BR_MCAST_SNOOPING, u8, "mcast_snooping"),
}
"""A bridge's own fields: their attribute, how it is written, and ip's word."""


def _create(bridge: Bridge, names: Names) -> Iterable[Request]:
    """Born with another MTU than wanted, and given the wanted one by a change: only a change makes the kernel keep it
    (else the bridge's MTU follows its ports). Source: net/bridge/br_device.c br_change_mtu."""
    born = replace(bridge, mtu=_other_mtu(bridge.mtu))
    yield writing.birth(born, names, link_info("bridge", *_data(_managed(bridge))))
    yield from writing.dress(bridge, names, ("mtu",))


def _other_mtu(mtu: int | None) -> int | None:
    return None if mtu is None else mtu - 1 if mtu > MIN_MTU else mtu + 1


def _managed(bridge: Bridge) -> dict[str, int]:
    return {name: int(value) for name in _DATA if (value := getattr(bridge, name)) is not None}


def _differing(before: Bridge, after: Bridge) -> dict[str, int]:
    return {name: value for name, value in _managed(after).items() if value != getattr(before, name)}


def _data(fields: Mapping[str, int]) -> list[bytes]:
    return [write(kind, fields[name]) for name, (kind, write, _) in _DATA.items() if name in fields]


def _info(fields: Mapping[str, int]) -> list[bytes]:
    return [link_info("bridge", *_data(fields))] if fields else []


def _script_create(bridge: Bridge) -> Iterable[str]:
    words = _words(_managed(bridge)) or ("type", "bridge")
    other = _other_mtu(bridge.mtu)
    mtu = () if other is None else ("mtu", other)
    yield command.ip(bridge.netns, "link", "add", "name", bridge.ifname, *mtu, *words)


def _words(fields: Mapping[str, int]) -> tuple[str | int, ...]:
    said = [word for name, value in fields.items() for word in (_DATA[name][2], value)]
    return ("type", "bridge", *said) if said else ()


def parse(seen: Seen) -> Bridge:
    data = seen.info.read(BRIDGE)
    return Bridge(
        **seen.fields,
        stp=bool(data.get(IFLA_BR_STP_STATE)),
        forward_delay=data.get(IFLA_BR_FORWARD_DELAY),
        ageing_time=data.get(IFLA_BR_AGEING_TIME),
        mcast_snooping=bool(data.get(IFLA_BR_MCAST_SNOOPING)),
    )


ROW = Kind(
    name="bridge",
    cls=Bridge,
    backend="rtnl",
    owner=Owner.ALIAS,
    info_kind="bridge",
    in_place=LINK_FIELDS | {"stp", "forward_delay", "ageing_time", "mcast_snooping"},
    requests=writing.requests_with(Bridge, _create, lambda before, after: _info(_differing(before, after))),
    script=writing.script_with(Bridge, _script_create, lambda before, after: _words(_differing(before, after))),
    parse=parse,
    claims=altname_claims,
    cascade=link_cascade,
)
