"""A link with a MAC of its own upon another link. Source: ip-link(8) TYPE macvlan, drivers/net/macvlan.c."""

from __future__ import annotations

from typing import Any

from weft.kinds.link.common import ChildLink
from weft.kinds.link.fields import Field, Own, choice, row
from weft.records import dataclass
from weft.wire.codec import u32
from weft.wire.upon import IFLA_MACVLAN_MACADDR_DATA, IFLA_MACVLAN_MODE, MACVLAN, macvlan_sources

MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8, "source": 16}
PASSTHRU = "passthru"
"""The only one on its parent, whose MAC it has; the mode of a lifetime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Macvlan(ChildLink):
    """`mode` a key of MODES. `sources`: MACs, sorted, whose frames it takes in mode source. mtu at most the
    parent's."""

    mode: str
    sources: tuple[str, ...] | None = None


FIELDS = {
    "mode": choice("mode", IFLA_MACVLAN_MODE, "mode", MODES, u32),
    "sources": Field(
        lambda link: macvlan_sources(link.sources) if link.sources else b"",
        lambda data: tuple(sorted(data.get(IFLA_MACVLAN_MACADDR_DATA, ()))),
        lambda link: ("macaddr", "set", *link.sources) if link.sources else (),
    ),
}


def other_life(before: Any, after: Any) -> bool:
    """Whether the change of mode asks for another link. Source: drivers/net/macvlan.c macvlan_changelink. One that
    no longer has sources is made anew as well: the kernel empties the list by another command only."""
    return (before.mode == PASSTHRU) != (after.mode == PASSTHRU) or bool(before.sources and not after.sources)


ROW = row(Macvlan, Own(kind="macvlan", table=MACVLAN, fields=FIELDS), "mode", "sources", replaces=other_life)
