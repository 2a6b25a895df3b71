"""Queues as people see them: whose traffic, which class of it, how much of it passes, waits and is lost.

Rules: plain data. A class is named as in the file, a foreign one by its number.
"""

from __future__ import annotations

from enum import StrEnum

from weft.picture.view import Flow
from weft.records import dataclass


class Delay(StrEnum):
    """MEASURED: by fq_codel, of the flow whose last packet waited longest. ESTIMATED: what waits by the rate at which
    it leaves, where two looks tell that, else by the limit: then it is at least that."""

    MEASURED = "measured"
    ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassView:
    """`depth`: 0 for the whole. `queue`: the kind of its queue, "" where it has classes instead. Rates None: there is
    none, or nobody knows. `sent`: with what was dropped as `lost`. `borrowed`: packets beyond the guarantee."""

    name: str
    depth: int
    number: str
    queue: str
    rate_bps: int | None
    ceil_bps: int | None
    priority: int | None
    sent: Flow
    borrowed: int
    overlimits: int
    waiting_bytes: int
    waiting_packets: int
    delay_us: float | None
    delay: Delay | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeView:
    """What queues at one link's root. `carrier`: whose traffic, in the words of the file (`port shop/web`, `link
    eth0`); `direction`: seen from it, "" of a foreign tree; `where`: the policy's line. `kind`: the root's."""

    carrier: str
    direction: str
    where: str
    netns: str
    ifname: str
    kind: str
    is_foreign: bool
    classes: tuple[ClassView, ...]
