"""Links as rtnetlink messages: their birth, their dress, their changes; and as `ip` commands.

Rules: a link is born in BIRTH_GROUP with all that the kernel takes in that message; the mark (its alias, which cannot
be given at birth) comes in the next one, which puts the group back to 0. Where udev may look meanwhile, which knows a
link by its group or else by its alias, a third one does that: of one message the kernel does the group before the
alias. Source: net/core/rtnetlink.c rtnl_create_link, do_setlink.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias, TypeVar

from weft.kinds import command
from weft.kinds.base import Names, Request
from weft.kinds.link.bonding import bond_of, settle
from weft.kinds.link.common import LINK_FIELDS, ChildLink, Link
from weft.kinds.verbs import Birth, DropLink
from weft.state import BIRTH_GROUP, Change, Op, link_key
from weft.wire.address_text import mac_bytes
from weft.wire.codec import attribute, text, u32
from weft.wire.link import (
    IFLA_ADDRESS,
    IFLA_GRO_MAX_SIZE,
    IFLA_GROUP,
    IFLA_GSO_MAX_SEGS,
    IFLA_GSO_MAX_SIZE,
    IFLA_IFNAME,
    IFLA_LINK,
    IFLA_MASTER,
    IFLA_MTU,
    IFLA_NET_NS_FD,
    add_altnames,
    addr_gen_mode,
    delete_altnames,
    link_alias,
    new_link,
    set_link,
)

AT_BIRTH = frozenset({"mac", "mtu", "gso_max_size", "gso_max_segs", "gro_max_size"})
"""What either end of a new link takes in the message that makes it; `master` only that end which it is sent to."""


def _write_master(link: Link, names: Names) -> bytes:
    return u32(IFLA_MASTER, names.ifindex(link_key(link.netns, link.master)) if link.master else 0)


def _number(kind: int, field: str) -> Callable[[Link, Names], bytes]:
    return lambda link, names: u32(kind, getattr(link, field))


_WRITERS: Mapping[str, Callable[[Link, Names], bytes]] = {
    "alias": lambda link, names: link_alias(link.alias or ""),
    "mac": lambda link, names: attribute(IFLA_ADDRESS, mac_bytes(link.mac or "")),
    "mtu": _number(IFLA_MTU, "mtu"),
    "master": _write_master,
    "gso_max_size": _number(IFLA_GSO_MAX_SIZE, "gso_max_size"),
    "gso_max_segs": _number(IFLA_GSO_MAX_SEGS, "gso_max_segs"),
    "gro_max_size": _number(IFLA_GRO_MAX_SIZE, "gro_max_size"),
    "addr_gen_mode": lambda link, names: addr_gen_mode(link.addr_gen_mode or ""),
}


L = TypeVar("L", bound=Link)
Requests: TypeAlias = Callable[[Change, Names], Iterator[Request]]
Script: TypeAlias = Callable[[Change], Iterator[str]]


def requests_with(
    cls: type[L],
    create: Callable[[L, Names], Iterable[Request]],
    data: Callable[[L, L], list[bytes]] = lambda before, after: [],
) -> Requests:
    """The `requests` of a kind of link. `data`: what of the kind's own fields an update must say."""

    def requests(change: Change, names: Names) -> Iterator[Request]:
        before, after = change.before, change.after
        if change.op is Op.UPDATE and isinstance(before, cls) and isinstance(after, cls):
            yield from update(before, after, names, *data(before, after))
            return
        if isinstance(before, Link):
            yield Request(before.netns, DropLink(names.ifindex(before.key)))
        if isinstance(after, cls):
            yield from create(after, names)

    return requests


def script_with(
    cls: type[L],
    create: Callable[[L], Iterable[str]],
    words: Callable[[L, L], tuple[str | int, ...]] = lambda before, after: (),
    born_with: frozenset[str] = frozenset(),
) -> Script:
    """The `script` of a kind of link: `create` says only how it comes to be; its common fields follow, but for those
    that it is `born_with`."""

    def script(change: Change) -> Iterator[str]:
        before, after = change.before, change.after
        if change.op is Op.UPDATE and isinstance(before, cls) and isinstance(after, cls):
            yield from _script_update(before, after, *words(before, after))
            return
        if isinstance(before, Link):
            yield command.ip(before.netns, "link", "del", "dev", before.ifname)
        if isinstance(after, cls):
            yield from create(after)
            born = replace(after, up=after.born_up)
            yield from _script_set(born, {name for name in LINK_FIELDS - born_with if getattr(born, name)})

    return script


def attributes(link: Link, names: Names, fields: Iterable[str]) -> list[bytes]:
    """The named fields as attributes; those that are not managed are left out."""
    return [_WRITERS[name](link, names) for name in fields if name in _WRITERS and getattr(link, name) is not None]


def at_birth(link: Link, names: Names, *, master: bool) -> list[bytes]:
    """What a new link is born with."""
    first = [text(IFLA_IFNAME, link.ifname), u32(IFLA_GROUP, BIRTH_GROUP), *attributes(link, names, AT_BIRTH)]
    return [*first, _write_master(link, names)] if master and link.master else first


def birth(link: Link, names: Names, info: bytes) -> Request:
    """The message that makes a link, or both ends of a pair. What stands on something in another namespace is made
    there, straight into its own: the kernel looks for the parent where the message is sent, and takes index, name and
    master to be of the link's own namespace. (Made in its own, by IFLA_LINK_NETNSID, it would first need a number for
    the parent's, and be among the parent's links for a moment.) Source: net/core/rtnetlink.c rtnl_newlink_create."""
    born = at_birth(link, names, master=True)
    if isinstance(link, ChildLink):
        born.append(u32(IFLA_LINK, names.ifindex(link.parent)))
    if link.made_in != link.netns:
        born.append(u32(IFLA_NET_NS_FD, names.netns_fd(link.netns)))
    up = None if bond_of(link, names) else link.born_up
    return Request(link.made_in, Birth(new_link(names.ifindex(link.key), *born, info, up=up)))


