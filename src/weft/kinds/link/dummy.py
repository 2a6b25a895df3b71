"""A link that drops what is sent and answers on its addresses. Source: ip-link(8) TYPE dummy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims, link_cascade
from weft.kinds.link.reading import Fields
from weft.kinds.verbs import Birth
from weft.wire.link import link_info, new_link


@dataclass(frozen=True, slots=True, kw_only=True)
class Dummy(Link):
    pass


def _create(dummy: Dummy, names: Names) -> Iterable[Request]:
    born = writing.at_birth(dummy, names, master=True)
    yield Request(dummy.netns, Birth(new_link(names.ifindex(dummy.key), *born, link_info("dummy"), up=dummy.up)))
    yield from writing.dress(dummy, names, ())


def _script_create(dummy: Dummy) -> Iterable[str]:
    yield command.ip(dummy.netns, "link", "add", "name", dummy.ifname, "type", "dummy")


def parse(fields: Fields) -> Dummy:
    return Dummy(**fields)


ROW = Kind(
    name="dummy",
    cls=Dummy,
    backend="rtnl",
    owner=Owner.ALIAS,
    in_place=LINK_FIELDS,
    requests=writing.requests_with(Dummy, _create),
    script=writing.script_with(Dummy, _script_create),
    parse=parse,
    claims=altname_claims,
    cascade=link_cascade,
)
