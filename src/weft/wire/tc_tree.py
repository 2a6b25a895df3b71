"""A tree of qdiscs, classes and filters, whoever made it, as the messages that make it again.

Rules: what the kernel says of an object is nearly what makes it: counters, times and what says how things are going are
left out, so that a tree has one form; what comes back rounded is said so that it is kept as it was. A kind of which
that is not known to be all is refused by name, before anything is lost. Source: net/sched/sch_api.c, sch_htb.c,
cls_u32.c, cls_flower.c, act_api.c; linux/pkt_cls.h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from struct import Struct
from typing import NamedTuple, TypeAlias

from weft.wire.codec import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    as_text,
    as_u32,
    attribute,
    message,
    text,
    u32,
    walk,
)
from weft.wire.tc import (
    RTM_NEWQDISC,
    RTM_NEWTCLASS,
    TC_H_INGRESS,
    TC_H_ROOT,
    TCA_KIND,
    TCA_OPTIONS,
    TCMSG_SIZE,
    header,
    major_of,
    read_header,
    said_of,
)
from weft.wire.tc_queue import codel_time_us

RTM_NEWTFILTER, RTM_GETTFILTER = 44, 46
_TCA_STAB, _TCA_CHAIN, _TCA_INGRESS_BLOCK, _TCA_EGRESS_BLOCK = 8, 11, 13, 14

Rewrite: TypeAlias = Callable[[bytes], bytes]


class CannotBeRemade(Exception):
    """Of what kind something is that is not known to come back as it was."""


class Node(NamedTuple):
    """A qdisc, class or filter as it is made: `what` is RTM_NEW*. `leads`: to a table of u32."""

    what: int
    handle: int
    parent: int
    info: int
    kind: str
    body: bytes
    leads: bool = False

    def make(self, index: int) -> bytes:
        head = header(index, self.handle, self.parent, self.info)
        return message(self.what, NLM_F_CREATE | NLM_F_EXCL, head, self.body)


def read_qdisc_node(buffer: bytes, at: int, end: int) -> Node | None:
    """None for the kernel's own and for what hooks sit on. Raises: CannotBeRemade."""
    _, handle, parent, _ = read_header(buffer, at)
    if not handle or parent == TC_H_INGRESS:
        return None
    return _node(RTM_NEWQDISC, buffer, at, end, _QDISCS)


def read_class_node(buffer: bytes, at: int, end: int) -> Node | None:
    """None for a class that its qdisc makes by itself."""
    found = dict(_parts(buffer, at, end))
    return _node(RTM_NEWTCLASS, buffer, at, end, _CLASSES) if found.get(TCA_KIND, b"")[:-1] == b"htb" else None


def read_filter_node(buffer: bytes, at: int, end: int) -> Node | None:
    """None for what only says that there are filters of a priority.

    Raises: CannotBeRemade.
    """
    _, handle, parent, info = read_header(buffer, at)
    found = dict(_parts(buffer, at, end))
    kind, options = as_text(found[TCA_KIND], 0, len(found[TCA_KIND])), found.get(TCA_OPTIONS)
    if options is None:
        return None
    if kind not in _FILTERS:
        raise CannotBeRemade(f"a filter of the kind {kind}")
    is_table = kind == "u32" and handle >= _U32_FIRST_ROOT and not handle & _U32_NODE
    if is_table and dict(_attributes(options)).get(_U32_DIVISOR, b"\1\0\0\0") != b"\1\0\0\0":
        raise CannotBeRemade("a table of u32 without a number of its own")
    chain = attribute(_TCA_CHAIN, found[_TCA_CHAIN]) if _TCA_CHAIN in found else b""
    body = text(TCA_KIND, kind) + chain + attribute(TCA_OPTIONS, _FILTERS[kind](options))
    leads = kind == "u32" and _U32_LINK in dict(_attributes(options))
    return Node(RTM_NEWTFILTER, handle, parent, info, kind, body, leads)


