"""What a link has of its namespace's own: addresses, routes by it, lasting neighbours. The value of the link
setting `addresses`.

Rules: the text holds each as the kernel told it, so that it comes back as it was; what is read of it stands before the
first "|". Of what the kernel makes by itself it has only routes that no address brings along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from weft.kinds.ip import address, neighbour, route
from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.records import dataclass
from weft.state import Change, Op
from weft.wire.address_text import AF_INET6
from weft.wire.belongings import Belonging
from weft.wire.codec import NLM_F_APPEND, NLM_F_CREATE, NLM_F_REPLACE, message
from weft.wire.neighbour import NDA_DST

ADDRESSES = "addresses"
"""The attribute."""

_METRICS = ("mtu", "advmss", "initcwnd", "initrwnd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """`value`: the text of all that can be moved; `bars`: why something cannot."""

    value: str = ""
    bars: tuple[str, ...] = ()


def held(found: Iterable[Belonging]) -> Held:
    """What of a link's addresses and routes is neither made by the kernel itself nor kept alive by somebody."""
    every = list(found)
    own_routes = any(one.makes_no_route for one in every)
    counted = [one for one in every if own_routes or not one.is_kernels]
    movable = sorted((one for one in counted if not one.bar), key=_order)
    return Held(value=_text(movable), bars=tuple(one.bar for one in counted if one.bar))


def _order(one: Belonging) -> tuple[int, bool, int]:
    """Addresses as they come, for the first is the primary; then routes, those that others lead by first; then
    neighbours, which the kernel forgets with the last IPv4 address."""
    if one.is_route:
        return 1, bool(_route(one).via), -one.body[1]
    return 0 if one.is_address else 2, False, 0


def _text(found: Iterable[Belonging]) -> str:
    return ", ".join(f"{_name(one)}|{one.type}|{one.body.hex()}" for one in found)


def parsed(value: str) -> tuple[Belonging, ...]:
    parts = (one.rsplit("|", 2) for one in value.split(", ") if one)
    return tuple(Belonging(int(kind), bytes.fromhex(body)) for _, kind, body in parts)


def joined(first: str, second: str) -> str:
    """All of both."""
    known = parsed(first)
    return _text([*known, *(one for one in parsed(second) if one not in known)])


def beside(value: str, known: str) -> str:
    """What of one value is not in another, by what it is called: told again it has other flags."""
    names = set(map(_name, parsed(known)))
    return _text([one for one in parsed(value) if _name(one) not in names])


def readable(value: str) -> str:
    """The same for people."""
    return ", ".join(one.split("|", 1)[0] for one in value.split(", ")) if value else ""


def _name(one: Belonging) -> str:
    if one.is_address:
        return f"{one.address.address}/{one.address.prefix_length}"
    if not one.is_route:
        return f"neighbour {one.neighbour.attributes[NDA_DST]}"
    found = _route(one)
    to = "default" if found.dst in ("0.0.0.0/0", "::/0") else found.dst
    return f"{to} via {found.via}" if found.via else f"route to {to}"


def _route(one: Belonging, netns: str = "", ifname: str = "") -> Route:
    return route.parse(netns, lambda _: ifname, one.route)


def objects(value: str, netns: str, ifname: str) -> Iterator[Address | Route | Neighbour]:
    """As objects of their own, on another link: routes that the addresses bring along there are left out."""
    for one in parsed(value):
        if one.is_address:
            nodad = True if one.family == AF_INET6 else None
            yield Address(netns=netns, ifname=ifname, cidr=_name(one), nodad=nodad)
        elif not one.is_route:
            yield replace(neighbour.parse(netns, ifname, one.neighbour), protocol=None)
        elif not one.is_kernels:
            said = _route(one, netns, ifname)
            metrics = {name: getattr(said, name) or None for name in _METRICS}
            onlink, source = said.onlink or None, said.src or None
            yield replace(said, protocol=None, onlink=onlink, src=source, **metrics)  # type: ignore[arg-type]


def messages(before: str, after: str, index: int) -> Iterator[bytes]:
    """What leads a link from one value to another. A route comes behind others of its key, which stay; addresses go the
    other way round, that no secondary is asked to step forward. Of IPv6 the kernel lists the newest first."""
    gone, new = _ways(parsed(before), parsed(after))
    for one in reversed(gone):
        yield message(one.deletion, 0, one.with_link(index))
    for one in new:
        if one.is_address and one.family == AF_INET6:
            yield message(one.type, NLM_F_CREATE | NLM_F_REPLACE, one.at_once().with_link(index))
        flags = NLM_F_APPEND if one.is_route else NLM_F_REPLACE
        yield message(one.type, NLM_F_CREATE | flags, one.with_link(index))


def _ways(now: Sequence[Belonging], goal: Sequence[Belonging]) -> tuple[list[Belonging], list[Belonging]]:
    """What goes and what comes, in the order of coming. Where addresses of a family are missing among others all of it
    is made anew, for their order counts: the first is the one that the host speaks with."""
    missing = {one.family for one in goal if one.is_address and one not in now}
    anew = {one.family for one in now if one.is_address and one in goal} & missing
    gone = [one for one in now if one not in goal or one.family in anew]
    new = [one for one in goal if one not in now or one.family in anew]
    addresses = [one for one in new if one.is_address]
    ipv6 = [one for one in reversed(addresses) if one.family == AF_INET6]
    ipv4 = [one for one in addresses if one.family != AF_INET6]
    return gone, [*ipv4, *ipv6, *(one for one in new if not one.is_address)]


def script(netns: str, ifname: str, before: str, after: str) -> Iterator[str]:
    gone, new = _ways(parsed(before), parsed(after))
    for one in reversed(gone):
        yield from _commands(netns, ifname, one, Op.DELETE)
    for one in new:
        yield from _commands(netns, ifname, one, Op.CREATE)


def _commands(netns: str, ifname: str, one: Belonging, op: Op) -> Iterable[str]:
    if one.is_address:
        there = Address(netns=netns, ifname=ifname, cidr=_name(one), nodad=True if one.family == AF_INET6 else None)
        change = Change(op, there, None) if op is Op.DELETE else Change(op, None, there)
        return address.script(change)
    if not one.is_route:
        entry = neighbour.parse(netns, ifname, one.neighbour)
        return neighbour.script(Change(op, entry, None) if op is Op.DELETE else Change(op, None, entry))
    return (route.line("del" if op is Op.DELETE else "append", _route(one, netns, ifname)),)
