"""A link whose qdisc queues what is redirected to it. Source: ip-link(8) TYPE ifb,
drivers/net/ifb.c."""

from __future__ import annotations

from weft.kinds.link.common import Link
from weft.kinds.link.fields import Own, row
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ifb(Link):
    pass


ROW = row(Ifb, Own(kind="ifb", table={}, fields={}))
