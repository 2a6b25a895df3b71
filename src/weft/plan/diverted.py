"""Floating IPs that a plan leads elsewhere, told by the elements and rules that lead them; and addresses that routers
give up, told by the host's routes to them.

Rules: pure, and apart from the model of forwarding, which most plans have no need of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from weft.compiler.floating.layout import FLOATING, FORWARDED, FORWARDS
from weft.compiler.naming import TRANSIT_GLOB
from weft.diff import Changes
from weft.kinds.ip.route import MAIN_TABLE, Route
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.state import HOST, Change, KernelObject

_BY_ADDRESS = frozenset({*FLOATING.values(), *FORWARDS.values()})


def moved(changes: Changes) -> dict[str, set[str]]:
    """By router, the floating IPs that lead elsewhere than before, or anywhere at all."""
    found: dict[str, set[str]] = {}
    for key, change in changes.items():
        if not key.table.startswith("nft-"):
            continue
        addresses = set(_addresses(change.before)) ^ set(_addresses(change.after))
        if addresses:
            found.setdefault(key.netns, set()).update(address for address, _ in addresses)
    return found


def given_up(changes: Changes) -> dict[str, set[str]]:
    """Addresses and prefixes that the host no longer leads to a router, by each namespace that may remember connections
    by them: the host, and the routers that translate otherwise now."""
    gone = {change.before.dst for change in changes.values() if _is_given_up(change)}  # type: ignore[union-attr]
    if not gone:
        return {}
    places = {key.netns for key in changes if key.table.startswith("nft-")}
    return dict.fromkeys(places | {HOST}, gone)


def _is_given_up(change: Change) -> bool:
    """Whether the host led something by a transit link that it leads nowhere now."""
    route = change.before
    return isinstance(route, Route) and change.after is None and route.table == MAIN_TABLE and leads_in(route)


def leads_in(route: Route) -> bool:
    """Whether the host leads something to a router by it."""
    return route.netns == HOST and route.ifname.startswith(TRANSIT_GLOB.removesuffix("*"))


def floating_in(objects: Iterable[KernelObject]) -> frozenset[str]:
    """The floating IPs that lead anywhere."""
    return frozenset(address for obj in objects for address, _ in _addresses(obj))


def left(changes: Changes) -> tuple[str, ...]:
    """The floating IPs that no longer lead, for all or for some, where they led, in the order of the changes."""
    found: dict[str, None] = {}
    for change in changes.values():
        if isinstance(change.before, NftChain):
            found.update(dict.fromkeys(_narrowed(change.before, change.after)))
        else:
            gone = set(_addresses(change.before)) - set(_addresses(change.after))
            found.update(dict.fromkeys(address for address, _ in gone))
    return tuple(found)


def _narrowed(before: NftChain, after: KernelObject | None) -> Iterator[str]:
    """The floating IPs of ranges that no rule holds whole any more."""
    ranges: dict[tuple[str, ...], list[re.Match[str]]] = {}
    for rule in getattr(after, "rules", ()):
        if now := FORWARDED.fullmatch(rule):
            ranges.setdefault(_way(now), []).append(now)
    for rule in before.rules:
        was = FORWARDED.fullmatch(rule)
        if was and not any(_covers(now, was) for now in ranges.get(_way(was), ())):
            yield was["address"]


def _way(forwarded: re.Match[str]) -> tuple[str, ...]:
    return forwarded["address"], forwarded["protocol"], forwarded["to"]


def _covers(now: re.Match[str], was: re.Match[str]) -> bool:
    return int(now["low"]) <= int(was["low"]) and int(was["high"]) <= int(now["high"])


def _addresses(obj: KernelObject | None) -> Iterator[tuple[str, str]]:
    """Floating IPs that an object is about, each with what it says of it."""
    if isinstance(obj, NftElement) and obj.set in _BY_ADDRESS:
        yield obj.element.partition(" . ")[0], f"{obj.element} {obj.value}"
    elif isinstance(obj, NftChain):
        yield from ((found["address"], rule) for rule in obj.rules if (found := FORWARDED.fullmatch(rule)))
