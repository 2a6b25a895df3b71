"""A domain of routing of its own: what its ports receive and send is looked up in its table.

Rules: the kernel makes the rule that leads there (l3mdev, priority 1000) with a namespace's first VRF, and leaves it
when the last one goes; without a VRF it matches nothing. Source: Documentation/networking/vrf.rst, drivers/net/vrf.c.
"""

from __future__ import annotations

from weft.kinds.link.common import Link
from weft.kinds.link.fields import Own, number, row
from weft.records import dataclass
from weft.wire.codec import u32
from weft.wire.upon import IFLA_VRF_TABLE, VRF


@dataclass(frozen=True, slots=True, kw_only=True)
class Vrf(Link):
    """`table`: of its routes, for life."""

    table: int


_FIELDS = {"table": number("table", IFLA_VRF_TABLE, "table", u32)}

ROW = row(Vrf, Own(kind="vrf", table=VRF, fields=_FIELDS))