def get_filters(index: int, parent: int) -> tuple[int, bytes]:
    """Type and body of a dump of the filters of one qdisc or class."""
    return RTM_GETTFILTER, header(index, 0, parent)


def in_order(qdiscs: Iterable[Node], classes: Iterable[Node], filters: Iterable[Node]) -> list[Node]:
    """Each after what it is part of, u32's tables before what leads to them."""
    waiting = sorted([*qdiscs, *classes], key=lambda node: (node.what, node.handle))
    kinds = {node.handle: node.kind for node in waiting if node.what == RTM_NEWQDISC}
    placed: dict[int, Node] = {}
    while waiting:
        ready = [node for node in waiting if _stands(node, placed, kinds)]
        if not ready:
            raise CannotBeRemade(f"{waiting[0].kind} {said_of(waiting[0].handle)}, which stands on nothing seen")
        placed |= {node.handle: node for node in ready}
        waiting = [node for node in waiting if node.handle not in placed]
    return [*placed.values(), *_filters_in_order(list(filters))]


def _filters_in_order(filters: Sequence[Node]) -> list[Node]:
    """The priorities of u32 in the order in which they came, for each then has the number of its root table again."""
    roots: dict[tuple[int, int], int] = {}
    for node in filters:
        if _is_in_root(node):
            roots[node.parent, node.info] = node.handle & _U32_TABLE

    def place(node: Node) -> tuple[bool, int, bool]:
        root = roots.get((node.parent, node.info), _U32_ROOT)
        return node.leads, root, bool(node.kind != "u32" or node.handle & _U32_NODE)

    said = (node for node in sorted(filters, key=place) if not _is_in_root(node) or node.handle & _U32_NODE)
    return [node._replace(handle=node.handle & _U32_NODE) if _is_in_root(node) else node for node in said]


def _is_in_root(node: Node) -> bool:
    """Whether it is a root table of u32, which comes by itself, or in one."""
    return node.kind == "u32" and node.handle >= _U32_FIRST_ROOT


def _stands(node: Node, placed: Mapping[int, Node], kinds: Mapping[int, str]) -> bool:
    if node.what == RTM_NEWTCLASS:
        return (major_of(node.handle) if node.parent == TC_H_ROOT else node.parent) in placed
    if node.parent == TC_H_ROOT:
        return True
    over = major_of(node.parent)
    return node.parent in placed if kinds.get(over) == "htb" else over in placed


def _node(what: int, buffer: bytes, at: int, end: int, rewrites: Mapping[str, Rewrite]) -> Node:
    _, handle, parent, _ = read_header(buffer, at)
    found = dict(_parts(buffer, at, end))
    kind = as_text(found[TCA_KIND], 0, len(found[TCA_KIND]))
    if kind not in rewrites:
        raise CannotBeRemade(f"{kind} {said_of(handle)}")
    if not found.keys().isdisjoint((_TCA_STAB, _TCA_INGRESS_BLOCK, _TCA_EGRESS_BLOCK)):
        raise CannotBeRemade(f"{kind} {said_of(handle)} with a table of sizes or shared filters")
    options = attribute(TCA_OPTIONS, rewrites[kind](found[TCA_OPTIONS])) if TCA_OPTIONS in found else b""
    return Node(what, handle, parent, 0, kind, text(TCA_KIND, kind) + options)


