"""What every queueing discipline has, and how any of them is made. Source: tc(8), net/sched/sch_api.c.

Rules: a qdisc is known by its link and by where it sits there: at the root, or as the leaf of a class (or of another
qdisc that takes one). Numbers are as tc writes them: hexadecimal, major and minor. What the kernel puts somewhere by
itself has the handle 0: it is nobody's, reads as absent and gives way. A field that is None is neither managed nor
compared. What is wanted is said as the kernel can hold it (`held`), so that it reads back equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Self

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.records import dataclass
from weft.state import Change, KernelObject, Key, Keyed, Op, link_key, quick_key, set_key
from weft.wire.tc import TC_H_ROOT, delete_qdisc, new_qdisc, number_of, set_qdisc

ROOT = "root"
QDISC, CLASS = "qdisc", "class"
"""Tables."""


@lru_cache
def stand(netns: str, ifname: str) -> tuple[Key, Key]:
    """The keys of a link and of the root qdisc there: the same two for all of a tree."""
    return link_key(netns, ifname), qdisc_key(netns, ifname, ROOT)


class InTree(Keyed):
    """A part of a link's tree, that works out what it lives on when it is made, too: the road asks for it as often."""

    __slots__ = ("lives_on",)
    lives_on: tuple[Key, ...]

    def __post_init__(self) -> None:
        set_key(self, self.identify())
        _set_lives_on(self, self.grounds())

    def grounds(self) -> tuple[Key, ...]:
        """Its link, the root qdisc there unless it is that, and what else it lives on."""
        raise NotImplementedError


_set_lives_on: Callable[[InTree, tuple[Key, ...]], None] = InTree.__dict__["lives_on"].__set__


@dataclass(frozen=True, slots=True, kw_only=True)
class Qdisc(InTree):
    """`parent`: ROOT, or what it is the leaf of: "77:10". `handle`: "77:"; None where nobody names its classes.
    `below`: of a queue that another qdisc has (`parent` is then the only class of that, "78:1"), where that one sits;
    "" where it is a class's own, and at the root."""

    netns: str
    ifname: str
    parent: str = ROOT
    handle: str | None = None
    below: str = ""

    def identify(self) -> Key:
        return qdisc_key(self.netns, self.ifname, self.parent)

    def grounds(self) -> tuple[Key, ...]:
        """Its link, the root qdisc there, and the class or qdisc that it is the queue of."""
        link, root = stand(self.netns, self.ifname)
        if self.parent == ROOT:
            return (link,)
        if not self.below:
            return (link, root, class_key(self.netns, self.ifname, self.parent))
        return (link, root) if self.below == ROOT else (link, root, qdisc_key(self.netns, self.ifname, self.below))

    def held(self) -> Self:
        """As the kernel can hold it: what is wanted, rounded as it will come back."""
        return self


def qdisc_key(netns: str, ifname: str, parent: str) -> Key:
    return quick_key((QDISC, netns, f"{ifname} {parent}"))


def class_key(netns: str, ifname: str, classid: str) -> Key:
    return quick_key((CLASS, netns, f"{ifname} {classid}"))


def parent_number(parent: str) -> int:
    return TC_H_ROOT if parent == ROOT else number_of(parent)


AtBirth = Callable[[Any], tuple[bytes, tuple[str | int, ...]]]
"""What is said of a qdisc when it is made and never again: as options, and in tc's words."""


def row(
    cls: type[Any],
    tc_kind: str,
    *,
    options: Callable[[Any], bytes],
    words: Callable[[Any], Iterable[str | int]],
    fields: Callable[[bytes], Mapping[str, Any]],
    in_place: Iterable[str] = (),
    unsettles: Callable[[KernelObject], bool] = lambda dependent: False,
    at_birth: AtBirth = lambda qdisc: (b"", ()),
) -> Kind:
    """The row of a kind of qdisc. `options` writes its own options, `fields` reads them, `words` are tc's."""

    def requests(change: Change, names: Names) -> Iterator[Request]:
        before, after = change.before, change.after
        index = names.ifindex(change.object.lives_on[0])
        if isinstance(before, cls) and change.op is not Op.UPDATE:
            yield Request(before.netns, delete_qdisc(index, parent_number(before.parent), handle_of(before)))
        if isinstance(after, cls):
            at = parent_number(after.parent)
            if change.op is Op.UPDATE:
                handle = handle_of(before) if isinstance(before, cls) else 0
                yield Request(after.netns, set_qdisc(index, at, handle, tc_kind, options(after)))
            else:
                born_with = options(after) + at_birth(after)[0]
                yield Request(after.netns, new_qdisc(index, at, handle_of(after), tc_kind, born_with))

    return Kind(
        name=tc_kind,
        cls=cls,
        backend="rtnl",
        owner=Owner.HANDLE,
        tc_kind=tc_kind,
        in_place=frozenset(in_place),
        unsettles=unsettles,
        requests=requests,
        script=_script(cls, tc_kind, words, at_birth),
        parse=lambda said, read: cls(**said, **fields(read)),
    )


def _script(
    cls: type[Any], tc_kind: str, words: Callable[[Any], Iterable[str | int]], at_birth: AtBirth
) -> Callable[[Change], Iterator[str]]:
    def script(change: Change) -> Iterator[str]:
        before, after = change.before, change.after
        if isinstance(before, cls) and change.op is not Op.UPDATE:
            yield command.tc(before.netns, "qdisc", "del", *where(before))
        if isinstance(after, cls):
            verb, more = ("change", ()) if change.op is Op.UPDATE else ("add", at_birth(after)[1])
            yield command.tc(after.netns, "qdisc", verb, *where(after), tc_kind, *words(after), *more)

    return script


def handle_of(qdisc: Qdisc) -> int:
    return number_of(qdisc.handle) if qdisc.handle else 0


def where(qdisc: Qdisc) -> tuple[str, ...]:
    at = (ROOT,) if qdisc.parent == ROOT else ("parent", qdisc.parent)
    return ("dev", qdisc.ifname, *at, *(("handle", qdisc.handle) if qdisc.handle else ()))


def root_of(obj: InTree) -> Key:
    """The key of the root qdisc of the tree that `obj` is in."""
    return obj.lives_on[1] if len(obj.lives_on) > 1 else obj.key