def dress(link: Link, names: Names, fields: Iterable[str], *data: bytes, up: bool | None = None) -> Iterator[Request]:
    """The mark for a newborn link, the named fields that its birth could not give it, and its other names."""
    index = names.ifindex(link.key)
    given = attributes(link, names, ("alias", "addr_gen_mode", *fields))
    bond = bond_of(link, names)
    yield from _marked(index, link.netns, [*given, *data], names, up=None if bond else up)
    if link.altnames:
        yield Request(link.netns, add_altnames(index, link.altnames))
    if bond:
        yield from settle(link, bond, names)


def _marked(index: int, netns: str, given: Iterable[bytes], names: Names, *, up: bool | None) -> Iterator[Request]:
    """What a newborn link is given, its mark among it, and no group of birth any more."""
    grown = u32(IFLA_GROUP, 0)
    if names.is_watched(netns):
        yield Request(netns, set_link(index, *given, up=up))
        yield Request(netns, set_link(index, grown))
    else:
        yield Request(netns, set_link(index, *given, grown, up=up))


def update(before: Link, after: Link, names: Names, *data: bytes) -> Iterator[Request]:
    """Only what differs. A newborn link loses its birth group with its first change."""
    index = names.ifindex(after.key)
    differing = [name for name in LINK_FIELDS if _differs(before, after, name)]
    if "altnames" in differing:
        yield from _rename(index, before, after)
    if not {"master", "mac"}.isdisjoint(differing) and (bond_of(before, names) or bond_of(after, names)):
        yield from _update_around_a_bond(before, after, names, differing, data)
        return
    given = attributes(after, names, differing)
    up = after.up if "up" in differing else None
    if before.newborn:
        yield from _marked(index, after.netns, [*given, *data], names, up=up)
    elif given or data or up is not None:
        yield Request(after.netns, set_link(index, *given, *data, up=up))


def _update_around_a_bond(
    before: Link, after: Link, names: Names, differing: list[str], data: tuple[bytes, ...]
) -> Iterator[Request]:
    """Out of the bond first, for only so has the link a MAC of its own; into another one, or the same, last."""
    index = names.ifindex(after.key)
    yield Request(after.netns, set_link(index, u32(IFLA_MASTER, 0)))
    yield Request(after.netns, set_link(index, up=False))
    given = attributes(after, names, (name for name in differing if name != "master"))
    if given or data:
        yield Request(after.netns, set_link(index, *given, *data))
    master = before.master if after.master is None else after.master
    joined = replace(after, master=master)
    bond = bond_of(joined, names)
    if master:
        yield Request(after.netns, set_link(index, _write_master(joined, names)))
    if bond:
        yield from settle(joined, bond, names)
    else:
        yield Request(after.netns, set_link(index, up=before.up if after.up is None else after.up))


def _rename(index: int, before: Link, after: Link) -> Iterator[Request]:
    had, wanted = before.altnames or (), after.altnames or ()
    if gone := tuple(name for name in had if name not in wanted):
        yield Request(after.netns, delete_altnames(index, gone))
    if new := tuple(name for name in wanted if name not in had):
        yield Request(after.netns, add_altnames(index, new))


def _differs(before: Link, after: Link, name: str) -> bool:
    wanted = getattr(after, name)
    return wanted is not None and wanted != getattr(before, name)


# As commands

_WORDS: Mapping[str, Callable[[Link], tuple[str | int, ...]]] = {
    "mac": lambda link: ("address", link.mac or ""),
    "mtu": lambda link: ("mtu", link.mtu or 0),
    "gso_max_size": lambda link: ("gso_max_size", link.gso_max_size or 0),
    "gso_max_segs": lambda link: ("gso_max_segs", link.gso_max_segs or 0),
    "gro_max_size": lambda link: ("gro_max_size", link.gro_max_size or 0),
    "master": lambda link: ("master", link.master) if link.master else ("nomaster",),
    "alias": lambda link: ("alias", link.alias or ""),
    "addr_gen_mode": lambda link: ("addrgenmode", link.addr_gen_mode or ""),
    "up": lambda link: ("up" if link.up else "down",),
}


def _script_set(link: Link, fields: Iterable[str], *more: str | int) -> Iterator[str]:
    """`ip link set` with the named fields, then altnames if they are among them."""
    named = set(fields)
    managed = [name for name in _WORDS if name in named and getattr(link, name) is not None]
    opened = "up" in managed and bool(link.up) and "master" in managed  # a bond takes only what is down
    words = [word for name in managed if not (opened and name == "up") for word in _WORDS[name](link)]
    if words or more:
        yield command.ip(link.netns, "link", "set", "dev", link.ifname, *words, *more)
    if opened:
        yield command.ip(link.netns, "link", "set", "dev", link.ifname, "up")
    if "altnames" in named:
        for name in link.altnames or ():
            yield command.ip(link.netns, "link", "property", "add", "dev", link.ifname, "altname", name)


def _script_update(before: Link, after: Link, *more: str | int) -> Iterator[str]:
    for name in before.altnames or ():
        if after.altnames is not None and name not in after.altnames:
            yield command.ip(after.netns, "link", "property", "del", "dev", after.ifname, "altname", name)
    differing = {name for name in LINK_FIELDS if _differs(before, after, name)}
    yield from _script_set(after, differing - {"altnames"}, *more)
    if "altnames" in differing:
        for name in after.altnames or ():
            if name not in (before.altnames or ()):
                yield command.ip(after.netns, "link", "property", "add", "dev", after.ifname, "altname", name)
