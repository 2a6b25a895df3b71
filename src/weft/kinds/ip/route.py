"""A route. Source: rtnetlink(7), ip-route(8), linux/rtnetlink.h."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from sys import byteorder

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.ip.origin import protocol_of
from weft.kinds.netns import ground
from weft.records import dataclass
from weft.state import PROTOCOL, Change, Key, Keyed, link_key
from weft.wire.address_text import AF_INET6, family_of, ip_bytes, prefix_bytes
from weft.wire.codec import NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, attribute, message, nest, u32
from weft.wire.route import (
    RTA_DST,
    RTA_GATEWAY,
    RTA_METRICS,
    RTA_MULTIPATH,
    RTA_OIF,
    RTA_PREFSRC,
    RTA_PRIORITY,
    RTA_TABLE,
    RTA_VIA,
    RTAX_ADVMSS,
    RTAX_INITCWND,
    RTAX_INITRWND,
    RTAX_MTU,
    RTM_DELROUTE,
    RTM_NEWROUTE,
    RTNH_F_ONLINK,
    SCOPES,
    TYPES,
    HopMessage,
    RouteMessage,
    next_hop,
    route_header,
)

MAIN_TABLE = 254


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class NextHop:
    """One way among several. `weight` 1-256: its share of the flows, beside the others'."""

    ifname: str
    via: str = ""
    weight: int = 1
    onlink: bool = False

    def __str__(self) -> str:
        """As ip-route(8) says it."""
        said = (f"via {self.via}" if self.via else "", f"dev {self.ifname}")
        more = (f"weight {self.weight}" if self.weight != 1 else "", "onlink" if self.onlink else "")
        return " ".join(filter(None, said + more))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Keyed):
    """`dst`: canonical prefix, "0.0.0.0/0" and "::/0" for the default. `via`: next hop of either family (RTA_VIA where
    it differs from dst's), "" for none. `metric`: RTA_PRIORITY; the kernel makes 0 into 1024 for IPv6, so the compiler
    says 1024 there. `type`: unicast, blackhole, unreachable, prohibit. `mtu`, `advmss` in bytes, `initcwnd`, `initrwnd`
    in segments: RTA_METRICS. `src`: preferred source address. `nexthops`: sorted, where there are several; `ifname`,
    `via` and `onlink` are then theirs to say. `behind`: as observed, somebody else's of the same key stands before it,
    which IPv4 allows (`ip route prepend`). `others`: as observed, somebody else's on an adopted link: changed, it keeps
    its protocol, and so stays there when the link is given up."""

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
    nexthops: tuple[NextHop, ...] = ()
    protocol: int | None = None
    behind: bool = field(default=False, compare=False)
    others: bool | None = field(default=None, compare=False)

    def identify(self) -> Key:
        return Key("route", self.netns, _name(self.dst, self.table, self.metric))

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return tuple(link_key(self.netns, ifname) for ifname in self.ifnames) or ground(self.netns)

    @property
    def ifnames(self) -> tuple[str, ...]:
        """The links that it leads to; none for one that leads nowhere."""
        if self.nexthops:
            return tuple(dict.fromkeys(hop.ifname for hop in self.nexthops))
        return (self.ifname,) if self.ifname else ()

    @property
    def family(self) -> int:
        return 6 if ":" in self.dst else 4


_SCOPE_NUMBERS = {name: number for number, name in SCOPES.items()}
_TYPE_NUMBERS = {name: number for number, name in TYPES.items()}
_METRICS: Mapping[str, int] = {
    "mtu": RTAX_MTU,
    "advmss": RTAX_ADVMSS,
    "initcwnd": RTAX_INITCWND,
    "initrwnd": RTAX_INITRWND,
}
_UNREACHABLE = frozenset({"blackhole", "unreachable", "prohibit", "throw"})


def _name(dst: str, table: int, metric: int) -> str:
    return f"{dst} table {table} metric {metric}"


def requests(change: Change, names: Names) -> Iterator[Request]:
    """A route read back as weft's is changed by one message, so that no packet finds none; another is deleted first,
    and so is one behind somebody else's, for the kernel replaces the first of its key. Source: net/ipv4/fib_trie.c
    fib_table_insert."""
    before, after = change.before, change.after
    if isinstance(before, Route) and isinstance(after, Route) and before.protocol == PROTOCOL and not before.behind:
        yield Request(after.netns, _new(after, protocol_of(change), names, NLM_F_CREATE | NLM_F_REPLACE))
        return
    if isinstance(before, Route):
        yield Request(before.netns, _delete(before, names))
    if isinstance(after, Route):
        behind = isinstance(before, Route) and before.behind
        flags = NLM_F_CREATE | (NLM_F_APPEND if behind else NLM_F_EXCL)
        yield Request(after.netns, _new(after, protocol_of(change), names, flags))


def _new(route: Route, protocol: int, names: Names, flags: int) -> bytes:
    family, length, identity = _identity(route, names)
    header = route_header(
        family,
        length,
        protocol=protocol,
        scope=_SCOPE_NUMBERS[route.scope or default_scope(route)],
        kind=_TYPE_NUMBERS[route.type],
        onlink=bool(route.onlink),
    )
    source = attribute(RTA_PREFSRC, ip_bytes(route.src)) if route.src else b""
    return message(RTM_NEWROUTE, flags, header, identity, source, _metrics(route), _multipath(route, names))


def _multipath(route: Route, names: Names) -> bytes:
    hops = (
        next_hop(
            names.ifindex(link_key(route.netns, hop.ifname)),
            _via(route, hop.via),
            weight=hop.weight,
            onlink=hop.onlink,
        )
        for hop in route.nexthops
    )
    return attribute(RTA_MULTIPATH, b"".join(hops)) if route.nexthops else b""


