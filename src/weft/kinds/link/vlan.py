"""One VLAN of a link, as a link. Source: ip-link(8) TYPE vlan, net/8021q."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import LINK_FIELDS, ChildLink, altname_claims, link_cascade
from weft.kinds.link.reading import Seen
from weft.records import dataclass
from weft.wire.codec import be16, u16
from weft.wire.link import link_info
from weft.wire.vlan import (
    ETH_P_8021AD,
    ETH_P_8021Q,
    IFLA_VLAN_EGRESS_QOS,
    IFLA_VLAN_FLAGS,
    IFLA_VLAN_ID,
    IFLA_VLAN_INGRESS_QOS,
    IFLA_VLAN_PROTOCOL,
    VLAN,
    VLAN_FLAG_GVRP,
    VLAN_FLAG_LOOSE_BINDING,
    VLAN_FLAG_MVRP,
    VLAN_FLAG_REORDER_HDR,
    QosMapping,
    qos_map,
    vlan_flags,
)

PROTOCOLS: Mapping[str, int] = {"802.1q": ETH_P_8021Q, "802.1ad": ETH_P_8021AD}

_FLAGS: Mapping[str, int] = {
    "reorder_hdr": VLAN_FLAG_REORDER_HDR,
    "gvrp": VLAN_FLAG_GVRP,
    "loose_binding": VLAN_FLAG_LOOSE_BINDING,
    "mvrp": VLAN_FLAG_MVRP,
}
_MAPS: Mapping[str, tuple[int, str]] = {
    "ingress_qos": (IFLA_VLAN_INGRESS_QOS, "ingress-qos-map"),
    "egress_qos": (IFLA_VLAN_EGRESS_QOS, "egress-qos-map"),
}
"""A map's attribute, and ip's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vlan(ChildLink):
    """vid 1-4094; protocol a key of PROTOCOLS. `ingress_qos`: sorted pairs of a frame's priority (0-7) and the
    packet's; `egress_qos`: of the packet's and the frame's. A pair to 0 is no pair. mtu at most the parent's."""

    vid: int
    protocol: str = "802.1q"
    reorder_hdr: bool | None = None
    gvrp: bool | None = None
    loose_binding: bool | None = None
    mvrp: bool | None = None
    ingress_qos: tuple[QosMapping, ...] | None = None
    egress_qos: tuple[QosMapping, ...] | None = None


def _create(vlan: Vlan, names: Names) -> Iterable[Request]:
    fixed = (be16(IFLA_VLAN_PROTOCOL, PROTOCOLS[vlan.protocol]), u16(IFLA_VLAN_ID, vlan.vid))
    yield writing.birth(vlan, names, link_info("vlan", *fixed, *_data(None, vlan)))
    yield from writing.dress(vlan, names, ())


def _data(before: Vlan | None, after: Vlan) -> Iterator[bytes]:
    """What of the fields that may change does; all of them for a new one."""
    wanted = {name: on for name in _FLAGS if (on := getattr(after, name)) not in (None, getattr(before, name, None))}
    if wanted:
        yield vlan_flags(sum(_FLAGS[name] for name, on in wanted.items() if on), sum(_FLAGS[name] for name in wanted))
    for name, (kind, _) in _MAPS.items():
        if mappings := _remapped(before, after, name):
            yield qos_map(kind, mappings)


def _remapped(before: Vlan | None, after: Vlan, name: str) -> list[QosMapping]:
    """The pairs that differ; what is mapped no more is mapped to 0."""
    had, wanted = dict(getattr(before, name, None) or ()), getattr(after, name)
    if wanted is None:
        return []
    goal = {**dict.fromkeys(had, 0), **dict(wanted)}
    return sorted(pair for pair in goal.items() if had.get(pair[0], 0) != pair[1])


def _changes(before: Vlan, after: Vlan) -> list[bytes]:
    data = list(_data(before, after))
    return [link_info("vlan", *data)] if data else []


def _script_create(vlan: Vlan) -> Iterable[str]:
    """Made where its parent is, into its own namespace."""
    where = "" if vlan.made_in == vlan.netns else f" netns {command.netns_argument(vlan.netns)}"
    data = ("type", "vlan", "protocol", vlan.protocol, "id", vlan.vid, *_words(None, vlan))
    yield (
        command.ip(vlan.made_in, "link", "add", "link", vlan.parent.name, "name", vlan.ifname)
        + where
        + command.more(data)
    )


def _words(before: Vlan | None, after: Vlan) -> tuple[str | int, ...]:
    said: list[str] = []
    for name in _FLAGS:
        on = getattr(after, name)
        if on not in (None, getattr(before, name, None)):
            said += (name, "on" if on else "off")
    for name, (_, word) in _MAPS.items():
        if mappings := _remapped(before, after, name):
            said += (word, *(f"{first}:{second}" for first, second in mappings))
    return tuple(said)


def _change_words(before: Vlan, after: Vlan) -> tuple[str | int, ...]:
    said = _words(before, after)
    return ("type", "vlan", *said) if said else ()


def parse(seen: Seen) -> Vlan | None:
    """None where its parent is in a namespace that nobody finds."""
    if seen.other is None:
        return None
    data = seen.info.read(VLAN)
    flags = data.get(IFLA_VLAN_FLAGS, 0)
    own: dict[str, Any] = {name: bool(flags & flag) for name, flag in _FLAGS.items()}
    own |= {name: tuple(sorted(data.get(kind, ()))) for name, (kind, _) in _MAPS.items()}
    return Vlan(
        **seen.fields,
        parent=seen.other,
        vid=data[IFLA_VLAN_ID],
        protocol=next((word for word, number in PROTOCOLS.items() if number == data.get(IFLA_VLAN_PROTOCOL)), ""),
        **own,
    )


def claims(vlan: Vlan) -> Iterable[tuple[str, ...]]:
    """A parent has each VLAN once."""
    yield from altname_claims(vlan)
    yield ("vlan", *vlan.parent, vlan.protocol, str(vlan.vid))


ROW = Kind(
    name="vlan",
    cls=Vlan,
    backend="rtnl",
    owner=Owner.ALIAS,
    info_kind="vlan",
    in_place=LINK_FIELDS | _FLAGS.keys() | _MAPS.keys(),
    requests=writing.requests_with(Vlan, _create, _changes),
    script=writing.script_with(Vlan, _script_create, _change_words),
    parse=parse,
    claims=claims,
    cascade=link_cascade,
    alone=("parent", "protocol", "vid"),
)
