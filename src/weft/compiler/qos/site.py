"""Where something is shaped: a device, and the ifb that what it receives passes through.

Rules: what a device sends queues at its own root; what it receives is sent on to an ifb, and queues at the root of
that. Whose egress is which of the two depends on whom the device belongs to: a port's end on the bridge receives what
the port sends.
"""

from __future__ import annotations

from collections.abc import Set
from enum import Enum
from typing import Literal

from weft.compiler.naming import Names, altnames, mac, short_id
from weft.kinds.link.ifb import Ifb
from weft.model.intent import Path
from weft.records import dataclass

IFB_PREFIX = "wq"
QOS = "qos"
"""The last word of the marks and paths of what is made here."""
WAYS_IN = "host/ways-in"
"""The first words of the marks of the ifbs that what comes in by a link passes, however many share it."""
Direction = Literal["egress", "ingress"]


class Way(Enum):
    """Which way a packet passes the device. The values are in the names of chains and maps."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`path`: of whom it belongs to, `mark` and `id` theirs, `label` what people call it. `mtu` of the device, in
    bytes. `is_far_end`: whether it is the other end of what the policy is for; `is_foreign`: whether
    somebody else made it. `capacity_bps`: of the line behind it. `addr_gen_mode`: of the ifb. `features`: what the
    kernel has. `cgroups`: those that the file names and are there."""

    names: Names
    netns: str
    ifname: str
    mtu: int
    path: Path
    mark: str
    id: str
    label: str
    is_far_end: bool = False
    is_foreign: bool = False
    capacity_bps: int | None = None
    addr_gen_mode: str | None = None
    features: frozenset[str] = frozenset()
    cgroups: Set[str] = frozenset()

    def way(self, direction: Direction) -> Way:
        return Way.OUT if (direction == "egress") != self.is_far_end else Way.IN

    def queue_ifname(self, way: Way) -> str:
        """The link whose root holds what passes that way."""
        return self.ifname if way is Way.OUT else f"{IFB_PREFIX}{short_id(self.id)}"

    def chain_name(self, way: Way) -> str:
        return f"qos-{way.value}-{self.ifname}"

    @property
    def qos_path(self) -> Path:
        """Of what is made here, whoever asks for it: a port, or its network for all of its ports."""
        return (*self.path, QOS)

    @property
    def ifb(self) -> Ifb:
        return Ifb(
            netns=self.netns,
            ifname=self.queue_ifname(Way.IN),
            alias=f"{self.mark}/{QOS}",
            mac=mac(self.id, "ifb"),
            mtu=self.mtu,
            up=True,
            addr_gen_mode=self.addr_gen_mode,
            altnames=altnames(f"qos-{self.label}"),
        )
