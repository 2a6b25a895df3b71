"""Where one namespace sends a packet: its rules, its routes, and those that its addresses bring with them.

Rules: as the kernel looks up: rules by priority, in a table the longest prefix, among equals the lowest metric. What is
local is known before (table 255). Members of a VRF have its table for all this, before any other rule but that of what
is local (1000, l3mdev); what it does not know the main table does. A rule that asks for a mark fits no packet, for none
is marked here; one may pass over what its table says by short prefixes. A link that is down has no routes.
Source: ip-rule(8), ip-route(8), net/ipv4/fib_rules.c, Documentation/networking/vrf.rst.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address, ip_interface

from weft.compiler import addressing
from weft.compiler.addressing import Span
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import MAIN_TABLE, NextHop, Route
from weft.kinds.ip.rule import Rule
from weft.kinds.link.common import Link
from weft.kinds.link.vrf import Vrf
from weft.kinds.setting.link import MASTER, LinkSetting
from weft.state import KernelObject

number_of = lru_cache(maxsize=1 << 16)(addressing.number_of)
"""Of the same few addresses it is asked again and again."""

MAIN_PRIORITY = 32766
"""Of the kernel's own rule that looks up the main table. Source: ip-rule(8)."""

CONNECTED_METRIC = {4: 0, 6: 256}
"""Of the route that an address brings with it."""


class Tables:
    """One namespace's addresses, routes and rules."""

    def __init__(self, netns: str, objects: Iterable[KernelObject]) -> None:
        self.netns = netns
        self._links_of: dict[tuple[int, int], list[str]] = defaultdict(list)
        self._first: dict[tuple[int, str], str] = {}
        self._routes: dict[tuple[int, int], _Routes] = defaultdict(_Routes)
        self._rules_of: dict[tuple[int, str], list[Rule]] = {}
        self._rules = [Rule(netns=netns, family=family, priority=MAIN_PRIORITY, table=MAIN_TABLE) for family in (4, 6)]
        held = list(objects)
        self._vrf_of = _domains(held)
        self._down = {obj.ifname for obj in held if isinstance(obj, Link) and obj.up is False}
        for obj in held:
            self._add(obj)
        self._rules.sort(key=lambda rule: rule.priority)

    def is_local(self, address: str, src: str, iif: str = "") -> bool:
        """Whether it is the namespace's own for a packet: what a member of a VRF has, only within that."""
        within = (0, self._domain(src, iif))
        return any(self._vrf_of.get(link, 0) in within for link in self._links_of.get(number_of(address), ()))

    def _domain(self, src: str, iif: str) -> int:
        """The table of the VRF that a packet is in, by where it came in or, sent here, by its source; 0: none."""
        links = (iif,) if iif else self._links_of.get(number_of(src), ())
        return next((self._vrf_of.get(link, 0) for link in links), 0)

    def first_address(self, family: int, ifname: str) -> str | None:
        """What a packet gets as its source when it is masqueraded out of the link."""
        return self._first.get((family, ifname))

    def any_address(self, family: int) -> str | None:
        """What a packet sent here gets as its source where the link of its route has none: the first one that is
        not of a link or of this machine alone. Source: net/ipv4/devinet.c inet_select_addr."""
        own = (address for (of, _), address in self._first.items() if of == family)
        return next((one for one in own if not (ip_address(one).is_loopback or ip_address(one).is_link_local)), None)

    def route(self, dst: str, src: str, iif: str = "", *, even_down: bool = False) -> Route | None:
        """The route of a packet, None where there is none. `iif`: the link it came in by, "" for one sent here;
        `even_down`: by links that are down too, of which the kernel takes routes away."""
        family, number = number_of(dst)
        for table, action, shortest in self._tables(family, number, src, iif):
            if action:
                return Route(netns=self.netns, dst=f"{dst}/{32 if family == 4 else 128}", type=action)
            routes = self._routes[family, table].to(number) if (family, table) in self._routes else ()
            for route in routes:
                if (route.ifname in self._down and not even_down) or route.type == "throw":
                    continue
                if _length(route) < shortest:
                    break
                return route
        return None

    def _tables(self, family: int, number: int, src: str, iif: str) -> Iterator[tuple[int, str, int]]:
        """Tables to look in, in order, each with the shortest prefix that counts there; an action instead of a table
        ends the search."""
        domain = self._domain(src, iif)
        if domain:
            yield domain, "", 0
        for rule in self._rules_for(family, iif):
            if _fits(rule, family, number, src):
                shortest = 0 if rule.suppressed is None else rule.suppressed + 1
                yield rule.table, "" if rule.action == "lookup" else rule.action, shortest

    def _rules_for(self, family: int, iif: str) -> list[Rule]:
        """Those that may concern what comes in by a link."""
        if (family, iif) not in self._rules_of:
            own = [rule for rule in self._rules if rule.family == family and rule.iif in ("", iif)]
            self._rules_of[family, iif] = [rule for rule in own if not rule.fwmark and not rule.oif]
        return self._rules_of[family, iif]

    def _add(self, obj: KernelObject) -> None:
        match obj:
            case Address():
                self._add_address(obj)
            case Route():
                self._routes[obj.family, obj.table].add(obj)
            case Rule():
                self._rules.append(obj)

    def _add_address(self, held: Address) -> None:
        interface = ip_interface(held.cidr)
        self._links_of[interface.version, int(interface)].append(held.ifname)
        self._first.setdefault((held.family, held.ifname), str(interface.ip))
        metric = CONNECTED_METRIC[held.family]
        route = Route(netns=held.netns, dst=str(interface.network), ifname=held.ifname, metric=metric)
        table = self._vrf_of.get(held.ifname, MAIN_TABLE)
        self._routes[held.family, table].add(route)


class _Routes:
    """One table's routes of one family. A lookup costs as much as there are lengths of prefixes."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, int], list[Route]] = {}
        self._suffixes: list[int] = []

    def add(self, route: Route) -> None:
        span = Span.of(route.dst)
        suffix = (span.high - span.low).bit_length()
        insort(self._held.setdefault((suffix, span.low >> suffix), []), route, key=lambda one: one.metric)
        if suffix not in self._suffixes:
            insort(self._suffixes, suffix)

    def to(self, number: int) -> Iterator[Route]:
        """Those that lead to an address, the best first."""
        for suffix in self._suffixes:
            yield from self._held.get((suffix, number >> suffix), ())


def _domains(objects: Iterable[KernelObject]) -> dict[str, int]:
    """The members of VRFs, each with the table of its own."""
    held = list(objects)
    tables = {obj.ifname: obj.table for obj in held if isinstance(obj, Vrf)}
    links = {obj.ifname: tables[obj.master] for obj in held if isinstance(obj, Link) and obj.master in tables}
    settings = (obj for obj in held if isinstance(obj, LinkSetting) and obj.attribute == MASTER)
    return links | {one.ifname: tables[one.value] for one in settings if one.value in tables} if tables else {}


def hops(route: Route) -> tuple[NextHop, ...]:
    """The ways of a route, one where it is a plain one."""
    return route.nexthops or (NextHop(ifname=route.ifname, via=route.via),)


def _length(route: Route) -> int:
    """Of its prefix, in bits."""
    return int(route.dst.partition("/")[2])


def _fits(rule: Rule, family: int, number: int, src: str) -> bool:
    is_from = not rule.src or Span.of(rule.src).covers(*number_of(src))
    return is_from and (not rule.dst or Span.of(rule.dst).covers(family, number))
