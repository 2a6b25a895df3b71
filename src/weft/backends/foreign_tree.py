"""Somebody else's root qdisc with all that belongs to it, as one text (kinds/setting/root_qdisc.py has the way back).

Rules: the text is one for one tree, whatever it has counted. It begins with the root's kind and handle, for people; a
tree that is not known to come back whole says why instead of what it holds.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Collection
from zlib import compress

from weft.kinds.setting.root_qdisc import KEPT, NOT_KEPT
from weft.netlink.connection import Connection
from weft.wire.tc import TC_H_ROOT, get_classes, get_qdiscs, read_header, read_qdisc, said_of
from weft.wire.tc_tree import (
    CannotBeRemade,
    Node,
    get_filters,
    in_order,
    read_class_node,
    read_filter_node,
    read_qdisc_node,
)


def foreign_tree(connection: Connection, index: int, ours: Collection[str]) -> str:
    """ "" where the link has no root but the kernel's own, or one that `ours` tell (kind and handle).

    Raises: DumpInterrupted, ReceiveOverrun.
    """
    roots = [
        seen for seen in connection.dump(get_qdiscs(), read_qdisc) if seen.ifindex == index and seen.parent == TC_H_ROOT
    ]
    if not roots or f"{roots[0].kind} {said_of(roots[0].handle)}" in ours:
        return ""
    name = f"{roots[0].kind} {said_of(roots[0].handle)}"
    try:
        nodes = _nodes(connection, index)
    except CannotBeRemade as problem:
        return f"{name} {NOT_KEPT}{problem}"
    rows = [[*node[:5], node.body.hex()] for node in nodes]
    return f"{name} {KEPT}{b64encode(compress(json.dumps(rows).encode())).decode()}"


def _nodes(connection: Connection, index: int) -> list[Node]:
    def read(buffer: bytes, at: int, end: int) -> Node | None:
        return read_qdisc_node(buffer, at, end) if read_header(buffer, at)[0] == index else None

    qdiscs = connection.dump(get_qdiscs(), read)
    classes: list[Node] = []
    for node in qdiscs:
        classes += connection.dump(get_classes(index, node.handle), read_class_node)
    filters: list[Node] = []
    for node in (*qdiscs, *classes):
        filters += connection.dump(get_filters(index, node.handle), read_filter_node)
    return in_order(qdiscs, classes, filters)
