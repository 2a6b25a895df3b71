"""A link upon another one whose MAC it shares, told apart by its addresses.

Rules: mode and flag are their parent's: all ipvlans upon it have the same. Source: ip-link(8) TYPE ipvlan,
drivers/net/ipvlan, Documentation/networking/ipvlan.rst.
"""

from __future__ import annotations

from weft.kinds.link.common import ChildLink
from weft.kinds.link.fields import Own, choice, numbered, row
from weft.records import dataclass
from weft.wire.codec import u16
from weft.wire.upon import IFLA_IPVLAN_FLAGS, IFLA_IPVLAN_MODE, IPVLAN

MODES = numbered("l2", "l3", "l3s")
FLAGS = numbered("bridge", "private", "vepa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipvlan(ChildLink):
    """`mode` of MODES; `flag` of FLAGS: whether those upon one parent reach each other, not, or by way of the outside.
    mtu: the parent's."""

    mode: str
    flag: str | None = None


_FLAG = choice("flag", IFLA_IPVLAN_FLAGS, "", FLAGS, u16)._replace(words=lambda link: (link.flag,))
_FIELDS = {"mode": choice("mode", IFLA_IPVLAN_MODE, "mode", MODES, u16), "flag": _FLAG}

ROW = row(Ipvlan, Own(kind="ipvlan", table=IPVLAN, fields=_FIELDS), "mode", "flag")
