"""A link that bears weft's mark and is of no kind that weft makes: a veth of which the other end was taken to where
nobody finds it, or one that somebody made with a copied alias.

Rules: it is only ever taken away. What such a link was, nobody here knows: a way back leaves its place empty.
"""

from __future__ import annotations

from collections.abc import Iterable

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link import writing
from weft.kinds.link.common import OtherLink, altname_claims
from weft.kinds.link.reading import Seen


def _create(link: OtherLink, names: Names) -> Iterable[Request]:
    return ()


def _script_create(link: OtherLink) -> Iterable[str]:
    return ()


def parse(seen: Seen) -> OtherLink:
    return OtherLink(**seen.fields, link_kind=seen.info.kind)


ROW = Kind(
    name="other-link",
    cls=OtherLink,
    backend="rtnl",
    owner=Owner.ALIAS,
    requests=writing.requests_with(OtherLink, _create),
    script=writing.script_with(OtherLink, _script_create),
    parse=parse,
    claims=altname_claims,
)
