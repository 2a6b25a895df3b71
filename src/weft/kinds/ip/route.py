"""A route. Source: rtnetlink(7), ip-route(8), linux/rtnetlink.h."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.netns import ground
from weft.state import Change, Key, link_key

MAIN_TABLE = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`dst`: canonical prefix, "0.0.0.0/0" and "::/0" for the default. `via`: next hop of either family (RTA_VIA where
    it differs from dst's), "" for none. `metric`: RTA_PRIORITY; the kernel makes 0 into 1024 for IPv6, so the compiler
    says 1024 there. `type`: unicast, blackhole, unreachable, prohibit. `mtu`, `advmss` in bytes, `initcwnd`, `initrwnd`
    in segments: RTA_METRICS. `src`: preferred source address."""

    netns: str
    dst: str
    ifname: str = ""
    via: str = ""
    table: int = MAIN_TABLE
    metric: int = 0
    type: str = "unicast"
    scope: str | None = None
    onlink: bool | None = None
    src: str | None = None
    mtu: int | None = None
    advmss: int | None = None
    initcwnd: int | None = None
    initrwnd: int | None = None
    protocol: int | None = None

    @property
    def key(self) -> Key:
        return Key("route", self.netns, f"{self.dst} table {self.table} metric {self.metric}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (link_key(self.netns, self.ifname),) if self.ifname else ground(self.netns)

    @property
    def family(self) -> int:
        return 6 if ":" in self.dst else 4


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> Route:
    raise NotImplementedError


ROW = Kind(
    name="route",
    cls=Route,
    backend="rtnl",
    owner=Owner.PROTOCOL,
    in_place=frozenset(),
    requests=requests,
    script=script,
    parse=parse,
)