def _parts(buffer: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
    return ((kind, buffer[start:stop]) for kind, start, stop in walk(buffer, at + TCMSG_SIZE, end))


def _attributes(options: bytes) -> Iterator[tuple[int, bytes]]:
    return ((kind, options[start:stop]) for kind, start, stop in walk(options, 0, len(options)))


def _as_it_is(options: bytes) -> bytes:
    return options


def _rewriting(changes: Mapping[int, Rewrite | None]) -> Rewrite:
    """Rewrites the attributes named, None leaves one out; the others stay."""

    def rewrite(options: bytes) -> bytes:
        kept = []
        for kind, value in _attributes(options):
            change = changes.get(kind, _as_it_is)
            if change is not None:
                kept.append(attribute(kind, change(value)))
        return b"".join(kept)

    return rewrite


_HTB_INIT = Struct("=5I")
_HTB_VERSION = 3


def _htb_init(value: bytes) -> bytes:
    """The kernel tells its whole version, and wants the major one; and it counts here."""
    _, rate_to_quantum, default, _, _ = _HTB_INIT.unpack(value)
    return _HTB_INIT.pack(_HTB_VERSION, rate_to_quantum, default, 0, 0)


def _codel_time(value: bytes) -> bytes:
    return u32(0, codel_time_us(as_u32(value, 0, 4)))[4:]


_SFQ_NUMBERS = 48
"""Behind them, tc_sfq_qopt_v1 counts."""

_QDISCS: Mapping[str, Rewrite] = {
    **dict.fromkeys(("noqueue", "pfifo", "bfifo", "pfifo_fast", "prio", "tbf", "fq", "cake", "netem", "mq"), _as_it_is),
    "htb": _rewriting({2: _htb_init}),
    "fq_codel": _rewriting(dict.fromkeys((1, 3, 7), _codel_time)),
    "codel": _rewriting(dict.fromkeys((1, 3, 5), _codel_time)),
    "sfq": lambda options: options[:_SFQ_NUMBERS].ljust(len(options), b"\0"),
}
_CLASSES: Mapping[str, Rewrite] = {"htb": _as_it_is}

_IN_HARDWARE = 0x4 | 0x8
"""TCA_CLS_FLAGS_IN_HW and NOT_IN_HW: told, and not taken."""


def _flags(value: bytes) -> bytes:
    return u32(0, as_u32(value, 0, 4) & ~_IN_HARDWARE)[4:]


_ACT_KIND, _ACT_OPTIONS = 1, 2
_ACT_TIMES, _ACT_PARMS = 1, 2
_GENERAL = Struct("=IIiii")
"""tc_gen: index, capab, action, refcnt, bindcnt; here every action's parameters begin so."""


def _general(value: bytes) -> bytes:
    index, capab, action, _, _ = _GENERAL.unpack_from(value)
    return _GENERAL.pack(index, capab, action, 0, 0) + value[_GENERAL.size :]


_ACTIONS = frozenset({"gact", "mirred"})
_action_options = _rewriting({_ACT_TIMES: None, _ACT_PARMS: _general, **dict.fromkeys((4, 5, 6), None)})


def _action(value: bytes) -> bytes:
    found = dict(_attributes(value))
    kind = as_text(found[_ACT_KIND], 0, len(found[_ACT_KIND]))
    if kind not in _ACTIONS:
        raise CannotBeRemade(f"an action of the kind {kind}")
    return text(_ACT_KIND, kind) + attribute(_ACT_OPTIONS, _action_options(found[_ACT_OPTIONS]))


def _actions(value: bytes) -> bytes:
    return b"".join(attribute(number, _action(action)) for number, action in _attributes(value))


_U32_HASH, _U32_LINK, _U32_DIVISOR = 2, 3, 4
_U32_FIRST_ROOT, _U32_ROOT, _U32_TABLE, _U32_NODE = 0x80000000, 0xFFF00000, 0xFFF00000, 0x00000FFF


def _u32_hash(value: bytes) -> bytes:
    """The root table of a priority under the name that each has: its number is dealt."""
    table = as_u32(value, 0, 4)
    return u32(0, _U32_ROOT if table & _U32_TABLE >= _U32_FIRST_ROOT else table)[4:]


_FILTERS: Mapping[str, Rewrite] = {
    "u32": _rewriting({_U32_HASH: _u32_hash, 7: _actions, 9: None, 11: _flags, 12: None}),
    "flower": _rewriting({3: _actions, 22: _flags, 86: None}),
    "fw": _rewriting({4: _actions}),
    "matchall": _rewriting({2: _actions, 3: _flags, 4: None, 5: None}),
}
