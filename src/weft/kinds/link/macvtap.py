"""A macvlan whose other end is a character device, /dev/tapN by its index, for a virtual machine.

Rules: there is one /dev for all namespaces, so such an index must be unique on the machine. A process may hold the
device open; who may open it is the device file's, which the kernel makes for root alone. Source: ip-link(8) TYPE
macvtap, drivers/net/macvtap.c, drivers/base/devtmpfs.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims, link_cascade
from weft.kinds.link.fields import Own, parser
from weft.kinds.link.macvlan import FIELDS, Macvlan, other_life
from weft.kinds.link.reading import Seen
from weft.kinds.verbs import GiveDevice
from weft.records import dataclass
from weft.state import Change
from weft.wire.upon import MACVLAN

DEVICE = "/dev/tap"
_OF_DEVICE = ("user", "group", "permissions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Macvtap(Macvlan):
    """`user`, `group`: numbers of those to whom the device file belongs; `permissions` its mode bits."""

    user: int | None = None
    group: int | None = None
    permissions: int | None = None

    @property
    def device(self) -> str:
        return DEVICE


_OWN = Own(kind="macvtap", table=MACVLAN, fields=FIELDS)
_parse = parser(Macvtap, _OWN)
_link_requests = writing.requests_with(Macvtap, _OWN.create, _OWN.change)
_link_script = writing.script_with(Macvtap, _OWN.script_create, _OWN.script_change)


def requests(change: Change, names: Names) -> Iterator[Request]:
    yield from _link_requests(change, names)
    after = change.after
    if isinstance(after, Macvtap) and _is_given(change.before, after):
        index = names.ifindex(after.key)
        yield Request(after.netns, GiveDevice(f"{DEVICE}{index}", after.user, after.group, after.permissions))


def _is_given(before: object, after: Macvtap) -> bool:
    wanted = [(name, getattr(after, name)) for name in _OF_DEVICE if getattr(after, name) is not None]
    return any(not isinstance(before, Macvtap) or getattr(before, name) != value for name, value in wanted)


def script(change: Change) -> Iterable[str]:
    yield from _link_script(change)
    after = change.after
    if isinstance(after, Macvtap) and _is_given(change.before, after):
        file = f"{DEVICE}$(cat /sys/class/net/{after.ifname}/ifindex)"
        for program, number in (("chown", after.user), ("chgrp", after.group)):
            if number is not None:
                yield f"{program} {number} {file}"
        if after.permissions is not None:
            yield f"chmod {after.permissions:04o} {file}"


def parse(seen: Seen) -> Link | None:
    device: dict[str, Any] = dict(zip(_OF_DEVICE, seen.device, strict=True)) if seen.device else {}
    return _parse(seen, **device)


ROW = Kind(
    name="macvtap",
    cls=Macvtap,
    backend="rtnl",
    owner=Owner.ALIAS,
    info_kind="macvtap",
    in_place=LINK_FIELDS | {"mode", "sources", *_OF_DEVICE},
    replaces=other_life,
    held=True,
    requests=requests,
    script=script,
    parse=parse,
    claims=altname_claims,
    cascade=link_cascade,
)
