"""A link that drops what is sent and answers on its addresses. Source: ip-link(8) TYPE dummy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link.common import LINK_FIELDS, Link, altname_claims
from weft.state import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Dummy(Link):
    pass


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> Dummy:
    raise NotImplementedError


ROW = Kind(
    name="dummy",
    cls=Dummy,
    backend="rtnl",
    owner=Owner.ALIAS,
    in_place=LINK_FIELDS,
    requests=requests,
    script=script,
    parse=parse,
    claims=altname_claims,
)
