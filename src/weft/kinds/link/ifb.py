"""A link whose qdisc queues what is redirected to it. Source: ip-link(8) TYPE ifb,
drivers/net/ifb.c."""

from __future__ import annotations

from collections.abc import Iterator

from weft.kinds import command
from weft.kinds.link import writing
from weft.kinds.link.common import Link
from weft.kinds.link.fields import Own, row
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ifb(Link):
    pass


def _script_create(ifb: Ifb) -> Iterator[str]:
    """The kernel gives an ifb no other MAC than that of its birth."""
    mac = ("address", ifb.mac) if ifb.mac else ()
    yield command.ip(ifb.netns, "link", "add", "name", ifb.ifname, *mac, "type", "ifb")


ROW = row(
    Ifb,
    Own(kind="ifb", table={}, fields={}),
    script=writing.script_with(Ifb, _script_create, born_with=frozenset({"mac"})),
)
