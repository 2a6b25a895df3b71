"""A macvlan whose other end is a character device, /dev/tapN by its index, for a virtual machine.

Rules: there is one /dev for all namespaces, so such an index must be unique on the machine. A process may hold the
device open. Source: ip-link(8) TYPE macvtap, drivers/net/macvtap.c.
"""

from __future__ import annotations

from weft.kinds.link.fields import Own, row
from weft.kinds.link.macvlan import FIELDS, Macvlan, other_life
from weft.records import dataclass
from weft.wire.upon import MACVLAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Macvtap(Macvlan):
    @property
    def device(self) -> str:
        return "/dev/tap"


_OWN = Own(kind="macvtap", table=MACVLAN, fields=FIELDS)

ROW = row(Macvtap, _OWN, "mode", "sources", replaces=other_life, held=True)