def _delete(route: Route, names: Names) -> bytes:
    """Says all that tells it from another of the same key; the scope stays open. Of several next hops none is named,
    which deletes them all."""
    family, length, identity = _identity(route, names)
    scope, kind = _SCOPE_NUMBERS["nowhere"], _TYPE_NUMBERS[route.type]
    header = route_header(family, length, protocol=route.protocol or 0, scope=scope, kind=kind)
    return message(RTM_DELROUTE, 0, header, identity)


def _identity(route: Route, names: Names) -> tuple[int, int, bytes]:
    """Family, prefix length and the attributes that both making and deleting need."""
    raw, length = prefix_bytes(route.dst)
    parts = [attribute(RTA_DST, raw), u32(RTA_TABLE, route.table)]
    if route.metric:
        parts.append(u32(RTA_PRIORITY, route.metric))
    if route.ifname:
        parts.append(u32(RTA_OIF, names.ifindex(link_key(route.netns, route.ifname))))
    parts.append(_via(route, route.via))
    return family_of(route.dst), length, b"".join(parts)


def _via(route: Route, via: str) -> bytes:
    if not via:
        return b""
    raw, family = ip_bytes(via), family_of(via)
    if family == family_of(route.dst):
        return attribute(RTA_GATEWAY, raw)
    return attribute(RTA_VIA, family.to_bytes(2, byteorder) + raw)


def _metrics(route: Route) -> bytes:
    given = [u32(kind, value) for name, kind in _METRICS.items() if (value := getattr(route, name)) is not None]
    return nest(RTA_METRICS, *given) if given else b""


def default_scope(route: Route) -> str:
    """As ip(8) chooses: directly on a link where there is no next hop."""
    direct = not route.via and not any(hop.via for hop in route.nexthops)
    return "link" if route.type == "unicast" and direct and route.family == 4 else "global"


def script(change: Change) -> Iterable[str]:
    before, after = change.before, change.after
    if isinstance(before, Route) and not isinstance(after, Route):
        yield command.ip(before.netns, *_words("del", before))
    if isinstance(after, Route):
        verb = "replace" if isinstance(before, Route) else "add"
        yield line(verb, replace(after, protocol=protocol_of(change)))


def line(verb: str, route: Route) -> str:
    """`ip route VERB`, for a route that keeps its protocol."""
    return command.ip(route.netns, *_words(verb, route))


def _words(verb: str, route: Route) -> Iterator[str | int]:
    yield from (() if route.family == 4 else ("-6",))
    yield from ("route", verb, *(() if route.type == "unicast" else (route.type,)), route.dst)
    yield from _via_words(route, route.via)
    said: tuple[tuple[str, str | int | None], ...] = (
        ("dev", route.ifname),
        ("table", route.table if route.table != MAIN_TABLE else None),
        ("metric", route.metric),
        ("proto", route.protocol),
    )
    if verb != "del":
        said += (("scope", route.scope), ("src", route.src), *((name, getattr(route, name)) for name in _METRICS))
    yield from (word for name, value in said if value for word in (name, value))
    yield from ("onlink",) if route.onlink and verb != "del" else ()
    for hop in route.nexthops if verb != "del" else ():
        yield from ("nexthop", *_via_words(route, hop.via), "dev", hop.ifname, "weight", hop.weight)
        if hop.onlink:
            yield "onlink"


def _via_words(route: Route, via: str) -> tuple[str | int, ...]:
    if not via:
        return ()
    if family_of(via) == family_of(route.dst):
        return "via", via
    return "via", "inet6" if ":" in via else "inet", via


def name_of(seen: RouteMessage) -> str:
    """The name in its key of a route that was read."""
    return _name(_dst(seen), seen.table, seen.attributes.get(RTA_PRIORITY, 0))


def _dst(seen: RouteMessage) -> str:
    any_address = "::" if seen.family == AF_INET6 else "0.0.0.0"
    return f"{seen.attributes.get(RTA_DST, any_address)}/{seen.prefix_length}"


def parse(netns: str, ifname_of: Callable[[int], str], seen: RouteMessage) -> Route:
    """The kernel puts IPv6 routes that lead nowhere on `lo`."""
    found = seen.attributes
    kind = TYPES.get(seen.type, str(seen.type))
    metrics = found.get(RTA_METRICS, {})
    return Route(
        netns=netns,
        dst=_dst(seen),
        ifname="" if kind in _UNREACHABLE else ifname_of(found.get(RTA_OIF, 0)),
        via=found.get(RTA_GATEWAY) or found.get(RTA_VIA, ""),
        table=seen.table,
        metric=found.get(RTA_PRIORITY, 0),
        type=kind,
        scope=SCOPES.get(seen.scope, str(seen.scope)),
        onlink=bool(seen.flags & RTNH_F_ONLINK),
        src=found.get(RTA_PREFSRC, ""),
        nexthops=tuple(sorted(_parse_hop(ifname_of(hop.ifindex), hop) for hop in seen.hops)),
        protocol=seen.protocol,
        **{name: metrics.get(number, 0) for name, number in _METRICS.items()},
    )


def _parse_hop(ifname: str, hop: HopMessage) -> NextHop:
    return NextHop(ifname=ifname, via=hop.via, weight=hop.weight, onlink=bool(hop.flags & RTNH_F_ONLINK))


ROW = Kind(
    name="route",
    cls=Route,
    backend="rtnl",
    owner=Owner.PROTOCOL,
    in_place=frozenset(
        {"ifname", "via", "type", "scope", "onlink", "src", "mtu", "advmss", "initcwnd", "initrwnd", "nexthops"},
    ),
    requests=requests,
    script=script,
    parse=parse,
)
