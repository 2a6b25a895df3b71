"""A link that drops what is sent and answers on its addresses. Source: ip-link(8) TYPE dummy."""

from __future__ import annotations

from collections.abc import Iterable

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims, link_cascade
from weft.kinds.link.reading import Seen
from weft.records import dataclass
from weft.wire.link import link_info


@dataclass(frozen=True, slots=True, kw_only=True)
class Dummy(Link):
    pass


def _create(dummy: Dummy, names: Names) -> Iterable[Request]:
    yield writing.birth(dummy, names, link_info("dummy"))
    yield from writing.dress(dummy, names, ())


def _script_create(dummy: Dummy) -> Iterable[str]:
    yield command.ip(dummy.netns, "link", "add", "name", dummy.ifname, "type", "dummy")


def parse(seen: Seen) -> Dummy:
    return Dummy(**seen.fields)


ROW = Kind(
    name="dummy",
    cls=Dummy,
    backend="rtnl",
    owner=Owner.ALIAS,
    info_kind="dummy",
    in_place=LINK_FIELDS,
    requests=writing.requests_with(Dummy, _create),
    script=writing.script_with(Dummy, _script_create),
    parse=parse,
    claims=altname_claims,
    cascade=link_cascade,
)
