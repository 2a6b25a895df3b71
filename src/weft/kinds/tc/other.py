"""A qdisc of a kind that weft does not make: somebody else's, or put by hand where weft's was.

Rules: it is only ever taken away, and made again as it was on a way back; classes and filters of it are not known here
(a root that gives way is kept whole: see `backends.foreign_tree`).
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.tc.qdisc import Qdisc, handle_of, parent_number, where
from weft.records import dataclass
from weft.state import Change, Op
from weft.wire.tc import delete_qdisc, new_qdisc


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherQdisc(Qdisc):
    """`qdisc_kind`: the kernel's word. `options`: what the kernel says of it, in hexadecimal."""

    qdisc_kind: str
    options: str = ""


def requests(change: Change, names: Names) -> Iterator[Request]:
    before, after = change.before, change.after
    index = names.ifindex(change.object.lives_on[0])
    if isinstance(before, OtherQdisc):
        yield Request(before.netns, delete_qdisc(index, parent_number(before.parent), handle_of(before)))
    if isinstance(after, OtherQdisc):
        options = bytes.fromhex(after.options)
        at = parent_number(after.parent)
        yield Request(after.netns, new_qdisc(index, at, handle_of(after), after.qdisc_kind, options))


def script(change: Change) -> Iterator[str]:
    if isinstance(change.before, OtherQdisc) and change.op is not Op.CREATE:
        yield command.tc(change.before.netns, "qdisc", "del", *where(change.before))


def parse(fields: dict[str, str], qdisc_kind: str, options: bytes) -> OtherQdisc:
    return OtherQdisc(**fields, qdisc_kind=qdisc_kind, options=options.hex())


ROW = Kind(
    name="other-qdisc",
    cls=OtherQdisc,
    backend="rtnl",
    owner=Owner.HANDLE,
    requests=requests,
    script=script,
    parse=parse,
)
